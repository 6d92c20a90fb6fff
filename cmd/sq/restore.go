package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/backup"
	"github.com/wbic16/sq-go/internal/tenant"
)

const restoreLong = `Put the phexts of a backup back in their places, after all of it was verified.

TAR is a backup that sq backup made, compressed or not. Of incremental ones the
full one comes first and then each that is against the one before it.

--config names the tenants and where their directories are; every tenant of the
backup must be there, unless --tenant picks one. --data-dir restores one tenant
to a folder. No server may run on the directories: with --config one that serves that
file is found out; with --data-dir one that has the folder open, which a server lets
go when nobody used it for some minutes.

Nothing is touched before every TAR was read to its end and every checksum in
it was right. Then all phexts are written beside their places, and only when
that went well each takes its place, in one moment. A phext that is there
already and is the same stays; one that differs is refused, and with --force
goes to .sq/trash in its directory. What is not in the backup stays. A restore that broke
off can be run again.

--config-out writes the configuration of the tenants that the backup has, with
hashed tokens, to a file that must not exist.

Exit status: 0 when all is in place, or the backup is sound; 1 when it failed;
2 for wrong usage.`

const restoreExample = `  sq restore --verify-only monday.tar.zst                   is it whole?
  sq restore monday.tar --config-out tenants.json           first the configuration,
  sq restore monday.tar --config tenants.json               then the phexts
  sq restore sunday.tar monday.tar tuesday.tar --tenant alice --data-dir alice --force`

// restoreFlags are what the command line of restore says.
type restoreFlags struct {
	config    string
	dataDir   string
	tenant    string
	configOut string
	force     bool
	dryRun    bool
	verify    bool
	json      bool
}

func newRestore(out outside) *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:     "restore TAR...",
		Short:   "verify backups, and put phexts back from them",
		Long:    restoreLong,
		Example: restoreExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.complete(cmd.Flags(), args); err != nil {
				return err
			}
			ctx, stop := interruptible(cmd.Context(), out)
			defer stop()
			return endedBy(ctx, f.restore(ctx, args, out))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *restoreFlags) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.config, "config", "", "restore to the directories of the tenants in this `file`")
	flags.StringVar(&f.dataDir, "data-dir", "", "restore one tenant to this `folder`; made if need be")
	flags.StringVar(&f.tenant, "tenant", "", "only the tenant that has this `name` in the backup")
	flags.StringVar(&f.configOut, "config-out", "", "write the configuration in the backup to this `file`, which must not exist")
	flags.BoolVar(&f.force, "force", false, "replace phexts that differ; the old ones go to .sq/trash")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and change nothing")
	flags.BoolVar(&f.verify, "verify-only", false, "read the backups and say whether they are sound")
	flags.BoolVar(&f.json, "json", false, "print a JSON object for programs")
}

func (f *restoreFlags) complete(flags *pflag.FlagSet, args []string) error {
	const example = "sq restore monday.tar --config tenants.json; see sq help restore"
	if len(args) == 0 {
		return usage(example, "no TAR was given")
	}
	for _, name := range []string{"config", "data-dir", "tenant", "config-out"} {
		if flags.Changed(name) && flags.Lookup(name).Value.String() == "" {
			return usage("was a variable not set?", "--%s is empty", name)
		}
	}
	switch to := f.config != "" || f.dataDir != ""; {
	case f.config != "" && f.dataDir != "":
		return usage("the configuration has the directories of all tenants", "--config and --data-dir exclude each other")
	case f.verify && (to || f.configOut != "" || f.force || f.dryRun):
		return usage("leave the other flags out", "--verify-only restores nothing")
	case !f.verify && !to && f.configOut == "":
		return usage(example, "one of --config, --data-dir, --config-out and --verify-only is wanted")
	case (f.force || f.dryRun) && !to:
		return usage("", "--force and --dry-run are for --config and --data-dir")
	}
	return nil
}

// restoreReport is what is told in the end.
type restoreReport struct {
	Backups   []backupReport   `json:"backups"`
	DryRun    bool             `json:"dry_run"`
	Complete  bool             `json:"complete"` // the last backup lacks nothing
	Tenants   []restoredTenant `json:"tenants"`
	ConfigOut string           `json:"config_out,omitempty"`
}

// restoredTenant is a tenant in a restoreReport.
type restoredTenant struct {
	Name     string `json:"name"`
	Dir      string `json:"dir"`
	New      int    `json:"new"`      // phexts that were not there
	Replaced int    `json:"replaced"` // that differed
	Same     int    `json:"same"`     // that were there already
	Bytes    int64  `json:"bytes"`    // of new and replaced ones
}

// restore verifies everything, and then restores what is asked for.
func (f *restoreFlags) restore(ctx context.Context, args []string, out outside) error {
	x := &restorer{restoreFlags: f, bar: newProgress(out.stderr)}
	defer x.bar.clear()
	if err := f.checkServed(); err != nil {
		return err
	}
	if err := x.verifyAll(ctx, args); err != nil {
		return err
	}
	if f.config != "" || f.dataDir != "" {
		if err := x.toPlacesAlone(ctx, out.stderr); err != nil {
			return err
		}
	}
	if f.configOut != "" && !f.dryRun {
		if err := x.writeConfig(); err != nil {
			return err
		}
	}
	x.bar.clear()
	return x.print(out.stdout, out.stderr)
}

// checkServed refuses tenants that a server has, also those whose directories it has
// let go.
func (f *restoreFlags) checkServed() error {
	if f.config == "" {
		return nil
	}
	owner, err := tenant.Served(f.config)
	if err == nil && owner != "" {
		return hinted(fmt.Errorf("%s is served (%s)", f.config, owner), "stop the server first")
	}
	return err
}

// toPlacesAlone is toPlaces while no server may start on the tenants, and no other
// restore.
func (x *restorer) toPlacesAlone(ctx context.Context, notes io.Writer) error {
	if x.config == "" || x.dryRun {
		return x.toPlaces(ctx)
	}
	lock, err := tenant.Serve(x.config, fmt.Sprintf("a restore, process %d", os.Getpid()))
	switch {
	case sq.ErrorCode(err) == sq.Conflict:
		return hinted(err, "nothing was changed; wait until the other one has ended, or stop it")
	case err != nil:
		fmt.Fprintf(notes, "A server that is started meanwhile is not told of this restore: %v\n", err)
		return x.toPlaces(ctx)
	}
	defer lock.Close()
	return x.toPlaces(ctx)
}

// restorer is a restore under way.
type restorer struct {
	*restoreFlags
	bar      *progress
	archives []archive
	chain    *backup.Chain
	report   restoreReport
}

// verifyAll reads every backup to its end.
func (x *restorer) verifyAll(ctx context.Context, args []string) error {
	var manifests []*backup.Manifest
	for _, path := range args {
		a, err := openArchive(path)
		if err != nil {
			return err
		}
		m, err := a.verify(ctx, x.bar)
		if err != nil {
			return err
		}
		x.archives, manifests = append(x.archives, a), append(manifests, m)
		x.report.Backups = append(x.report.Backups, aboutBackup(path, m))
	}
	chain, err := backup.NewChain(manifests...)
	if err != nil && x.verify && len(args) == 1 {
		chain, err = nil, nil // sound by itself
	}
	x.chain = chain
	last := manifests[len(manifests)-1]
	x.report.DryRun, x.report.Complete, x.report.Tenants = x.dryRun, last.Complete, []restoredTenant{}
	return err
}

// writeConfig writes the configuration of the last backup to a new file.
func (x *restorer) writeConfig() error {
	a := x.archives[len(x.archives)-1]
	var text []byte
	err := a.read(func(r io.Reader, _ *atomic.Int64) (err error) {
		text, err = backup.ReadConfig(r, x.chain.Last())
		return err
	})
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("%s has no configuration: it is of a server without one", a.path)
	}
	if err := restorable(text, a.path); err != nil {
		return err
	}
	x.report.ConfigOut = x.configOut
	return writeNew(x.configOut, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// print tells what was done.
func (x *restorer) print(out, notes io.Writer) error {
	for _, b := range x.report.Backups {
		for _, flaw := range b.Flaws {
			fmt.Fprintf(notes, "sq: %s: %s\n", b.File, printable(flaw))
		}
	}
	if x.json {
		return json.NewEncoder(out).Encode(x.report)
	}
	for _, b := range x.report.Backups {
		fmt.Fprintf(out, "%s: sound, %s of %s, %s, id %.12s\n", printable(b.File), count(b.Phexts, "phext"), count(b.Tenants, "tenant"), size(b.Bytes), b.ID)
	}
	verb := ""
	if x.dryRun {
		verb = "would be "
	}
	for _, t := range x.report.Tenants {
		fmt.Fprintf(out, "%s (%s): %d %snew, %d %sreplaced, %d the same\n", t.Name, t.Dir, t.New, verb, t.Replaced, verb, t.Same)
	}
	if x.report.ConfigOut != "" {
		fmt.Fprintf(out, "configuration: %s\n", x.report.ConfigOut)
	}
	return nil
}
