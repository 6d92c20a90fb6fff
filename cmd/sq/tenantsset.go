package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsSetLong = `Change what tenants may use. What is not given stays as it is.

--enabled brings a tenant back that was removed, with the tokens and the files
that it had; --enabled=false is sq tenants remove. --read-only=false lets a tenant write again
whose tokens are all for reading only; beside a token that may write, those for
reading only stay what they are.`

const tenantsSetExample = `  sq tenants set carol --config tenants.json --quota-mb 2048
  sq tenants set carol --config tenants.json --enabled
  sq tenants set --from names.txt --config tenants.json --requests-per-second 50`

func newTenantsSet() *cobra.Command {
	var f tenantsFlags
	var limits settingsFlags
	cmd := &cobra.Command{
		Use:     "set NAME... --config FILE",
		Short:   "change what tenants may use",
		Long:    tenantsSetLong,
		Example: tenantsSetExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := f.names(cmd, args)
			if err != nil {
				return err
			}
			s := limits.settings(cmd.Flags())
			if s.IsZero() {
				return usage(helpOn(cmd)+" lists the settings", "there is nothing to set")
			}
			return f.each("set", admin.Settings(s), names, cmd.OutOrStdout(), "changed", func(e *tenant.Edit, name string) error { return e.Set(name, s) })
		},
	}
	cmd.Flags().SortFlags = false
	f.register(cmd.Flags())
	f.registerFrom(cmd.Flags())
	f.registerAudit(cmd.Flags())
	limits.register(cmd.Flags())
	cmd.Flags().BoolVar(&limits.enabled, "enabled", true, "its tokens are let in")
	return cmd
}

const tenantsRemoveLong = `Take tenants out of service.

Their tokens stop working as soon as the server reads the file. Nothing is erased:
the entries stay in the file, disabled, and the phexts stay where they are. To
bring a tenant back, sq tenants set NAME --enabled. Either all are removed or none.`

const tenantsRemoveExample = `  sq tenants remove carol --config tenants.json
  sq tenants remove --from names.txt --config tenants.json`

func newTenantsRemove() *cobra.Command {
	var f tenantsFlags
	cmd := &cobra.Command{
		Use:     "remove NAME... --config FILE",
		Short:   "take tenants out of service; their files stay",
		Long:    tenantsRemoveLong,
		Example: tenantsRemoveExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := f.names(cmd, args)
			if err != nil {
				return err
			}
			return f.each("disable", nil, names, cmd.OutOrStdout(), "disabled; the files stay", (*tenant.Edit).Disable)
		},
	}
	cmd.Flags().SortFlags = false
	f.register(cmd.Flags())
	f.registerFrom(cmd.Flags())
	f.registerAudit(cmd.Flags())
	return cmd
}

// each changes tenants, all or none, and prints a line about each.
func (f *tenantsFlags) each(action string, asked any, names []string, out io.Writer, done string, edit func(*tenant.Edit, string) error) error {
	inPlace, err := f.change(action, names, asked, func(e *tenant.Edit) error {
		for _, name := range names {
			if err := edit(e, name); err != nil {
				return err
			}
		}
		return nil
	})
	if !inPlace {
		return err
	}
	if f.json {
		return f.printAccounts(out, names)
	}
	for _, name := range names {
		if _, err := fmt.Fprintf(out, "%s: %s\n", name, done); err != nil {
			return err
		}
	}
	return err
}
