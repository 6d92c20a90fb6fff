package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/mesh"
)

const meshCheckLong = `Say whether a configuration of a mesh would load, and if not why, with line and
column. With --peers each peer is asked whether it is there and takes the key.

Exit status: 0 when it would load and all peers that were asked answer, 1 when not,
2 for wrong usage.`

const meshCheckExample = `  sq mesh check
  sq mesh check --peers /etc/sq/mesh.json`

func newMeshCheck() *cobra.Command {
	var peers, asJSON bool
	cmd := &cobra.Command{
		Use:     "check [FILE]",
		Short:   "say whether a configuration would load, and whether the peers answer",
		Long:    meshCheckLong,
		Example: meshCheckExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := oneFile(cmd, args)
			if err != nil {
				return err
			}
			c, err := checkMesh(cmd.Context(), path, peers)
			if asJSON {
				return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(c))
			}
			if c.Loads {
				c.print(cmd.OutOrStdout())
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&peers, "peers", false, "ask the peers, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: file, loads, error, node, phexts, in_the_clear, peers")
	return cmd
}

// checkedMesh is what a configuration would do.
type checkedMesh struct {
	File   string        `json:"file"`
	Loads  bool          `json:"loads"`
	Error  string        `json:"error,omitempty"`
	Node   string        `json:"node"`
	Phexts []string      `json:"phexts"`
	Clear  []string      `json:"in_the_clear"` // the peers to whom keys travel without TLS
	Peers  []checkedPeer `json:"peers"`        // that are enabled
}

// checkedPeer is a peer that was asked, or not.
type checkedPeer struct {
	mesh.PeerStatus
	Up *bool `json:"up,omitempty"` // in the place of the one that cannot be left out; nil: it was not asked
}

func checkMesh(ctx context.Context, path string, ask bool) (checkedMesh, error) {
	c := checkedMesh{File: path, Phexts: []string{}, Clear: []string{}, Peers: []checkedPeer{}}
	config, err := mesh.Load(path)
	if c.Loads = err == nil; err != nil {
		c.Error = err.Error()
		return c, err
	}
	c.Node, c.Phexts = config.Node.ID, append(c.Phexts, config.Phexts...)
	for _, p := range clearPeers(config) {
		c.Clear = append(c.Clear, p.ID)
	}
	var links meshLinks
	defer links.close()
	node, err := mesh.New(mesh.Options{Config: config, Connect: links.connect})
	if err != nil {
		return c, err
	}
	if !ask {
		for _, p := range node.Peers() {
			c.Peers = append(c.Peers, checkedPeer{PeerStatus: p})
		}
		return c, nil
	}
	down := 0
	for _, p := range node.Check(ctx) {
		c.Peers = append(c.Peers, checkedPeer{p, &p.Up})
		if !p.Up {
			down++
		}
	}
	if down > 0 {
		return c, fmt.Errorf("%d of %s did not answer as expected", down, count(len(c.Peers), "peer"))
	}
	return c, nil
}

func (c *checkedMesh) print(out io.Writer) {
	fmt.Fprintf(out, "%s loads: node %s, %s, %s\n", c.File, c.Node, count(len(c.Peers), "peer"), chosen(c.Phexts))
	for _, id := range c.Clear {
		fmt.Fprintf(out, "the key for the peer %s travels in the clear; give the peer \"scheme\": \"https\"\n", id)
	}
	for _, p := range c.Peers {
		if p.Up != nil {
			fmt.Fprintln(out, printPeers(p.PeerStatus))
		}
	}
}
