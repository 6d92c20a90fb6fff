package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsListLong = `List the tenants of a configuration file, those that are out of service included:
a table for people or, with --json, an object a line for programs. Tokens are not
shown, only how many there are that work.`

const tenantsListExample = `  sq tenants list --config tenants.json
  sq tenants list --config tenants.json --json | jq -r 'select(.status == "disabled").tenant_id'`

func newTenantsList() *cobra.Command {
	var f tenantsFlags
	cmd := &cobra.Command{
		Use:     "list --config FILE",
		Short:   "list tenants",
		Long:    tenantsListLong,
		Example: tenantsListExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.list(cmd.OutOrStdout())
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *tenantsFlags) list(out io.Writer) error {
	config, err := tenant.Load(f.config)
	if err != nil {
		return err
	}
	accounts := config.Accounts()
	if f.json {
		return printAccounts(out, accounts)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tTOKENS\tMODE\tQUOTA MB\tPER SECOND\tPER DAY\tDIRECTORY")
	for _, t := range accounts {
		a := admin.NewTenant(t)
		mode := "read-write"
		if a.ReadOnly {
			mode = "read-only"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Status, a.Tokens, mode,
			limit(float64(a.QuotaMB)), limit(a.RequestsPerSecond), limit(float64(a.RequestsPerDay)), printable(a.DataDir))
	}
	return table.Flush()
}

// limit writes a limit; "-" where there is none.
func limit(n float64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// printAccounts prints the tenants of these names as they are in the file now.
func (f *tenantsFlags) printAccounts(out io.Writer, names []string) error {
	config, err := tenant.Load(f.config)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var accounts []tenant.Account
	for _, a := range config.Accounts() {
		if wanted[a.Tenant.Name] {
			accounts = append(accounts, a)
		}
	}
	return printAccounts(out, accounts)
}

func printAccounts(out io.Writer, list []tenant.Account) error {
	enc := json.NewEncoder(out)
	for _, a := range list {
		if err := enc.Encode(admin.NewTenant(a)); err != nil {
			return err
		}
	}
	return nil
}
