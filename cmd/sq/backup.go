package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/backup"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

const backupLong = `Write the phexts of one tenant or all to FILE: a tar of plain .phext files, with
a manifest of checksums at its end and the configuration of the tenants, in
which tokens are hashes. "-" is standard output. FILE must not exist; it gets
its name when it is whole. A name that ends in .zst or .gz is compressed.

From a running server, while others write: --server, and its admin key in
SQ_ADMIN_KEY. Where no server runs: --config or --data-dir.

With --since, only what changed since an earlier backup is stored, which is
named by its file or by its MANIFEST.json. A restore then needs that one, too.

A phext that cannot be read ends the backup with an error that names it, unless
--skip-unreadable: then the manifest lists it as missing. A file that is no
phext is stored as it is. What is promised stands in doc/backup.md.

Environment: SQ_SERVER and SQ_ADMIN_KEY stand in for --server and --key.

Exit status: 0 when the backup is whole, 1 when it failed, 2 for wrong usage.`

const backupExample = `  sq backup --server https://sq.example monday.tar.zst      all tenants of a running server
  sq backup --server http://localhost:1337 --tenant alice alice.tar
  sq backup --config tenants.json --since monday.tar.zst tuesday.tar.zst
  sq backup --data-dir notes - | ssh other "cat > notes.tar"`

// backupFlags are what the command line of backup says.
type backupFlags struct {
	server  string
	key     string
	config  string
	dataDir string
	tenant  string
	since   string
	zstd    bool
	skip    bool
	json    bool
}

func newBackup(out outside) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:     "backup FILE",
		Short:   "write phexts to a tar, with checksums",
		Long:    backupLong,
		Example: backupExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.complete(cmd.Flags(), args, out.lookup); err != nil {
				return err
			}
			ctx, stop := interruptible(cmd.Context(), out)
			defer stop()
			return endedBy(ctx, f.backup(ctx, args[0], out))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *backupFlags) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.server, "server", "", "back up from a running server: its `URL`")
	flags.StringVar(&f.key, "key", "", "the admin `key` of the server; others see it with ps, so prefer SQ_ADMIN_KEY")
	flags.StringVar(&f.config, "config", "", "back up the directories of the tenants in this `file`; no server may run")
	flags.StringVar(&f.dataDir, "data-dir", "", "back up this `folder`; no server may run")
	flags.StringVar(&f.tenant, "tenant", "", "only the tenant of this `name`; with --data-dir what the backup calls it (default \"default\")")
	flags.StringVar(&f.since, "since", "", "store only what changed since an earlier backup: its `file`, or its MANIFEST.json")
	flags.BoolVar(&f.zstd, "zstd", false, "compress with zstd, whatever the name of FILE")
	flags.BoolVar(&f.skip, "skip-unreadable", false, "go on without phexts that cannot be read; the manifest lists them")
	flags.BoolVar(&f.json, "json", false, "print a JSON object for programs; to standard error when FILE is -")
}

// complete takes what the environment stands in for, and checks everything.
func (f *backupFlags) complete(flags *pflag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	if len(args) != 1 {
		return usage("sq backup --config tenants.json monday.tar.zst writes such a file; see sq help backup", "one FILE is wanted, and %d arguments were given", len(args))
	}
	for _, name := range []string{"server", "key", "config", "data-dir", "tenant", "since"} {
		if flags.Changed(name) && flags.Lookup(name).Value.String() == "" {
			return usage("was a variable not set?", "--%s is empty", name)
		}
	}
	if f.config == "" && f.dataDir == "" && f.server == "" {
		f.server, _ = lookup("SQ_SERVER")
	}
	if f.key == "" {
		f.key, _ = lookup("SQ_ADMIN_KEY")
	}
	given := 0
	for _, value := range []string{f.server, f.config, f.dataDir} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		return usage("sq help backup tells which of them is for what", "one of --server, --config and --data-dir is wanted")
	}
	if f.server != "" && f.key == "" {
		return usage("set SQ_ADMIN_KEY to it", "the admin key of the server is missing")
	}
	return nil
}

// backup writes a backup to a file, which gets its name when it is whole.
func (f *backupFlags) backup(ctx context.Context, name string, out outside) error {
	since, err := f.readSince(ctx, out)
	if err != nil {
		return err
	}
	compression := backup.CompressionOf(name)
	if f.zstd {
		compression = backup.Zstd
	}
	var m *backup.Manifest
	write := func(w io.Writer) (err error) {
		bar := newProgress(out.stderr)
		defer bar.clear()
		if m, err = f.write(ctx, w, since, out, bar); err != nil {
			return fmt.Errorf("the backup failed: %w", err)
		}
		return nil
	}
	if name == "-" {
		err = compressed(out.stdout, compression, write)
	} else {
		err = writeNew(name, func(w io.Writer) error { return compressed(w, compression, write) })
	}
	if err != nil {
		return err
	}
	return f.report(m, name, out)
}

// write writes a backup to w.
func (f *backupFlags) write(ctx context.Context, w io.Writer, since *backup.Manifest, out outside, bar *progress) (*backup.Manifest, error) {
	if f.server != "" {
		return f.fetch(ctx, w, since, bar)
	}
	o := backup.Options{Since: since, SkipUnreadable: f.skip, Progress: func(p backup.Progress) {
		bar.show("backing up %s: %d of %d phexts, %s stored in all", p.Tenant, p.Done, p.Phexts, size(p.Bytes))
	}}
	return f.fromDisk(ctx, w, o, out)
}

// fromDisk backs up directories that no server has.
func (f *backupFlags) fromDisk(ctx context.Context, w io.Writer, o backup.Options, out outside) (*backup.Manifest, error) {
	config, err := f.tenants()
	if err != nil {
		return nil, err
	}
	engine := disk.New(disk.Options{Logger: newLogger(out.stderr, "text", "warn"), Owner: fmt.Sprintf("sq backup, process %d", os.Getpid())})
	m, err := writeBackup(ctx, w, config, f.tenant, func(t sq.Tenant) sq.Store { return engine.Store(t.DataDir) }, o)
	err = errors.Join(err, engine.Close(context.WithoutCancel(ctx)))
	if sq.ErrorCode(err) == sq.Busy && ctx.Err() == nil {
		return nil, hinted(err, "to back up while the server runs: sq backup --server URL")
	}
	return m, err
}

// tenants returns the configuration of what is to be backed up.
func (f *backupFlags) tenants() (*tenant.Config, error) {
	if f.config != "" {
		return tenant.Load(f.config)
	}
	if info, err := os.Stat(f.dataDir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the data directory %q is a file", f.dataDir)
	}
	return tenant.Single("", f.dataDir).Config(), nil
}

// onlyTenant is what the tenant of a server without a configuration is called in a backup.
const onlyTenant = "default"

// writeBackup backs up the tenants of a configuration, or the one of a name.
func writeBackup(ctx context.Context, w io.Writer, c *tenant.Config, only string, store func(sq.Tenant) sq.Store, o backup.Options) (*backup.Manifest, error) {
	chosen, err := chooseTenants(c, only)
	if err != nil {
		return nil, err
	}
	if o.Config, err = configText(chosen); err != nil {
		return nil, err
	}
	var tenants []backup.Tenant
	for _, t := range eachTenant(chosen) {
		b := backup.Tenant{Name: t.Name, Store: store(t.Tenant)}
		if b.Name == "" { // a server without a configuration
			b.Name, o.Config = cmp.Or(only, onlyTenant), nil
		}
		if _, err := os.Stat(t.DataDir); errors.Is(err, fs.ErrNotExist) {
			if t.Enabled {
				return nil, sq.Errorf(sq.Unreadable, "tenant %q has no data directory; is its disk mounted?", t.Name)
			}
			b.Store = nil
		}
		tenants = append(tenants, b)
	}
	return backup.Write(ctx, w, tenants, o)
}

// report tells what was backed up, and what was not.
func (f *backupFlags) report(m *backup.Manifest, name string, out outside) error {
	w := out.stdout
	if name == "-" {
		w = out.stderr
	}
	for _, flaw := range m.Flaws() {
		fmt.Fprintf(out.stderr, "sq: %s\n", printable(flaw))
	}
	if f.json {
		return json.NewEncoder(w).Encode(aboutBackup(name, m))
	}
	fmt.Fprintf(w, "%s: %s\n", printable(name), describe(m))
	return nil
}

// backupReport is what --json tells of a backup.
type backupReport struct {
	File     string         `json:"file"`
	ID       backup.Digest  `json:"id"`
	Since    *backup.Digest `json:"since,omitempty"`
	Tenants  int            `json:"tenants"`
	Phexts   int            `json:"phexts"`
	Stored   int            `json:"stored"`
	Bytes    int64          `json:"bytes"` // that are stored
	Missing  int            `json:"missing"`
	Complete bool           `json:"complete"`
	Flaws    []string       `json:"flaws"`
}

func aboutBackup(name string, m *backup.Manifest) backupReport {
	r := backupReport{File: name, ID: m.ID(), Tenants: len(m.Tenants), Complete: m.Complete, Flaws: append([]string{}, m.Flaws()...)}
	r.Phexts, r.Stored, r.Bytes, r.Missing = m.Count()
	if m.Since != (backup.Digest{}) {
		r.Since = &m.Since
	}
	return r
}

// describe says in a line what is in a backup.
func describe(m *backup.Manifest) string {
	phexts, stored, bytes, missing := m.Count()
	text := fmt.Sprintf("%s of %s", count(phexts, "phext"), count(len(m.Tenants), "tenant"))
	if m.Since != (backup.Digest{}) {
		text += fmt.Sprintf(", %d of them stored, the others unchanged since %.12s", stored, m.Since)
	}
	text += ", " + size(bytes)
	if missing > 0 {
		text += fmt.Sprintf(", %d missing", missing)
	}
	return text + fmt.Sprintf(", id %.12s", m.ID())
}

// size returns a number of bytes as people read it.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1000 {
		return count(int(n), "byte")
	}
	value, unit := float64(n)/1000, 0
	for ; value >= 999.95 && unit < len(units)-1; unit++ {
		value /= 1000
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}

// interruptible returns a context that ends at a signal, and the end of listening
// for one: what is half done is cleared away.
func interruptible(ctx context.Context, out outside) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	received, unnotify := out.signals()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case s := <-received:
			cancel(fmt.Errorf("ended by a signal (%v)", s))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		unnotify()
		cancel(nil)
		<-ended
	}
}

// endedBy returns why ctx ended in place of an error that follows from it.
func endedBy(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
