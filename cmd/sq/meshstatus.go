package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/mesh"
)

const meshStatusLong = `Ask a running node who its peers are, when each was synchronised with, and what is in
conflict. The counts are of scrolls, since the node was started.

A conflict is open until the scroll is changed on the node that shows it. What was
kept in NAME.conflicts stays there until somebody deletes it.

Exit status: 0 when the node answered, 1 when not, 2 for wrong usage.`

const meshStatusExample = `  sq mesh status                                the node of mesh.json, on this machine
  SQ_TOKEN=$(cat key) sq mesh status --server https://sq.example.org --json`

func newMeshStatus(out outside) *cobra.Command {
	var a meshAsk
	cmd := &cobra.Command{
		Use:     "status [FILE]",
		Short:   "say who is there, and what is in conflict",
		Long:    meshStatusLong,
		Example: meshStatusExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.settle(cmd, args, out.lookup); err != nil {
				return err
			}
			s, err := a.ask(cmd.Context(), http.MethodGet, meshStatusPath, nil)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), s)
		},
	}
	a.register(cmd.Flags())
	return cmd
}

// print prints what a node knows.
func (a *meshAsk) print(out io.Writer, s mesh.Status) error {
	if a.json {
		return json.NewEncoder(out).Encode(s)
	}
	fmt.Fprintf(out, "node %s: %s, %s\n", printable(s.ID), count(len(s.Peers), "peer"), printable(chosen(s.Phexts)))
	for _, p := range s.Peers {
		printPeer(out, p)
	}
	for _, k := range s.Kept {
		fmt.Fprintf(out, "kept in %s: %s\n", printable(string(k.Phext)), places(k.Coordinates, k.Scrolls))
	}
	return nil
}

func printPeer(out io.Writer, p mesh.PeerStatus) {
	fmt.Fprintf(out, "%s at %s: %s, %s\n", printable(p.ID), printable(p.Server), choose(p.Up, "up", "down"), since(p))
	for _, what := range []string{p.Down, p.Error} {
		if what != "" {
			fmt.Fprintf(out, "  %s\n", printable(what))
			break
		}
	}
	for _, f := range p.Phexts {
		printPhext(out, p, f)
	}
}

// printPhext says what was done about a phext. Where nothing could be done yet there is
// nothing to count.
func printPhext(out io.Writer, p mesh.PeerStatus, f mesh.PhextStatus) {
	if f.Synced.IsZero() && f.Error != "" {
		fmt.Fprintf(out, "  %s: not synchronised yet\n", printable(string(f.Phext)))
	} else {
		fmt.Fprintf(out, "  %s: %d taken, %d sent, %d deleted here, %d deleted there, %s\n", printable(string(f.Phext)),
			f.Taken, f.Sent, f.DeletedHere, f.DeletedThere, count(len(f.Conflicts), "open conflict"))
	}
	if len(f.Conflicts) > 0 {
		fmt.Fprintf(out, "    in conflict: %s\n", places(f.Conflicts, len(f.Conflicts)))
	}
	if f.Refused > 0 {
		fmt.Fprintf(out, "    %s refused: %s\n", count(f.Refused, "scroll"), printable(f.Refusal))
	}
	if f.Error != "" && f.Error != p.Error {
		fmt.Fprintf(out, "    %s\n", printable(f.Error))
	}
}

// since says when a peer was synchronised with last.
func since(p mesh.PeerStatus) string {
	if p.Synced.IsZero() {
		return "not synchronised yet"
	}
	return "synchronised " + p.Synced.UTC().Format(time.RFC3339)
}

// places lists coordinates, as many as people read.
func places(at []string, all int) string {
	const most = 10
	words := slices.Clone(at[:min(len(at), most)])
	if all > most {
		words = append(words, fmt.Sprintf("… and %d more", all-most))
	}
	return strings.Join(words, ", ")
}
