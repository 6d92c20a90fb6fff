package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/tenant"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "look at a configuration file",
		Long:    "Look at a configuration file of tenants, without serving it.",
		Example: "  sq config check tenants.json",
	}
	cmd.AddCommand(newConfigCheck())
	return cmd
}

const configCheckLong = `Say whether a configuration of tenants would load, and if not why, with line and
column. Nothing is changed and no directory is made; those that a server would make
are named, since a disk may not be mounted.

Exit status: 0 when it would load, 1 when it would not, 2 for wrong usage.`

const configCheckExample = `  sq config check tenants.json
  sq config check tenants.json && kill -HUP $(pidof sq)`

func newConfigCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "check FILE",
		Short:   "say whether a configuration would load",
		Long:    configCheckLong,
		Example: configCheckExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("as in sq config check tenants.json", "one file is wanted, and %s given", were(len(args)))
			}
			c, err := checkConfig(args[0])
			if asJSON {
				return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(c))
			}
			if err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: file, loads, error, tenants, disabled, tokens, admin, reload_on_change, missing")
	return cmd
}

func were(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// checkedConfig is what a configuration would do.
type checkedConfig struct {
	File     string   `json:"file"`
	Loads    bool     `json:"loads"`
	Error    string   `json:"error,omitempty"`
	Tenants  int      `json:"tenants"`
	Disabled int      `json:"disabled"`
	Tokens   int      `json:"tokens"` // that work
	Admin    bool     `json:"admin"`
	Reload   bool     `json:"reload_on_change"`
	Missing  []string `json:"missing"` // directories that a server would make
}

func checkConfig(path string) (checkedConfig, error) {
	c := checkedConfig{File: path, Missing: []string{}}
	err := c.load(path)
	if c.Loads = err == nil; err != nil {
		c.Error = err.Error()
	}
	return c, err
}

func (c *checkedConfig) load(path string) error {
	config, err := tenant.Load(path)
	if err != nil {
		return err
	}
	for _, a := range config.Accounts() {
		if c.Tenants++; !a.Enabled {
			c.Disabled++
		}
		c.Tokens += a.Tokens
	}
	registry := tenant.New(config)
	c.Admin, c.Reload = registry.HasAdmin(), config.ReloadOnChange
	missing, err := tenant.CheckDirs(registry)
	for _, t := range missing {
		c.Missing = append(c.Missing, t.DataDir)
	}
	return err
}

// mostMissing is how many directories are named to people.
const mostMissing = 10

func (c *checkedConfig) print(out io.Writer) error {
	fmt.Fprintf(out, "%s loads: %s (%d disabled), %s, administration %s, read again %s\n", c.File, count(c.Tenants, "tenant"),
		c.Disabled, count(c.Tokens, "token"), choose(c.Admin, "open", "closed"), choose(c.Reload, "when it changes", "when asked to"))
	for i, dir := range c.Missing {
		if i == mostMissing {
			fmt.Fprintf(out, "… and %d more\n", len(c.Missing)-i)
			break
		}
		fmt.Fprintf(out, "the directory %s does not exist and would be made; a disk may not be mounted\n", dir)
	}
	return nil
}

func choose(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
