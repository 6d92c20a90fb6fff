package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/mesh"
)

const meshSyncLong = `Do a round with each peer now, and print what sq mesh status prints. The running node
does it, and then goes on at its interval. Where none runs on this machine the command does
it itself, in the directory of the configuration.

Exit status: 0 when all went well, 1 when a peer could not be synchronised with or a
conflict is open, 2 for wrong usage.`

const meshSyncExample = `  sq mesh sync
  sq mesh sync --peer boston /etc/sq/mesh.json`

// meshSync is what the command line of mesh sync says.
type meshSync struct {
	meshAsk
	peers []string
}

func newMeshSync(out outside) *cobra.Command {
	var f meshSync
	cmd := &cobra.Command{
		Use:     "sync [FILE]",
		Short:   "do a round with each peer now",
		Long:    meshSyncLong,
		Example: meshSyncExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.settle(cmd, args, out.lookup); err != nil {
				return err
			}
			s, err := f.ask(cmd.Context(), http.MethodPost, meshSyncPath, url.Values{"peer": f.peers})
			if errors.Is(err, errNobody) && f.config != nil {
				s, err = f.here(cmd.Context(), newLogger(cmd.ErrOrStderr(), "text", "warn"))
			}
			if err != nil {
				return err
			}
			return errors.Join(f.print(cmd.OutOrStdout(), s), inStep(s))
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringArrayVar(&f.peers, "peer", nil, "with this peer alone, by its `id`; repeatable")
	return cmd
}

// inStep is an error where a node is not in step with all its peers.
func inStep(s mesh.Status) error {
	var failed []string
	open := 0
	for _, p := range s.Peers {
		if p.Error != "" {
			failed = append(failed, p.ID+": "+p.Error)
		}
		for _, f := range p.Phexts {
			open += len(f.Conflicts)
		}
	}
	switch {
	case len(failed) > 0:
		return fmt.Errorf("%d of %s could not be synchronised with: %s", len(failed), count(len(s.Peers), "peer"), printable(strings.Join(failed, "; ")))
	case open > 0:
		return hinted(fmt.Errorf("%s open", count(open, "conflict")+choose(open == 1, " is", " are")), settleHint)
	}
	return nil
}

// settleHint says how a conflict ends.
const settleHint = "the other side's texts are in NAME.conflicts; change the scrolls here to what they should be, and synchronise again"

// here does the rounds in this process.
func (f *meshSync) here(ctx context.Context, log *slog.Logger) (s mesh.Status, err error) {
	dir := f.config.Inbound.DataDir
	if dir == "" {
		return s, usage("start the node, or give \"data_dir\" in the inbound part", "no node runs on this machine, and the configuration names no directory")
	}
	err = withFolder(dir, func(store sq.Store) error {
		host := meshHost{config: f.config}
		if err := host.open(store, dir, f.config.Inbound.Key, log); err != nil {
			return err
		}
		defer host.close()
		host.node.Check(ctx)
		if _, err := host.node.Sync(ctx, f.peers...); err != nil {
			return err
		}
		s, err = host.node.Status(ctx)
		return err
	})
	return s, err
}

// withFolder calls do with the phexts of a folder that nobody serves.
func withFolder(dir string, do func(sq.Store) error) error {
	engine := disk.New(disk.Options{})
	err := do(engine.Store(dir))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if closed := engine.Close(ctx); closed != nil {
		err = errors.Join(err, hinted(fmt.Errorf("fold the journals: %w", closed), "nothing is lost; whoever opens the folder next folds them"))
	}
	return err
}
