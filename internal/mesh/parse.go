package mesh

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// parser reads a configuration. Each section has a method.
type parser struct {
	document
	config *Config
	err    error // of a section inside the one that is read
}

// version is the one version of the format that there is.
const version = "1.0"

func (p *parser) parse() error {
	root, err := p.read()
	if err != nil {
		return err
	}
	err = p.sections(root, "the configuration",
		field{"version", true, p.version},
		p.section("node", true, p.node),
		p.section("inbound", false, p.inbound),
		p.section("outbound", false, p.outbound),
		p.section("mesh", false, p.mesh),
	)
	if err != nil {
		return err
	}
	for _, peer := range p.config.Peers {
		if strings.EqualFold(peer.ID, p.config.Node.ID) {
			return p.errorf(root.at, "peer %q: has the id of this node; leave this node out of its peers", peer.ID)
		}
	}
	return nil
}

// sections is object for one that has objects in it, whose errors go first.
func (p *parser) sections(v value, what string, fields ...field) error {
	err := p.object(v, what, fields...)
	if p.err != nil {
		return p.err
	}
	return err
}

// section is a field that is an object of its own.
func (p *parser) section(name string, required bool, read func(value) error) field {
	return field{name, required, func(v value) string {
		if p.err = read(v); p.err != nil {
			return p.err.Error() // which sections returns as it is
		}
		return ""
	}}
}

func (p *parser) version(v value) string {
	if v.token != version {
		return fmt.Sprintf("is another one; this program reads %q", version)
	}
	return ""
}

func (p *parser) node(v value) error {
	n := &p.config.Node
	return p.object(v, "node",
		field{"id", true, id(&n.ID)},
		field{"name", false, label(&n.Name)},
		field{"emoji", false, label(&n.Emoji)},
		field{"coordinate", false, coordinate(&n.Coordinate)},
	)
}

func (p *parser) inbound(v value) error {
	in := &p.config.Inbound
	err := p.object(v, "inbound",
		field{"enabled", true, flag(&in.Enabled)},
		field{"port", false, port(&in.Port)},
		field{"auth_key", false, key(&in.Key)},
		field{"data_dir", false, directory(&in.DataDir)},
	)
	if err == nil && in.Enabled && in.Key == "" {
		return p.errorf(v.at, `inbound: is enabled without a key, and would be open to everyone; give "auth_key", or set "enabled" to false`)
	}
	return err
}

func (p *parser) outbound(v value) error {
	return p.sections(v, "outbound",
		field{"enabled", true, flag(&p.config.Outbound)},
		p.section("peers", false, p.peers),
	)
}

func (p *parser) peers(v value) error {
	if !v.isList() {
		return p.errorf(v.at, "outbound: peers is %s; want a list", v.kind())
	}
	for _, item := range v.items {
		if err := p.peer(item); err != nil {
			return err
		}
	}
	slices.SortStableFunc(p.config.Peers, func(a, b PeerConfig) int { return int(a.Priority) - int(b.Priority) })
	return nil
}

// peer reads one peer. What it needs in order to be asked it may lack while it is not
// enabled.
func (p *parser) peer(v value) error {
	peer := PeerConfig{Enabled: true, Scheme: "http"}
	err := p.object(v, "a peer",
		field{"id", true, id(&peer.ID)},
		field{"name", false, label(&peer.Name)},
		field{"enabled", false, flag(&peer.Enabled)},
		field{"scheme", false, scheme(&peer.Scheme)},
		field{"host", false, host(&peer.Host)},
		field{"port", false, port(&peer.Port)},
		field{"auth_key", false, key(&peer.Key)},
		field{"coordinate", false, coordinate(&peer.Coordinate)},
		field{"priority", false, whole(0, 255, func(n int) { peer.Priority = uint8(n) })},
	)
	if err != nil {
		return err
	}
	for _, other := range p.config.Peers {
		if strings.EqualFold(other.ID, peer.ID) {
			return p.errorf(v.at, "peer %q: the id stands twice; give each peer its own", peer.ID)
		}
	}
	if peer.Enabled {
		if what := lacks(&peer); what != "" {
			return p.errorf(v.at, `peer %q: is enabled without %s; add it, or set the peer's "enabled" to false`, peer.ID, what)
		}
	}
	p.config.Peers = append(p.config.Peers, peer)
	return nil
}

// lacks names the first field that an enabled peer needs and has not.
func lacks(peer *PeerConfig) string {
	switch {
	case peer.Host == "":
		return `"host"`
	case peer.Port == 0:
		return `"port"`
	case peer.Key == "":
		return `"auth_key"`
	}
	return ""
}

func (p *parser) mesh(v value) error {
	const longest = 7 * 24 * 60 * 60
	t := &p.config.Times
	return p.object(v, "mesh",
		field{"sync_interval_seconds", false, seconds(1, longest, &t.Sync)},
		field{"health_check_interval_seconds", false, seconds(1, longest, &t.Health)},
		field{"retry_backoff_seconds", false, seconds(1, longest, &t.Backoff)},
		field{"max_retries", false, whole(0, 1000, func(n int) { t.Retries = n })},
		field{"phexts", false, p.phexts},
	)
}

func (p *parser) phexts(v value) string {
	if !v.isList() {
		return "is " + v.kind() + `; want a list of names, or ["*"] for all phexts`
	}
	for _, item := range v.items {
		name, complaint := text(item)
		if complaint != "" {
			return "has an entry that " + complaint
		}
		if complaint := unfitPhext(name); complaint != "" {
			return complaint
		}
		if slices.Contains(p.config.Phexts, name) {
			return fmt.Sprintf("has %q twice; remove one", name)
		}
		p.config.Phexts = append(p.config.Phexts, name)
	}
	if slices.Contains(p.config.Phexts, All) && len(p.config.Phexts) > 1 {
		return `has "*" beside names; "*" alone is all phexts`
	}
	return ""
}

// unfitPhext says why a phext cannot travel, if so.
func unfitPhext(s string) (complaint string) {
	if s == All {
		return ""
	}
	name, err := sq.ParsePhextName(s)
	if err == nil {
		_, err = ConflictsOf(name)
	}
	switch {
	case err != nil:
		return fmt.Sprintf("has the entry %q: %s", s, sq.ErrorMessage(err))
	case IsConflicts(name):
		return fmt.Sprintf("has %q; phexts of conflicts do not travel", s)
	}
	return ""
}

// Each function here returns one that understands the value of a field. Values of keys
// are never repeated.

func text(v value) (s, complaint string) {
	s, ok := v.token.(string)
	if !ok {
		return "", "is " + v.kind() + "; want a string"
	}
	return s, ""
}

// checked sets a string that has no complaint against it.
func checked(to *string, unfit func(string) string) func(value) string {
	return func(v value) string {
		s, complaint := text(v)
		if complaint == "" {
			complaint = unfit(s)
		}
		*to = s
		return complaint
	}
}

const wantID = "want 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.', not beginning with a dot"

func id(to *string) func(value) string { return checked(to, unfitID) }

// unfitID says why a text is no id: it is part of paths.
func unfitID(s string) string {
	if s == "" || len(s) > 64 || s[0] == '.' || strings.ContainsFunc(s, notInID) {
		return "is no id; " + wantID
	}
	return ""
}

// IsID reports whether a text can be what a node is called.
func IsID(s string) bool { return unfitID(s) == "" }

func notInID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

func label(to *string) func(value) string {
	return checked(to, func(s string) string {
		if len(s) > 200 || strings.ContainsFunc(s, unicode.IsControl) {
			return "has more than 200 bytes or a control character"
		}
		return ""
	})
}

func key(to *string) func(value) string {
	return checked(to, func(s string) string {
		if strings.TrimSpace(s) != s || strings.ContainsFunc(s, unicode.IsControl) {
			return "has a space at an end or a control character, which no HTTP header carries"
		}
		return ""
	})
}

func directory(to *string) func(value) string {
	return checked(to, func(s string) string {
		if len(s) > 4096 || strings.ContainsFunc(s, unicode.IsControl) {
			return "has more than 4096 bytes or a control character; name a directory"
		}
		return ""
	})
}

func scheme(to *string) func(value) string {
	return checked(to, func(s string) string {
		if s != "http" && s != "https" {
			return `is another one; want "http" or "https"`
		}
		return ""
	})
}

// host takes a name or an address, without scheme, port or path: those have fields
// of their own.
func host(to *string) func(value) string {
	set := checked(to, func(s string) string {
		s = unbracketed(s)
		switch {
		case strings.Contains(s, "://"):
			return `is a URL; give the name alone, and "scheme": "https" for TLS`
		case net.ParseIP(s) == nil && strings.ContainsAny(s, ":/@?#[] \t") || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 253:
			return `is no host; give a name or an address, and the port as "port"`
		}
		return ""
	})
	return func(v value) string {
		complaint := set(v)
		*to = unbracketed(*to)
		return complaint
	}
}

// unbracketed takes the brackets away that an IPv6 address has in a URL.
func unbracketed(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]")
	}
	return s
}

func coordinate(to *string) func(value) string {
	return checked(to, func(s string) string {
		if s == "" {
			return ""
		}
		if _, err := phext.ParseCoordinate(s); err != nil {
			return "is none: " + err.Error()
		}
		return ""
	})
}

func flag(to *bool) func(value) string {
	return func(v value) string {
		b, ok := v.token.(bool)
		if !ok {
			return "is " + v.kind() + "; want true or false, without quotes"
		}
		*to = b
		return ""
	}
}

func port(to *uint16) func(value) string {
	return whole(1, 65535, func(n int) { *to = uint16(n) })
}

func seconds(least, most int, to *time.Duration) func(value) string {
	return whole(least, most, func(n int) { *to = time.Duration(n) * time.Second })
}

func whole(least, most int, set func(int)) func(value) string {
	return func(v value) string {
		want := fmt.Sprintf("; want a whole number from %d to %d", least, most)
		number, ok := v.token.(json.Number)
		if !ok {
			return "is " + v.kind() + want
		}
		n, err := strconv.Atoi(number.String())
		if err != nil || n < least || n > most {
			return "is out of range or has a fraction or an exponent" + want
		}
		set(n)
		return ""
	}
}
