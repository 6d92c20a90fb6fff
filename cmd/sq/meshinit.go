package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/internal/tenant"
)

const meshInitLong = `Write a first configuration of a mesh, with a key of its own from the system's random
source. A file that is there is never overwritten. The file has mode 0600: whoever
reads it can read and write the phexts.

Peers are added to it by hand, each with the key of its own inbound part.`

const meshInitExample = `  sq mesh init --id alpha --phext notes
  sq mesh init --id alpha --name "The first" --port 2086 --data-dir /srv/sq /etc/sq/mesh.json`

// meshInit is what the command line of mesh init says.
type meshInit struct {
	id, name, emoji, coordinate, dataDir string
	port                                 uint16
	phexts                               []string
}

func newMeshInit() *cobra.Command {
	var f meshInit
	cmd := &cobra.Command{
		Use:     "init [FILE]",
		Short:   "write a first configuration",
		Long:    meshInitLong,
		Example: meshInitExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := oneFile(cmd, args)
			if err != nil {
				return err
			}
			return f.write(path, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.id, "id", "", "what peers call this node (default the name of the machine)")
	flags.StringVar(&f.name, "name", "", "what people call it")
	flags.StringVar(&f.emoji, "emoji", "", "a sign for it")
	flags.StringVar(&f.coordinate, "coordinate", "", "a `coordinate` that stands for it")
	flags.Uint16Var(&f.port, "port", 2086, "the port that it listens on")
	flags.StringVar(&f.dataDir, "data-dir", here, "the `folder` with its phexts")
	flags.StringArrayVar(&f.phexts, "phext", nil, "a phext that travels, by `name`; repeatable, * stands for all")
	return cmd
}

// write writes the configuration, once it is known that it loads.
func (f *meshInit) write(path string, out io.Writer) error {
	if f.id == "" {
		f.id = machineID()
	}
	dir, err := filepath.Abs(f.dataDir) // wherever the server is started
	if err != nil {
		return err
	}
	text, err := f.compose(dir)
	if err != nil {
		return err
	}
	defer clear(text)
	config, err := mesh.Parse(text, path)
	if err != nil {
		return usage("sq help mesh init has an example", "%v", err)
	}
	if err := tenant.WriteFile(path, text, false); err != nil {
		if sq.ErrorCode(err) == sq.Conflict {
			return hinted(err, "its key may be in use; change it by hand, or name another file")
		}
		return err
	}
	_, err = fmt.Fprintf(out, "%s: node %s on port %d, with %s; add peers to it, then sq host --mesh-config %s\n", path, f.id, f.port, chosen(config.Phexts), path)
	return err
}

// machineID returns an id after the name of the machine.
func machineID() string {
	name, _ := os.Hostname()
	name = strings.TrimLeft(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return -1
	}, strings.ToLower(name)), ".")
	if len(name) > 64 {
		name = name[:64]
	}
	if name == "" {
		return "node"
	}
	return name
}

// compose returns the text of the configuration with a directory, in the order in which
// people read it.
func (f *meshInit) compose(dir string) ([]byte, error) {
	type node struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Emoji      string `json:"emoji"`
		Coordinate string `json:"coordinate"`
	}
	type inbound struct {
		Enabled bool   `json:"enabled"`
		Port    uint16 `json:"port"`
		Key     string `json:"auth_key"`
		DataDir string `json:"data_dir"`
	}
	type outbound struct {
		Enabled bool  `json:"enabled"`
		Peers   []any `json:"peers"`
	}
	type settings struct {
		Sync    int      `json:"sync_interval_seconds"`
		Health  int      `json:"health_check_interval_seconds"`
		Backoff int      `json:"retry_backoff_seconds"`
		Retries int      `json:"max_retries"`
		Phexts  []string `json:"phexts"`
	}
	random := make([]byte, 16)
	rand.Read(random) // never fails
	return json.MarshalIndent(struct {
		Version  string   `json:"version"`
		Node     node     `json:"node"`
		Inbound  inbound  `json:"inbound"`
		Outbound outbound `json:"outbound"`
		Mesh     settings `json:"mesh"`
	}{
		"1.0",
		node{f.id, f.name, f.emoji, f.coordinate},
		inbound{true, f.port, "pmb-v1-mesh-" + hex.EncodeToString(random), dir},
		outbound{true, []any{}},
		settings{300, 60, 30, 3, append([]string{}, f.phexts...)},
	}, "", "  ")
}
