package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/internal/vfs"
)

const syncLong = `Make a phext of this folder and one of a server the same, once, by the rules of the
mesh (sq help mesh): what was changed on one side since the last time travels, a deletion
too; what was changed on both is kept twice, the server's text in NAME.conflicts.

REMOTE is the URL of the server, and SQ_TOKEN its token. PHEXT is the name of the phext
there, and here, unless --file names the file. What both sides had is kept under .sq/mesh in
the folder; without it nothing is deleted and nothing overwritten. The folder must not be
served meanwhile.

A line is printed for each scroll that travelled, with what was done: taken, sent,
deleted-here, deleted-there, conflict or refused.

Exit status: 0 when both sides are the same, 1 when a conflict is open, a scroll was
refused or it failed, 2 for wrong usage.`

const syncExample = `  SQ_TOKEN=$(cat key) sq sync https://sq.example.org notes
  sq sync http://127.0.0.1:1337 notes --data-dir /srv/sq --dry-run
  sq sync http://127.0.0.1:1337 notes --file mine.phext`

// syncFlags are what the command line of sync says.
type syncFlags struct {
	server, token, dataDir, file, peer string
	dryRun, json                       bool

	log *slog.Logger // what was agreed on and cannot be read
}

func newSync(out outside) *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:     "sync REMOTE PHEXT",
		Short:   "make a phext here and one on a server the same, once",
		Long:    syncLong,
		Example: syncExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, dir, err := f.pair(cmd, args, out.lookup)
			if err != nil {
				return err
			}
			f.log = newLogger(cmd.ErrOrStderr(), "text", "warn")
			return f.sync(cmd.Context(), p, dir, cmd.OutOrStdout(), newProgress(cmd.ErrOrStderr()))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.token, "token", "", "the `token` for the server; others see it with ps, so prefer SQ_TOKEN")
	flags.StringVar(&f.dataDir, "data-dir", here, "the `folder` with the phext")
	flags.StringVar(&f.file, "file", "", "the `file` of the phext, NAME.phext, where its name here is another")
	flags.StringVar(&f.peer, "peer", "", "the `id` under which what was agreed on is kept (default the server's host and port)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&f.json, "json", false, "print a JSON object")
	return cmd
}

// pair understands the command line.
func (f *syncFlags) pair(cmd *cobra.Command, args []string, lookup func(string) (string, bool)) (p *mesh.Pair, dir string, err error) {
	if len(args) != 2 {
		return nil, "", usage("as in sq sync http://127.0.0.1:1337 notes", "a server and a phext are wanted, and %s given", were(len(args)))
	}
	remote, err := url.Parse(args[0])
	if err != nil || remote.Host == "" || remote.Scheme != "http" && remote.Scheme != "https" || remote.User != nil {
		return nil, "", usage("give scheme, host and port, such as http://127.0.0.1:1337", "%q is not the URL of a server", args[0])
	}
	f.server = args[0]
	if token, ok := lookup("SQ_TOKEN"); ok && !cmd.Flags().Changed("token") {
		f.token = token
	}
	p = &mesh.Pair{ID: cmp.Or(f.peer, peerID(remote.Host)), DryRun: f.dryRun}
	if p.Remote, err = sq.ParsePhextName(args[1]); err != nil {
		return nil, "", usage("a phext has a name such as notes", "%v", err)
	}
	if !mesh.IsID(p.ID) {
		return nil, "", usage("give 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.', not beginning with a dot", "--peer %q is no id", p.ID)
	}
	p.Identity = mesh.Identity(serverOf(remote), f.token, p.Remote)
	p.Name, dir = p.Remote, f.dataDir
	if f.file != "" {
		if cmd.Flags().Changed("data-dir") {
			return nil, "", usage("the file is in its folder: leave --data-dir out", "--file and --data-dir exclude each other")
		}
		p.Name, dir, err = phextFile(f.file)
	}
	if err == nil && mesh.IsConflicts(p.Name) {
		err = usage("they stay where they are", "%s keeps conflicts", p.Name)
	}
	return p, dir, err
}

// serverOf returns the URL of a server as a mesh writes it: with the port that it stands for.
func serverOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = choose(u.Scheme == "https", "443", "80")
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + strings.TrimSuffix(u.EscapedPath(), "/")
}

// peerID makes an id of a host and a port.
func peerID(host string) string {
	id := strings.Map(func(r rune) rune {
		if mesh.IsID("x" + string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(host))
	return "at-" + id[:min(len(id), 60)]
}

// phextFile returns the phext that a file is, and its folder.
func phextFile(path string) (name sq.PhextName, dir string, err error) {
	dir, base := filepath.Split(filepath.Clean(path))
	stem, ok := strings.CutSuffix(base, ".phext")
	if ok {
		name, err = sq.ParsePhextName(stem)
	}
	if !ok || err != nil {
		return "", "", usage("rename it, or name another", "--file %q: the file of a phext is NAME.phext", path)
	}
	return name, cmp.Or(filepath.Clean(dir), here), nil
}

// syncReport is what a synchronisation did, as --json prints it.
type syncReport struct {
	Phext     sq.PhextName          `json:"phext"`
	DryRun    bool                  `json:"dry_run"`
	Did       map[mesh.Did][]string `json:"did"`       // coordinates
	Conflicts []string              `json:"conflicts"` // the coordinates of those that are open
	Refusal   string                `json:"refusal,omitempty"`
}

func (f *syncFlags) sync(ctx context.Context, p *mesh.Pair, dir string, out io.Writer, bar *progress) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return hinted(fmt.Errorf("there is no folder %q", dir), "make it first; its phexts may be on a disk that is not mounted")
	}
	var links meshLinks
	defer links.close()
	done := syncReport{Phext: p.Name, DryRun: p.DryRun, Did: map[mesh.Did][]string{}, Conflicts: []string{}}
	n := 0
	p.Observe = func(s mesh.Step) {
		if n++; f.json {
			done.Did[s.Did] = append(done.Did[s.Did], s.Coordinate.String())
		} else {
			bar.clear()
			fmt.Fprintf(out, "%s %v\n", s.Did, s.Coordinate)
		}
		bar.show("%s", count(n, "scroll"))
	}
	outcome, err := f.round(ctx, p, dir, &links)
	bar.clear()
	for _, c := range outcome.Open {
		done.Conflicts = append(done.Conflicts, c.String())
	}
	if outcome.Refusal != nil {
		done.Refusal = sq.ErrorMessage(outcome.Refusal)
	}
	if f.json {
		err = errors.Join(json.NewEncoder(out).Encode(done), err)
	} else if err == nil {
		fmt.Fprintln(out, f.summary(p, outcome))
	}
	return cmp.Or(err, notTheSame(p, outcome))
}

// round does the round in the folder.
func (f *syncFlags) round(ctx context.Context, p *mesh.Pair, dir string, links *meshLinks) (outcome mesh.Outcome, err error) {
	bases, err := vfs.Open(dir)
	if err != nil {
		return outcome, err
	}
	defer bases.Close()
	p.Bases = mesh.NewBases(bases, f.log)
	if p.Peer, err = links.to(f.server, f.token); err != nil {
		return outcome, err
	}
	err = withFolder(dir, func(store sq.Store) error {
		p.Local = store
		outcome, err = p.Round(ctx)
		return err
	})
	return outcome, err
}

func (f *syncFlags) summary(p *mesh.Pair, o mesh.Outcome) string {
	would := choose(f.dryRun, "would be: ", "")
	return fmt.Sprintf("%s: %s%d taken, %d sent, %d deleted here, %d deleted there, %s", p.Name, would,
		o.Taken, o.Sent, o.DeletedHere, o.DeletedThere, count(len(o.Open), "open conflict"))
}

// notTheSame is an error where the sides still differ.
func notTheSame(p *mesh.Pair, o mesh.Outcome) error {
	switch {
	case o.Refused > 0:
		return fmt.Errorf("%s refused: %w", count(o.Refused, "scroll")+choose(o.Refused == 1, " was", " were"), o.Refusal)
	case len(o.Open) > 0:
		return hinted(fmt.Errorf("%s open in %s", count(len(o.Open), "conflict")+choose(len(o.Open) == 1, " is", " are"), p.Name),
			fmt.Sprintf("the server's texts are in %s.conflicts; change the scrolls here to what they should be, and do it again", p.Name))
	case o.Stale > 0:
		return hinted(fmt.Errorf("%s changed while they were compared", count(o.Stale, "scroll")+choose(o.Stale == 1, " was", " were")), "do it again")
	}
	return nil
}
