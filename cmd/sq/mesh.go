package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/mesh"
)

const meshLong = `Keep phexts the same on several servers.

Each server is a node of the mesh and is started with its own configuration,
sq host --mesh-config FILE. At an interval a node compares the phexts that were
chosen with those of its peers: what was changed on one side travels, a deletion
too. What was changed on both sides is kept twice: each keeps its own text, and the
other's goes to the phext NAME.conflicts, to the same coordinate. A change on the
node that shows the conflict settles it, and travels.

FILE is mesh.json where nothing else is said. "phexts" under "mesh" says which
phexts travel: ["notes", "plans"], or ["*"] for all; none where it is left out.
Phexts of conflicts stay where they are.`

const meshExample = `  sq mesh init --id alpha --phext notes    write a first mesh.json
  sq mesh check --peers                    is it right, and do the peers answer?
  sq host --mesh-config mesh.json          serve, and synchronise
  sq mesh status                           who is there, and what is in conflict
  sq mesh sync                             do a round now`

// meshFile is the configuration where none is named.
const meshFile = "mesh.json"

func newMesh(out outside) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "mesh",
		Short:   "keep phexts the same on several servers",
		Long:    meshLong,
		Example: meshExample,
	}
	cmd.AddCommand(newMeshInit(), newMeshCheck(), newMeshStatus(out), newMeshSync(out))
	return cmd
}

// oneFile returns the file that is named, or mesh.json.
func oneFile(cmd *cobra.Command, args []string) (string, error) {
	switch {
	case len(args) > 1:
		return "", usage("as in "+cmd.CommandPath()+" "+meshFile, "one file is wanted, and %s given", were(len(args)))
	case len(args) == 1 && args[0] == "":
		return "", usage("was a variable not set? Leave the argument out for "+meshFile, "the name of the file is empty")
	case len(args) == 1:
		return args[0], nil
	}
	return meshFile, nil
}

// chosen says which phexts travel.
func chosen(phexts []string) string {
	switch {
	case len(phexts) == 0:
		return "no phexts"
	case phexts[0] == mesh.All:
		return "all phexts"
	}
	return "the phexts " + strings.Join(phexts, ", ")
}

// printPeers says of each peer whether it answers.
func printPeers(p mesh.PeerStatus) string {
	if p.Up {
		return fmt.Sprintf("peer %s at %s answers: SQ v%s", p.ID, p.Server, p.Version)
	}
	return fmt.Sprintf("peer %s at %s does not: %s", p.ID, p.Server, p.Down)
}
