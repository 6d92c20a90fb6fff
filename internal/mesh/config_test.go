package mesh_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
)

const whole = `{
  "version": "1.0",
  "node": {"id": "alpha", "name": "Alpha", "emoji": "🪶", "coordinate": "2.7.1/8.2.8/3.1.4"},
  "inbound": {"enabled": true, "port": 2086, "auth_key": "invented-key-of-alpha", "data_dir": "/srv/sq"},
  "outbound": {"enabled": true, "peers": [
    {"id": "later", "name": "Later", "host": "::1", "port": 2086, "auth_key": "invented-1", "coordinate": "1.1.1/1.1.1/1.1.2", "priority": 2},
    {"id": "sooner", "host": "sooner.example", "port": 443, "scheme": "https", "auth_key": "invented-2", "priority": 1},
    {"id": "off", "enabled": false}
  ]},
  "mesh": {"sync_interval_seconds": 10, "health_check_interval_seconds": 5, "retry_backoff_seconds": 2, "max_retries": 7, "phexts": ["notes", "plans"]}
}`

func TestWholeConfiguration(t *testing.T) {
	c, err := mesh.Parse([]byte(whole), "mesh.json")
	if err != nil {
		t.Fatal(err)
	}
	if c.Node != (mesh.NodeConfig{ID: "alpha", Name: "Alpha", Emoji: "🪶", Coordinate: "2.7.1/8.2.8/3.1.4"}) {
		t.Errorf("node %+v", c.Node)
	}
	if c.Inbound != (mesh.Inbound{Enabled: true, Port: 2086, Key: "invented-key-of-alpha", DataDir: "/srv/sq"}) {
		t.Errorf("inbound %+v", c.Inbound)
	}
	if c.Times != (mesh.Times{Sync: 10 * time.Second, Health: 5 * time.Second, Backoff: 2 * time.Second, Retries: 7}) {
		t.Errorf("times %+v", c.Times)
	}
	var peers []string
	for _, p := range c.Peers {
		peers = append(peers, fmt.Sprint(p.ID, " ", p.Enabled, " ", p.Server(), " ", p.Priority))
	}
	if got := strings.Join(peers, ", "); got != "off false http://:0 0, sooner true https://sooner.example:443 1, later true http://[::1]:2086 2" {
		t.Errorf("peers by priority: %s", got)
	}
	if strings.Join(c.Phexts, ",") != "notes,plans" {
		t.Errorf("phexts %q", c.Phexts)
	}
}

// TestLeastConfiguration: what is left out is as in v0.5.5, and nothing travels.
func TestLeastConfiguration(t *testing.T) {
	c, err := mesh.Parse([]byte(`{"version": "1.0", "node": {"id": "alpha"}, "mesh": null}`), "mesh.json")
	if err != nil || c.Outbound || c.Inbound.Enabled || len(c.Phexts) != 0 ||
		c.Times != (mesh.Times{Sync: 300 * time.Second, Health: 60 * time.Second, Backoff: 30 * time.Second, Retries: 3}) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRefusals: each mistake is told with its place, and no key is.
func TestRefusals(t *testing.T) {
	const node = `{"version": "1.0", "node": {"id": "alpha"}, `
	peer := func(fields string) string {
		return node + `"outbound": {"enabled": true, "peers": [{"id": "b", "host": "h", "port": 1, "auth_key": "secret", ` + fields + `}]}}`
	}
	settings := func(fields string) string { return node + `"mesh": {` + fields + `}}` }
	for _, row := range []struct{ text, want string }{
		{``, "1:1: the configuration is empty; sq mesh init writes a first one"},
		{`[]`, "1:1: the configuration is a list; want an object"},
		{"{\n", "1:2: the configuration ends too early"},
		{`{"version": }`, "1:13: invalid character '}'"},
		{"{\"node\": \"\xff\"}", "1:11: the byte 0xff is not UTF-8"},
		{`{"version": "1.0"}`, `1:1: the configuration: "node" is missing; add it`},
		{`{"node": {"id": "alpha"}}`, `1:1: the configuration: "version" is missing`},
		{`{"version": "2.0", "node": {"id": "alpha"}}`, `1:13: the configuration: version is another one; this program reads "1.0"`},
		{`{"version": 1.0, "node": {"id": "alpha"}}`, `1:13: the configuration: version is another one`},
		{node + `"Mesh": {}}`, `1:45: the configuration: unknown field "Mesh"; the fields here are version, node, inbound, outbound, mesh`},
		{node + `"secret-9": {}}`, "1:45: the configuration: unknown field; the fields"},
		{node + `"mesh": {}, "mesh": {}}`, `field "mesh" stands twice; remove one`},
		{node + "\n\"mesh\": {\n  \"phext\": []}}", `3:3: mesh: unknown field "phext"; the fields here are sync_interval_seconds`},
		{`{"version": "1.0", "node": {"id": "a/b"}}`, "1:35: node: id is no id; want 1 to 64 of a-z"},
		{`{"version": "1.0", "node": {"id": ""}}`, "node: id is no id"},
		{`{"version": "1.0", "node": {"id": ".."}}`, "node: id is no id"},
		{`{"version": "1.0", "node": {"name": "Alpha"}}`, `1:28: node: "id" is missing; add it`},
		{`{"version": "1.0", "node": {"id": "a", "coordinate": "1.1"}}`, "node: coordinate is none: "},
		{`{"version": "1.0", "node": {"id": "a", "name": "a\nb"}}`, "node: name has more than 200 bytes or a control character"},
		{node + `"inbound": {"enabled": true, "port": 1}}`, `1:56: inbound: is enabled without a key, and would be open to everyone; give "auth_key", or set "enabled" to false`},
		{node + `"inbound": {"enabled": true, "auth_key": ""}}`, "inbound: is enabled without a key"},
		{node + `"inbound": {"port": 1}}`, `inbound: "enabled" is missing`},
		{node + `"inbound": {"enabled": "secret"}}`, "inbound: enabled is a string; want true or false, without quotes"},
		{node + `"inbound": {"enabled": true, "auth_key": " secret"}}`, "inbound: auth_key has a space at an end"},
		{node + `"inbound": {"enabled": false, "port": 65536}}`, "inbound: port is out of range or has a fraction or an exponent; want a whole number from 1 to 65535"},
		{node + `"inbound": {"enabled": false, "port": "1"}}`, "inbound: port is a string; want a whole number"},
		{node + `"outbound": {"enabled": true, "peers": {}}}`, "outbound: peers is an object; want a list"},
		{node + `"outbound": {"enabled": true, "peers": [1]}}`, "a peer is a number; want an object"},
		{node + `"outbound": {"enabled": true, "peers": [{"id": "b", "port": 1, "auth_key": "secret"}]}}`, `1:85: peer "b": is enabled without "host"; add it, or set the peer's "enabled" to false`},
		{node + `"outbound": {"enabled": true, "peers": [{"id": "b", "host": "h", "auth_key": "secret"}]}}`, `peer "b": is enabled without "port"`},
		{node + `"outbound": {"enabled": true, "peers": [{"id": "b", "host": "h", "port": 1, "auth_key": ""}]}}`, `peer "b": is enabled without "auth_key"`},
		{node + `"outbound": {"enabled": true, "peers": [{"id": "b", "enabled": false}, {"id": "B", "enabled": false}]}}`, `peer "B": the id stands twice`},
		{node + `"outbound": {"enabled": true, "peers": [{"id": "Alpha", "enabled": false}]}}`, `peer "Alpha": has the id of this node`},
		{peer(`"scheme": "ftp"`), `a peer: scheme is another one; want "http" or "https"`},
		{peer(`"host": "h"`), `a peer: field "host" stands twice`},
		{peer(`"priority": 256`), "a peer: priority is out of range or has a fraction or an exponent; want a whole number from 0 to 255"},
		{strings.Replace(peer(`"priority": 0`), `"host": "h"`, `"host": "http://h"`, 1), `a peer: host is a URL; give the name alone`},
		{strings.Replace(peer(`"priority": 0`), `"host": "h"`, `"host": "h:1"`, 1), `a peer: host is no host; give a name or an address, and the port as "port"`},
		{settings(`"sync_interval_seconds": 0`), "mesh: sync_interval_seconds is out of range"},
		{settings(`"health_check_interval_seconds": 1.5`), "mesh: health_check_interval_seconds is out of range or has a fraction"},
		{settings(`"retry_backoff_seconds": 604801`), "want a whole number from 1 to 604800"},
		{settings(`"max_retries": -1`), "mesh: max_retries is out of range"},
		{settings(`"phexts": "notes"`), `mesh: phexts is a string; want a list of names, or ["*"] for all phexts`},
		{settings(`"phexts": [1]`), "mesh: phexts has an entry that is a number; want a string"},
		{settings(`"phexts": ["a/b"]`), `mesh: phexts has the entry "a/b": Forbidden: Invalid phext path`},
		{settings(`"phexts": ["a", "a"]`), `mesh: phexts has "a" twice; remove one`},
		{settings(`"phexts": ["a", "*"]`), `mesh: phexts has "*" beside names`},
		{settings(`"phexts": ["a.conflicts"]`), `mesh: phexts has "a.conflicts"; phexts of conflicts do not travel`},
		{settings(`"phexts": ["` + strings.Repeat("x", 191) + `"]`), "too long for .conflicts behind it"},
	} {
		_, err := mesh.Parse([]byte(row.text), "mesh.json")
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "mesh.json:") || sq.ErrorCode(err) != sq.Invalid {
			t.Errorf("%s\n  %v\n  want %s", row.text, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s tells a secret: %v", row.text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"version": "1.0", "node": {"id": "alpha"}, "outbound": {"enabled": true, "peers": []}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := mesh.Parse(text, "mesh.json")
		if (c == nil) == (err == nil) {
			t.Errorf("%v and %v", c, err)
		}
	})
}

// TestIdentity changes with whatever may lead to other phexts.
func TestIdentity(t *testing.T) {
	seen := map[string]bool{}
	for _, server := range []string{"http://a:1", "http://a:2"} {
		for _, key := range []string{"", "invented"} {
			for _, name := range []sq.PhextName{"notes", "plans"} {
				seen[mesh.Identity(server, key, name)] = true
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d identities", len(seen))
	}
}
