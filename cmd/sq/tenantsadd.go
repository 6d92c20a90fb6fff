package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsAddLong = `Add tenants to a configuration file, and print their tokens.

A token is shown this once: the file keeps its hash. For one NAME standard output
has the token and nothing else; for several it has a line each, the name, a tab
and the token. Either all of them are added or none.

A tenant's directory is the one of its name under "data_root" of the file, or
--data-dir. The server makes it. Under the root a directory that has files in it is
refused, since the new tenant would be shown them; --data-dir takes it.`

const tenantsAddExample = `  sq tenants add carol --config tenants.json --quota-mb 1024
  sq tenants add carol --config tenants.json --data-dir /srv/old/carol
  sq tenants add --from names.txt --config tenants.json --json > tokens.json`

// addedTenant is what is told of a tenant that was added, or has another token.
type addedTenant struct {
	ID      string `json:"tenant_id"`
	Token   string `json:"api_key"`
	DataDir string `json:"data_dir,omitempty"`
	Status  string `json:"status"`
}

// tenantsAdd is the command line of add.
type tenantsAdd struct {
	tenantsFlags
	settingsFlags
	dataDir string
}

func newTenantsAdd() *cobra.Command {
	var f tenantsAdd
	cmd := &cobra.Command{
		Use:     "add NAME... --config FILE",
		Short:   "add tenants, and print their tokens",
		Long:    tenantsAddLong,
		Example: tenantsAddExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := f.names(cmd, args)
			if err != nil {
				return err
			}
			if len(names) > 1 && f.dataDir != "" {
				return usage("", "--data-dir is for one tenant, and %d names were given", len(names))
			}
			return f.add(names, f.settings(cmd.Flags()), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().SortFlags = false
	f.tenantsFlags.register(cmd.Flags())
	f.registerFrom(cmd.Flags())
	f.registerAudit(cmd.Flags())
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "the `folder` of its phexts (default its name under data_root)")
	f.settingsFlags.register(cmd.Flags())
	return cmd
}

func (f *tenantsAdd) add(names []string, s tenant.Settings, out, notes io.Writer) error {
	var added []addedTenant
	inPlace, err := f.change("add", names, admin.Settings(s), func(e *tenant.Edit) error {
		added = nil
		for _, name := range names {
			t, err := f.place(e, name, s)
			if err != nil {
				return err
			}
			added = append(added, t)
		}
		return nil
	})
	if inPlace {
		fmt.Fprintf(notes, "%s added. A token is shown this once.\n", count(len(added), "tenant"))
		err = errors.Join(err, printTokens(out, added, f.json))
	}
	return err
}

func (f *tenantsAdd) place(e *tenant.Edit, name string, s tenant.Settings) (t addedTenant, err error) {
	t = addedTenant{ID: name, Token: tenant.NewToken(0), DataDir: f.dataDir, Status: "active"}
	if f.dataDir == "" {
		t.DataDir, err = e.AddUnderRoot(name, tenant.HashToken(t.Token), s)
		return t, err
	}
	return t, e.Add(name, f.dataDir, tenant.HashToken(t.Token), s)
}

// printTokens prints tokens: one alone, so that a script can keep it, and several
// with the names.
func printTokens(out io.Writer, list []addedTenant, asJSON bool) error {
	for _, t := range list {
		var err error
		switch {
		case asJSON:
			err = json.NewEncoder(out).Encode(t)
		case len(list) == 1:
			_, err = fmt.Fprintln(out, t.Token)
		default:
			_, err = fmt.Fprintf(out, "%s\t%s\n", t.ID, t.Token)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
