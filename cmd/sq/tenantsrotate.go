package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsRotateLong = `Give a tenant another token.

A token that leaked: --now. The new token is printed, and every old one stops
working as soon as the server reads the file (send it SIGHUP at once, where
"reload_on_change" is not set). Until the callers have the new token they are
refused.

Otherwise in two steps, without a gap: first the new token, beside which the old
one goes on working; then, when all callers have the new one, --finish, which takes
all but the newest token out of the file. A leak that is noticed in between is
ended by --finish as well.

A tenant may have tokens for reading only beside those that write. Those that
write are exchanged, and with --read-only those for reading only. The list form of
the file has one token a tenant, so it knows --now alone.`

const tenantsRotateExample = `  sq tenants rotate carol --config tenants.json            a new token beside the old one
  sq tenants rotate carol --config tenants.json --finish   the old one goes
  sq tenants rotate carol --config tenants.json --now      it leaked: both at once`

// tenantsRotate is the command line of rotate.
type tenantsRotate struct {
	tenantsFlags
	tenant.Rotation
	finish bool
}

func newTenantsRotate() *cobra.Command {
	var f tenantsRotate
	cmd := &cobra.Command{
		Use:     "rotate NAME --config FILE",
		Short:   "give a tenant another token",
		Long:    tenantsRotateLong,
		Example: tenantsRotateExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := f.one(cmd, args)
			if err != nil {
				return err
			}
			if f.finish && f.Now {
				return usage("--finish ends an exchange that was begun; --now does all of it", "--finish and --now exclude each other")
			}
			if f.finish {
				return f.end(name, cmd.OutOrStdout())
			}
			return f.begin(name, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().SortFlags = false
	f.register(cmd.Flags())
	f.registerAudit(cmd.Flags())
	cmd.Flags().BoolVar(&f.Now, "now", false, "the old tokens stop at once")
	cmd.Flags().BoolVar(&f.finish, "finish", false, "end an exchange: only the newest token stays")
	cmd.Flags().BoolVar(&f.ReadOnly, "read-only", false, "exchange the tokens for reading only")
	return cmd
}

func (f *tenantsRotate) begin(name string, out, notes io.Writer) error {
	t := addedTenant{ID: name, Token: tenant.NewToken(0), Status: "active"}
	old := 0
	inPlace, err := f.change("rotate", []string{name}, admin.Exchange(f.Rotation, false), func(e *tenant.Edit) (err error) {
		old, err = e.Rotate(name, tenant.HashToken(t.Token), f.Rotation)
		return err
	})
	if !inPlace {
		if sq.ErrorCode(err) == sq.Conflict && !f.Now {
			return hinted(errors.Unwrap(err), "sq tenants rotate --now exchanges a token at once; nothing was changed")
		}
		return err
	}
	next := "the old tokens are gone"
	if old > 0 {
		next = fmt.Sprintf("beside it %s still in force, until sq tenants rotate %s --finish", are(old, "old token"), name)
	}
	fmt.Fprintf(notes, "The new token of %s is shown this once; %s.\n", name, next)
	return errors.Join(err, printTokens(out, []addedTenant{t}, f.json))
}

func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return count(n, what) + " are"
}

func (f *tenantsRotate) end(name string, out io.Writer) error {
	dropped := 0
	inPlace, err := f.change("finish rotation", []string{name}, admin.Exchange(f.Rotation, true), func(e *tenant.Edit) (err error) {
		dropped, err = e.Finish(name, f.ReadOnly)
		return err
	})
	if !inPlace {
		return err
	}
	if f.json {
		return errors.Join(err, f.printAccounts(out, []string{name}))
	}
	fmt.Fprintf(out, "%s: %s dropped, the newest stays\n", name, count(dropped, "old token"))
	return err
}
