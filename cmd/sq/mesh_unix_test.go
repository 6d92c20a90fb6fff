//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/phext"
)

var (
	meshSteps = flag.Int("mesh-steps", 60, "how much happens to a mesh of real servers")
	meshSeed  = flag.Uint64("mesh-seed", 1, "what happens to it")
)

// meshNode is a real server of a mesh, in a process of its own, which may be killed.
type meshNode struct {
	*server
	t       *testing.T
	id, dir string
	port    string
	config  string
}

const meshKey = "invented-key-of-the-mesh"

// newMeshNodes starts servers, each of which has the others as peers. They do rounds
// when they are told to.
func newMeshNodes(t *testing.T, n int) []*meshNode {
	t.Helper()
	var nodes []*meshNode
	for i, port := range freePorts(t, n) {
		id := string(rune('a' + i))
		nodes = append(nodes, &meshNode{t: t, id: id, dir: filepath.Join(t.TempDir(), id), port: fmt.Sprint(port)})
	}
	for _, m := range nodes {
		var peers []string
		for _, p := range nodes {
			if p != m {
				peers = append(peers, fmt.Sprintf(`{"id": %q, "host": "127.0.0.1", "port": %s, "auth_key": %q}`, p.id, p.port, meshKey))
			}
		}
		m.config = write(t, "mesh.json", fmt.Sprintf(`{"version": "1.0", "node": {"id": %q},
			"inbound": {"enabled": true, "port": %s, "auth_key": %q, "data_dir": %q},
			"outbound": {"enabled": true, "peers": [%s]},
			"mesh": {"sync_interval_seconds": 604800, "health_check_interval_seconds": 604800, "max_retries": 0, "phexts": ["notes"]}}`,
			m.id, m.port, meshKey, m.dir, strings.Join(peers, ", ")))
	}
	return nodes
}

// start starts the server in a process of its own.
func (m *meshNode) start() {
	m.t.Helper()
	m.server = newServer(m.t)
	m.run(exec.Command("sq", "host", "--listen", "127.0.0.1", "--mesh-config", m.config))
	m.listens()
}

// kill ends it without a chance to do anything.
func (m *meshNode) kill() {
	m.signal(syscall.SIGKILL)
	m.ends()
	m.client.CloseIdleConnections()
}

// get returns a scroll, or a phext where no coordinate is given.
func (m *meshNode) get(phext, c string) string {
	m.t.Helper()
	what := "get?" + url.Values{"p": {phext}}.Encode()
	if c != "" {
		what = "select" + at(phext, c)
	}
	status, text := m.call(meshKey, "GET", what, "")
	if status != 200 {
		m.t.Fatalf("%s: %d %s", what, status, text)
	}
	return text
}

// put writes a scroll, whatever is there; an empty text deletes.
func (m *meshNode) put(c, text string) {
	m.t.Helper()
	if status, said := m.write(c, text, http.Header{}); status != 200 {
		m.t.Fatalf("write %s: %d %s", c, status, said)
	}
}

// edit is put by somebody who has seen what is there, which it returns: a round of the
// node's own may be under way.
func (m *meshNode) edit(c, text string) (seen string) {
	m.t.Helper()
	for {
		seen = m.get("notes", c)
		condition := http.Header{"If-None-Match": {"*"}}
		if seen != "" {
			condition = http.Header{"If-Match": {`"` + phext.Sum([]byte(seen)).String() + `"`}}
		}
		switch status, said := m.write(c, text, condition); status {
		case 200:
			return seen
		case 412:
		default:
			m.t.Fatalf("edit %s: %d %s", c, status, said)
		}
	}
}

func (m *meshNode) write(c, text string, header http.Header) (status int, said string) {
	m.t.Helper()
	method, what := "POST", "update"
	if text == "" {
		method, what = "DELETE", "delete"
	}
	header.Set("Authorization", meshKey)
	return m.callWith(header, method, what+at("notes", c), text)
}

// sync does a round with peers, or with all.
func (m *meshNode) sync(peers ...string) mesh.Status {
	m.t.Helper()
	status, text := m.call(meshKey, "POST", "mesh/sync?"+url.Values{"peer": peers}.Encode(), "")
	var s mesh.Status
	if err := json.Unmarshal([]byte(text), &s); status != 200 || err != nil {
		m.t.Fatalf("sync: %d %s", status, text)
	}
	return s
}

// TestMeshOfRealServers: three of them converge under random edits, while links are cut
// (nobody does a round over them) and processes are killed, during a round too. Every text
// that was answered is there, was kept, or was seen by who changed it.
func TestMeshOfRealServers(t *testing.T) {
	rng := rand.New(rand.NewPCG(*meshSeed, 11))
	nodes := newMeshNodes(t, 3)
	for _, m := range nodes {
		m.start()
	}
	seen := map[string]bool{} // by each text, whether a later edit had seen it
	edits := 0
	edit := func(m *meshNode, c, text string) {
		if before := m.edit(c, text); before != "" {
			seen[before] = true
		}
		if text != "" {
			seen[text] = false
		}
	}
	places := []string{"1.1.1/1.1.1/1.1.1", "1.1.1/1.1.1/1.1.2", "2.1.1/1.1.1/1.1.1"}
	cut := [2]string{}
	for range *meshSteps {
		m := nodes[rng.IntN(len(nodes))]
		p := nodes[rng.IntN(len(nodes))]
		switch k := rng.IntN(12); {
		case k < 6:
			edits++
			text := fmt.Sprintf("<%d of %s>", edits, m.id)
			if rng.IntN(5) == 0 {
				text = ""
			}
			edit(m, places[rng.IntN(len(places))], text)
		case k < 10 && p != m && cut != [2]string{m.id, p.id} && cut != [2]string{p.id, m.id}:
			m.sync(p.id)
		case k == 10:
			cut = [2]string{nodes[0].id, nodes[1+rng.IntN(2)].id}
		case k == 11:
			// The process dies somewhere in the round.
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				var out bytes.Buffer
				run(ctx, []string{"mesh", "sync", m.config}, outside{stdout: &out, stderr: &out, lookup: func(string) (string, bool) { return "", false }})
			}()
			for range rng.IntN(40) {
				m.get("notes", places[0]) // for as long as a few requests take
			}
			m.kill()
			cancel()
			<-done
			m.start()
		}
	}
	for tries := 0; ; tries++ {
		open := settleMesh(nodes, rng)
		if open == nil {
			break
		}
		if tries == 20 {
			t.Fatal("conflicts are settled without end")
		}
		edits++
		edit(open, conflictIn(open.sync()), fmt.Sprintf("<settled %d>", edits))
	}
	kept := ""
	for _, m := range nodes {
		if got, want := m.get("notes", ""), nodes[0].get("notes", ""); got != want {
			t.Errorf("%s has %q, %s has %q", m.id, got, nodes[0].id, want)
		}
		kept += m.get("notes", "") + m.get("notes.conflicts", "")
	}
	for text, was := range seen {
		if !was && !strings.Contains(kept, text) {
			t.Errorf("%s is lost (-mesh-seed %d)", text, *meshSeed)
		}
	}
	if edits == 0 {
		t.Error("nothing happened")
	}
	for _, m := range nodes {
		m.server.stop()
		checkMeshFolder(t, m.dir)
	}
}

// checkMeshFolder holds a folder to what sq check says.
func checkMeshFolder(t *testing.T, dir string) {
	t.Helper()
	var out bytes.Buffer
	if status := run(t.Context(), []string{"check", dir}, outside{stdout: &out, stderr: &out}); status != exitOK {
		t.Errorf("sq check: %s", out.String())
	}
}

// settleMesh does rounds until nothing moves, and returns a node that shows a conflict. The
// rounds come in another order each time, as those of nodes do whose intervals differ by
// chance: in one order two texts may chase each other around the ring without end.
func settleMesh(nodes []*meshNode, rng *rand.Rand) *meshNode {
	for before := ""; ; {
		for _, i := range rng.Perm(len(nodes) * len(nodes)) {
			if m, p := nodes[i/len(nodes)], nodes[i%len(nodes)]; m != p {
				m.sync(p.id)
			}
		}
		var open *meshNode
		now := ""
		for _, m := range nodes {
			if conflictIn(m.sync()) != "" {
				open = m
			}
		}
		for _, m := range nodes {
			now += m.get("notes", "") + "\x01" + m.get("notes.conflicts", "") + "\x01"
		}
		if now == before {
			return open
		}
		before = now
	}
}

// conflictIn returns where a conflict is open, "" when none is.
func conflictIn(s mesh.Status) string {
	for _, p := range s.Peers {
		for _, f := range p.Phexts {
			if len(f.Conflicts) > 0 {
				return f.Conflicts[0]
			}
		}
	}
	return ""
}

// TestMeshCommands: what they print of a node that runs.
func TestMeshCommands(t *testing.T) {
	nodes := newMeshNodes(t, 2)
	a, b := nodes[0], nodes[1]
	b.start()
	b.put(first, "of b")
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(a.dir, "notes.phext"), "of a") // before its first round, which takes what it lacks
	a.start()
	a.sync()
	var out bytes.Buffer
	sq := func(args ...string) (int, string) {
		out.Reset()
		status := run(t.Context(), args, outside{stdout: &out, stderr: &out, lookup: func(string) (string, bool) { return "", false }})
		return status, out.String()
	}
	wants := func(want int, args []string, lines ...string) {
		t.Helper()
		status, text := sq(args...)
		for _, line := range lines {
			if !strings.Contains(text, line) {
				t.Errorf("%q prints\n%swithout %q", args, text, line)
			}
		}
		if status != want || strings.Contains(text, meshKey) {
			t.Errorf("%q: %d, want %d\n%s", args, status, want, text)
		}
	}
	wants(exitOK, []string{"mesh", "check", "--peers", a.config}, "node a, 1 peer, the phexts notes\n", "peer b at http://127.0.0.1:"+b.port+" answers: SQ v0.5.5\n")
	wants(exitOK, []string{"mesh", "status", a.config}, "node a: 1 peer, the phexts notes\n", "b at http://127.0.0.1:"+b.port+": up, synchronised 2",
		"  notes: 0 taken, 0 sent, 0 deleted here, 0 deleted there, 1 open conflict\n    in conflict: 1.1.1/1.1.1/1.1.1\n", "kept in notes.conflicts: 1.1.1/1.1.1/1.1.1\n")
	wants(exitFailure, []string{"mesh", "sync", "--peer", "b", a.config}, "1 open conflict", "sq: 1 conflict is open\nsq: hint: the other side's texts are in NAME.conflicts")
	wants(exitFailure, []string{"mesh", "sync", "--peer", "c", a.config}, `there is no peer "c" that is enabled`)
	wants(exitFailure, []string{"mesh", "status", "--server", "http://127.0.0.1:" + a.port}, "Unauthorized")
	a.put(first, "of both")
	wants(exitOK, []string{"mesh", "sync", a.config}, "1 sent", "0 open conflicts")
	b.want(meshKey, "GET", "select"+at("notes", first), "", "of both")
	wants(exitOK, []string{"mesh", "status", "--json", a.config}, `{"id":"a","phexts":["notes"],"peers":[{"id":"b","server":"http://127.0.0.1:`)

	// Once by hand, beside the mesh.
	dir := t.TempDir()
	remote := "http://127.0.0.1:" + b.port
	wants(exitOK, []string{"sync", remote, "notes", "--data-dir", dir, "--token", meshKey, "--dry-run"}, "taken 1.1.1/1.1.1/1.1.1\nnotes: would be: 1 taken, 0 sent")
	if files, _ := os.ReadDir(dir); slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() != ".sq" }) {
		t.Errorf("a dry run wrote %v", files)
	}
	wants(exitOK, []string{"sync", remote, "notes", "--data-dir", dir, "--token", meshKey}, "taken 1.1.1/1.1.1/1.1.1\nnotes: 1 taken, 0 sent, 0 deleted here, 0 deleted there, 0 open conflicts\n")
	if got := read(t, filepath.Join(dir, "notes.phext")); got != "of both" {
		t.Errorf("the file has %q", got)
	}
	put(t, filepath.Join(dir, "notes.phext"), "of the file")
	wants(exitOK, []string{"sync", remote, "notes", "--file", filepath.Join(dir, "notes.phext"), "--token", meshKey, "--json"}, `{"phext":"notes","dry_run":false,"did":{"sent":["1.1.1/1.1.1/1.1.1"]},"conflicts":[]}`)
	put(t, filepath.Join(dir, "notes.phext"), "of the file, again")
	b.put(first, "of b, again")
	wants(exitFailure, []string{"sync", remote, "notes", "--data-dir", dir, "--token", meshKey}, "conflict 1.1.1/1.1.1/1.1.1\n", "sq: 1 conflict is open in notes\nsq: hint: the server's texts are in notes.conflicts;")
	if got := read(t, filepath.Join(dir, "notes.conflicts.phext")); !strings.Contains(got, "bytes 11 ===\nof b, again\n") {
		t.Errorf("kept %q", got)
	}
	wants(exitFailure, []string{"sync", remote, "notes", "--data-dir", dir, "--token", "guessed"}, "Unauthorized")
	wants(exitFailure, []string{"sync", remote, "notes", "--data-dir", a.dir, "--token", meshKey}, "served by another program")
	for _, m := range nodes {
		m.server.stop()
	}
}

// TestMeshStandsIn: the inbound part of the configuration is key, directory and port
// where neither flags nor variables are.
func TestMeshStandsIn(t *testing.T) {
	m := newMeshNodes(t, 1)[0]
	s := begin(t, nil, "host", "--mesh-config", m.config)
	s.listens()
	if s.port() != m.port {
		t.Errorf("port %s, want %s", s.port(), m.port)
	}
	s.want(meshKey, "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	s.stop()
	if got := read(t, filepath.Join(m.dir, "notes.phext")); got != "kept" {
		t.Errorf("the directory has %q", got)
	}
	other := t.TempDir()
	s = begin(t, map[string]string{"SQ_KEY": tokenOfAlice, "SQ_PORT": "0"}, "host", "--mesh-config", m.config, "--data-dir", other)
	s.listens()
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "there", "Updated 5 bytes")
	if status, _ := s.call(meshKey, "GET", "version", ""); status != 401 {
		t.Errorf("the key of the configuration: %d", status)
	}
	s.stop()
	if got := read(t, filepath.Join(other, "notes.phext")); got != "there" {
		t.Errorf("the directory has %q", got)
	}
}

// TestMeshByItself: a node does a round when it starts, without being told to, and ends when
// its server does.
func TestMeshByItself(t *testing.T) {
	nodes := newMeshNodes(t, 2)
	b := nodes[1]
	b.start()
	b.put(first, "of b")
	s := begin(t, nil, "host", "--listen", "127.0.0.1", "--mesh-config", nodes[0].config)
	s.listens()
	s.await(s.stderr, regexp.MustCompile(`mesh round.* peer=b phext=notes taken=1`))
	s.want(meshKey, "GET", "select"+at("notes", first), "", "of b")
	s.stop()
	if log := s.stderr.String(); strings.Contains(log, meshKey) {
		t.Errorf("the log has the key:\n%s", log)
	}
	b.server.stop()
}

// TestMeshBase is for the peer that it is about.
func TestMeshBase(t *testing.T) {
	nodes := newMeshNodes(t, 2)
	a, b := nodes[0], nodes[1]
	b.start()
	b.put(first, "of b")
	a.start()
	a.sync()
	ask := func(node, proof, phext string) (int, string) {
		r, err := http.NewRequest("GET", "http://"+a.address+meshBasePath+"?"+url.Values{"node": {node}, "p": {phext}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", meshKey)
		r.Header.Set(client.ProofHeader, proof)
		reply, err := a.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		return reply.StatusCode, string(text)
	}
	if status, text := ask("b", mesh.Proof(meshKey), "notes"); status != 200 || !strings.HasPrefix(text, "sq-mesh-base 1 ") || !strings.Contains(text, "\n"+first+" ") {
		t.Errorf("%d %s", status, text)
	}
	for _, row := range [][3]string{{"b", "", "notes"}, {"b", mesh.Proof("guessed"), "notes"}, {"c", mesh.Proof(meshKey), "notes"}, {"b", mesh.Proof(meshKey), "plans"}} {
		if status, _ := ask(row[0], row[1], row[2]); status != 404 {
			t.Errorf("%q: %d", row, status)
		}
	}
	if status, _ := ask("b", mesh.Proof(meshKey), "a/b"); status != 403 {
		t.Errorf("a name that leads out: %d", status)
	}
	for _, m := range nodes {
		m.server.stop()
	}
}

// TestNoMesh: a server without one has none of its paths.
func TestNoMesh(t *testing.T) {
	s := start(t, "--data-dir", t.TempDir())
	if status, _ := s.call("", "GET", "mesh/status", ""); status != 404 {
		t.Errorf("%d", status)
	}
	s.stop()
}
