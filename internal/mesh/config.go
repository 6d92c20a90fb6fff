package mesh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
)

// Config is the configuration of a mesh, read and checked whole: whatever Parse returns
// can be used. Keys stand in it, so it is not for logs.
type Config struct {
	Node     NodeConfig
	Inbound  Inbound
	Outbound bool         // whether peers are synchronised with
	Peers    []PeerConfig // in the order of their priority
	// Phexts are the names of what travels, as they stand in the file; All stands for every
	// phext that is there or comes to be.
	Phexts []string
	Times
}

// All in Config.Phexts stands for every phext.
const All = "*"

// NodeConfig is who this server is to its peers.
type NodeConfig struct {
	ID         string // what Pair.ID is for others
	Name       string // for people
	Emoji      string // for people
	Coordinate string // where it stands for people, or empty; a coordinate
}

// Inbound is how this server is reached. Where Enabled is false the rest is not used.
type Inbound struct {
	Enabled bool
	Port    uint16 // 0: none was given
	Key     string
	DataDir string // empty: none was given
}

// PeerConfig is a server to synchronise with.
type PeerConfig struct {
	ID         string
	Name       string
	Enabled    bool
	Scheme     string // http or https
	Host       string // a name or an address, without brackets
	Port       uint16
	Key        string
	Coordinate string // where it stands for people, or empty
	Priority   uint8  // the lower ones go first
}

// Times is when and how often.
type Times struct {
	Sync    time.Duration // from one round with a peer to the next
	Health  time.Duration // from one look at a peer to the next
	Backoff time.Duration // before the first try after a failure; it doubles with each
	Retries int           // tries before the next round is waited for
}

// defaults are those of SQ v0.5.5.
var defaults = Times{Sync: 300 * time.Second, Health: 60 * time.Second, Backoff: 30 * time.Second, Retries: 3}

// Server returns the URL of the peer.
func (p *PeerConfig) Server() string {
	return p.Scheme + "://" + net.JoinHostPort(strings.ToLower(p.Host), strconv.Itoa(int(p.Port)))
}

// Label returns the name of the peer for people, with its id.
func (p *PeerConfig) Label() string {
	if p.Name == "" || p.Name == p.ID {
		return p.ID
	}
	return p.Name + " (" + p.ID + ")"
}

// Identity returns what Pair.Identity is for a phext on a server, whose URL is written as
// PeerConfig.Server writes it: 16 hex digits that change with the server, the key, or the
// phext's name, and give none of them away.
func Identity(server, key string, name sq.PhextName) string {
	sum := sha256.Sum256([]byte(server + "\x00" + key + "\x00" + string(name)))
	return hex.EncodeToString(sum[:8])
}

// Proof returns what shows that somebody knows a key, without giving it away: 16 hex
// digits.
func Proof(key string) string { return Identity("proof", key, "") }

// Load reads and checks the configuration at path. Its errors are those of Parse, and
// Internal when the file cannot be read.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "cannot read the configuration of the mesh, check its path and mode")
	}
	defer clear(data) // keys stand in it
	return Parse(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), path)
}

// Parse reads and checks a configuration. Errors are Invalid and begin with
// "NAME:LINE:COLUMN: ", where name is what the caller calls the file. No key is ever in
// one.
func Parse(data []byte, name string) (*Config, error) {
	p := &parser{document: document{name, data}, config: &Config{Times: defaults}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.config, nil
}
