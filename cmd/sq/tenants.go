package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsLong = `Keep the configuration file of many tenants.

The file is changed where it has to be: other fields, their order and all spacing
stay. What would not load is not written, and a change survives the loss of power
once the command ends. A server beside it takes the change when it reads the file
again: at SIGHUP, at a POST to /api/v2/reload or, with "reload_on_change", by
itself. New tokens are shown once; the file keeps their hashes. --audit-log records
what was done, in the file that sq host --audit-log has.`

const tenantsExample = `  sq tenants add carol --config tenants.json     a tenant, and its token
  sq tenants list --config tenants.json          who there is
  sq tenants rotate carol --config tenants.json  another token`

func newTenants(out outside) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tenants",
		Short:   "add, list, change and remove tenants",
		Long:    tenantsLong,
		Example: tenantsExample,
	}
	cmd.AddCommand(newTenantsGenerate(), newTenantsAdd(), newTenantsList(), newTenantsSet(), newTenantsRemove(), newTenantsRotate(), newTenantsHash(out))
	return cmd
}

// tenantsFlags are what the commands that change or show tenants share.
type tenantsFlags struct {
	config string
	from   string // a file with names, "-" for standard input; empty where there is none
	json   bool
	audit  string // where to record what is done; empty: nowhere
	notes  io.Writer
}

func (f *tenantsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.config, "config", "", "the `file` of the tenants; required")
	flags.BoolVar(&f.json, "json", false, "print a JSON object a line")
}

func (f *tenantsFlags) registerFrom(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "take names from a `file`, one a line; - is standard input")
}

func (f *tenantsFlags) registerAudit(flags *pflag.FlagSet) {
	flags.StringVar(&f.audit, "audit-log", "", "append what is done to this `file`, as sq host --audit-log does")
}

// change changes the file, and records that for each tenant it is about.
func (f *tenantsFlags) change(action string, names []string, asked any, edit func(*tenant.Edit) error) (inPlace bool, _ error) {
	audit, err := admin.NewAudit(newLogger(f.notes, "text", "warn"), f.audit)
	if err != nil {
		return false, err
	}
	return changed(audit.DoHere(action, names, asked, func() error { return tenant.ChangeFile(f.config, edit) }))
}

// check refuses a command line without a configuration.
func (f *tenantsFlags) check(cmd *cobra.Command) error {
	if f.notes = cmd.ErrOrStderr(); f.config == "" {
		return usage("name the file that sq host is started with", "%s needs --config FILE", cmd.CommandPath())
	}
	return nil
}

// names returns the names that the command line gives, or those of the file.
func (f *tenantsFlags) names(cmd *cobra.Command, args []string) ([]string, error) {
	if err := f.check(cmd); err != nil {
		return nil, err
	}
	if f.from == "" {
		if len(args) == 0 {
			return nil, usage("as in "+cmd.CommandPath()+" carol --config tenants.json", "a tenant's name is missing")
		}
		return args, nil
	}
	if len(args) > 0 {
		return nil, usage("", "with --from the names are those of the file: leave out %q", args[0])
	}
	return readNames(f.from, cmd.InOrStdin())
}

func readNames(path string, stdin io.Reader) (names []string, err error) {
	from := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); name != "" {
			names = append(names, name)
		}
	}
	if lines.Err() == nil && len(names) == 0 {
		return nil, fmt.Errorf("%s: there is no name in it", path)
	}
	return names, lines.Err()
}

// one returns the one name that a command is for.
func (f *tenantsFlags) one(cmd *cobra.Command, args []string) (string, error) {
	names, err := f.names(cmd, args)
	if err == nil && len(names) > 1 {
		err = usage("", "%s takes one name, and was given %d", cmd.CommandPath(), len(names))
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// settingsFlags are the settings of a tenant.
type settingsFlags struct {
	quota, day        int64
	rate              float64
	readOnly, enabled bool
	durability        string
}

func (f *settingsFlags) register(flags *pflag.FlagSet) {
	flags.Int64Var(&f.quota, "quota-mb", 0, "the room it may use, in megabytes of 1,048,576 bytes; 0: no limit")
	flags.Float64Var(&f.rate, "requests-per-second", 0, "the rate it may ask at; 0: no limit")
	flags.Int64Var(&f.day, "requests-per-day", 0, "how often it may ask a day; 0: no limit")
	flags.BoolVar(&f.readOnly, "read-only", false, "it may not write")
	flags.StringVar(&f.durability, "durability", tenant.Fsync, "when a write is answered: when it is on the disk (`fsync`), or before, to be there within 100 ms (relaxed)")
}

// settings returns those that the command line gives.
func (f *settingsFlags) settings(flags *pflag.FlagSet) (s tenant.Settings) {
	if flags.Changed("quota-mb") {
		s.QuotaMB = &f.quota
	}
	if flags.Changed("requests-per-second") {
		s.RequestsPerSecond = &f.rate
	}
	if flags.Changed("requests-per-day") {
		s.RequestsPerDay = &f.day
	}
	if flags.Changed("read-only") {
		s.ReadOnly = &f.readOnly
	}
	if flags.Changed("enabled") {
		s.Enabled = &f.enabled
	}
	if flags.Changed("durability") {
		s.Durability = &f.durability
	}
	return s
}

// changed makes what is done of a change of the file: whether it is in place, and
// the error for a person.
func changed(err error) (inPlace bool, _ error) {
	switch sq.ErrorCode(err) {
	case "":
		return true, nil
	case sq.Uncertain:
		return true, err
	case sq.Invalid, sq.Conflict, sq.NotFound:
		return false, hinted(err, "nothing was changed")
	}
	return false, err
}
