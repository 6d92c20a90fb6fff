package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/internal/vfs"
)

// meshHost is the mesh of a server with one tenant, from the flag to the end. A
// server that can have none has nil.
type meshHost struct {
	file   string // empty: there is none
	config *mesh.Config
	dir    vfs.FS // the data directory
	node   *mesh.Node
	links  meshLinks
}

func (m *meshHost) register(f *pflag.FlagSet) {
	f.StringVar(&m.file, "mesh-config", "", "one tenant: the `file` that says which servers to synchronise with, and which phexts; see sq help mesh")
}

// load reads the configuration, and has its inbound part stand in for what the
// command line leaves out. The environment goes before it.
func (m *meshHost) load(f *pflag.FlagSet, s *settings) (err error) {
	switch {
	case !f.Changed("mesh-config"):
		return nil
	case m.file == "":
		return usage("was a variable not set? Leave the flag out for its default", "--mesh-config is empty")
	case f.Changed("config"):
		return usage("a mesh is of one tenant: leave --config out, and name the folder with --data-dir", "--config and --mesh-config exclude each other")
	}
	if d := f.Lookup("durability"); d != nil && d.Value.String() == "relaxed" {
		// What was answered and then forgotten is an edit to the others, and would travel.
		return usage("a node of a mesh keeps what it has answered: leave --durability out", "--mesh-config and --durability relaxed exclude each other")
	}
	if m.config, err = mesh.Load(m.file); err != nil {
		return err
	}
	in := m.config.Inbound
	if in.Enabled && !f.Changed("key") {
		s.key = in.Key
	}
	if in.Enabled && !f.Changed("data-dir") && in.DataDir != "" {
		s.dataDir = in.DataDir
	}
	return nil
}

// orPort returns the arguments, or the port of the configuration where none is given.
func (m *meshHost) orPort(args []string, lookup func(string) (string, bool)) []string {
	_, set := lookup("SQ_PORT")
	if m.config == nil || !m.config.Inbound.Enabled || m.config.Inbound.Port == 0 || len(args) > 0 || set {
		return args
	}
	return []string{strconv.Itoa(int(m.config.Inbound.Port))}
}

// open makes the node, which does nothing yet. The directory must exist. The key is the one
// that this server wants.
func (m *meshHost) open(store sq.Store, dataDir, key string, log *slog.Logger) (err error) {
	if m == nil || m.config == nil {
		return nil
	}
	if m.dir, err = vfs.Open(dataDir); err != nil {
		return err
	}
	warnClear(m.config, log)
	m.links.id, m.links.key = m.config.Node.ID, key
	m.node, err = mesh.New(mesh.Options{Config: m.config, Store: store, Bases: mesh.NewBases(m.dir, log), Connect: m.links.connect, Log: log})
	return err
}

func (m *meshHost) close() error {
	if m == nil {
		return nil
	}
	err := m.links.close()
	if m.dir != nil {
		err = errors.Join(err, m.dir.Close())
	}
	return err
}

// run synchronises until ctx ends.
func (m *meshHost) run(ctx context.Context) {
	if m != nil && m.node != nil {
		m.node.Run(ctx)
	}
}

// warnClear says where keys travel for everyone to read.
func warnClear(c *mesh.Config, log *slog.Logger) {
	for _, p := range clearPeers(c) {
		log.Warn(`the key of a mesh peer travels in the clear; give the peer "scheme": "https"`, "peer", p.ID, "server", p.Server())
	}
}

// routes are those that sq mesh status and sq mesh sync ask.
func (m *meshHost) routes() []api.Route {
	if m == nil || m.config == nil {
		return nil
	}
	return []api.Route{
		{Path: meshStatusPath, Name: "mesh-status", Right: api.AnyTenant, Methods: map[string]api.Action{http.MethodGet: m.serveStatus}},
		{Path: meshSyncPath, Name: "mesh-sync", Right: api.AnyTenant, Methods: map[string]api.Action{http.MethodPost: m.serveSync}},
		{Path: meshBasePath, Name: "mesh-base", Right: api.AnyTenant, Methods: map[string]api.Action{http.MethodGet: m.serveBase}},
	}
}

// The paths of the mesh.
const (
	meshStatusPath = "/api/v2/mesh/status"
	meshSyncPath   = "/api/v2/mesh/sync"
	meshBasePath   = "/api/v2/mesh/base"
)

func (m *meshHost) serveStatus(w http.ResponseWriter, r *http.Request) error {
	status, err := m.node.Status(r.Context())
	return orJSON(w, status, err)
}

// serveSync does rounds with all peers, or with those named by peer=ID in the query,
// and answers with what is known of them then.
func (m *meshHost) serveSync(w http.ResponseWriter, r *http.Request) error {
	if _, err := m.node.Sync(r.Context(), r.URL.Query()["peer"]...); err != nil {
		return err
	}
	return m.serveStatus(w, r)
}

// serveBase tells a peer what was agreed on with it.
func (m *meshHost) serveBase(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	name, err := sq.ParsePhextName(query.Get("p"))
	if err != nil {
		return err
	}
	base, err := m.node.Share(query.Get("node"), r.Header.Get(client.ProofHeader), name)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write(base)
	return err
}

// orJSON answers in JSON, or returns the error.
func orJSON(w http.ResponseWriter, v any, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(append(text, '\n'))
	return err
}

// clearPeers returns the peers whose keys leave this machine without TLS.
func clearPeers(c *mesh.Config) (peers []mesh.PeerConfig) {
	for _, p := range c.Peers {
		if c.Outbound && p.Enabled && p.Scheme == "http" && !isLoopbackHost(p.Host) {
			peers = append(peers, p)
		}
	}
	return peers
}

// meshServer returns where the node of a configuration is, seen from its own machine.
func meshServer(c *mesh.Config) string { return fmt.Sprintf("http://%s:%d", loopback, c.Inbound.Port) }
