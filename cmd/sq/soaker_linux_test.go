package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/wbic16/sq-go/phext"
)

// shelf is a phext of a tenant.
type shelf struct{ tenant, phext int }

func (s shelf) name() string { return fmt.Sprint("p", s.phext) }

// soaker is a client. It writes scrolls of its own in all phexts, and knows what
// is in them.
type soaker struct {
	*soak
	number int
	random *rand.Rand
	texts  map[shelf]*[soakPlaces]string
	steps  int
	round  int // of the edits and reloads
}

func newSoaker(s *soak, number int) *soaker {
	c := &soaker{soak: s, number: number, random: rand.New(rand.NewPCG(s.seed, uint64(number))), texts: map[shelf]*[soakPlaces]string{}}
	for t := range s.tenants {
		for p := range soakPhexts {
			c.texts[shelf{t, p}] = &[soakPlaces]string{}
		}
	}
	return c
}

// step makes one request of some kind. Which tenants are busy changes slowly, so
// that the others come to rest.
func (c *soaker) step() {
	c.steps++
	at := shelf{(c.steps/50 + c.random.IntN(c.hot)) % c.tenants, c.random.IntN(soakPhexts)}
	i := c.random.IntN(soakPlaces)
	switch n := c.random.IntN(1000); {
	case n < 400:
		c.expect(at, http.MethodGet, "select"+c.place(at, i), "", c.texts[at][i])
	case n < 600:
		c.insert(at, i)
	case n < 770:
		c.update(at, i)
	case n < 820:
		c.remove(at, i)
	case n < 860:
		c.toc(at)
	case n < 900:
		c.whole(at, "get")
	case n < 930:
		c.whole(at, "delta")
	case n < 960:
		c.export(at)
	case n < 970:
		c.goAway(at, i)
	case n < 980:
		c.stranger(at, i)
	case n < 990:
		c.want(at, http.MethodGet, "status?p="+at.name(), "")
	default:
		c.want(at, http.MethodGet, "checksum?p="+at.name(), "")
	}
}

// place is the query for scroll i in a phext.
func (c *soaker) place(s shelf, i int) string { return at(s.name(), soakPlace(c.number, i).String()) }

func (c *soaker) text() string {
	return strings.Repeat(fmt.Sprintf("%08x ", c.random.Uint32()), 1+c.random.IntN(40))
}

func (c *soaker) insert(at shelf, i int) {
	text := c.text()
	if len(c.texts[at][i]) > 2000 {
		c.update(at, i)
		return
	}
	c.expect(at, http.MethodPost, "insert"+c.place(at, i), text, fmt.Sprintf("Inserted %d bytes", len(text)))
	c.texts[at][i] += text
}

func (c *soaker) update(at shelf, i int) {
	text := c.text()
	c.expect(at, http.MethodPost, "update"+c.place(at, i), text, fmt.Sprintf("Updated %d bytes", len(text)))
	c.texts[at][i] = text
}

func (c *soaker) remove(at shelf, i int) {
	c.expect(at, http.MethodGet, "delete"+c.place(at, i), "", fmt.Sprintf("Removed %d bytes", len(c.texts[at][i])))
	c.texts[at][i] = ""
}

// want makes a request and returns the reply, which must be one with status 200.
func (c *soaker) want(at shelf, method, what, body string) string {
	c.requests.Add(1)
	status, reply, err := c.server.send(soakToken(at.tenant), method, what, body)
	if err != nil || status != http.StatusOK {
		c.wrong("tenant %d: %s %s: %d %.200q, %v", at.tenant, method, what, status, reply, err)
	}
	return reply
}

func (c *soaker) expect(at shelf, method, what, body, want string) {
	if got := c.want(at, method, what, body); got != want {
		c.wrong("tenant %d: %s %s: %q, want %q", at.tenant, method, what, got, want)
	}
}

// holds looks for the client's scrolls among all of a phext.
func (c *soaker) holds(at shelf, what string, scrolls map[phext.Coordinate]string, err error) {
	for i, want := range c.texts[at] {
		if got := scrolls[soakPlace(c.number, i)]; err != nil || got != want {
			c.wrong("tenant %d: %s of %s: scroll %d of client %d is %q, want %q, %v", at.tenant, what, at.name(), i, c.number, got, want, err)
		}
	}
}

func (c *soaker) whole(at shelf, what string) {
	scrolls, err := phext.Explode(c.want(at, http.MethodGet, what+"?p="+at.name(), ""))
	c.holds(at, what, scrolls, err)
}

func (c *soaker) export(at shelf) {
	var all []struct{ Coord, Scroll string }
	err := json.Unmarshal([]byte(c.want(at, http.MethodGet, "json-export?p="+at.name(), "")), &all)
	scrolls := map[phext.Coordinate]string{}
	for _, s := range all {
		if coordinate, e := phext.ParseCoordinate(s.Coord); e == nil {
			scrolls[coordinate] = s.Scroll
		}
	}
	c.holds(at, "json-export", scrolls, err)
}

func (c *soaker) toc(at shelf) {
	toc := c.want(at, http.MethodGet, "toc?p="+at.name(), "")
	for i, text := range c.texts[at] {
		place := fmt.Sprintf("* %v: ", soakPlace(c.number, i))
		if line := place + text[:min(len(text), 9)]; text != "" && !strings.Contains(toc, line) || text == "" && strings.Contains(toc, place) {
			c.wrong("tenant %d: toc of %s: scroll %d of client %d is not %q:\n%s", at.tenant, at.name(), i, c.number, text, toc)
		}
	}
}

// goAway leaves in the middle of a long reply, or of a text.
func (c *soaker) goAway(at shelf, i int) {
	c.requests.Add(1)
	conn, err := net.Dial("tcp", c.server.address)
	if err != nil {
		c.wrong("%v", err)
		return
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetLinger(0)
	const rest = "Host: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n"
	if c.random.IntN(2) == 0 {
		fmt.Fprintf(conn, "POST /api/v2/update%s HTTP/1.1\r\n"+rest+"half a te", c.place(at, i), soakToken(at.tenant), "Content-Length: 11\r\n")
		return
	}
	what := []string{"get", "json-export", "delta", "toc"}[c.random.IntN(4)]
	fmt.Fprintf(conn, "GET /api/v2/%s?p=big HTTP/1.1\r\n"+rest, what, soakToken(at.tenant/soakBig*soakBig), "")
	if _, err := io.CopyN(io.Discard, conn, 1000); err != nil {
		c.wrong("the beginning of a long reply: %v", err)
	}
}

// stranger has a token that nobody has, or that may not write.
func (c *soaker) stranger(at shelf, i int) {
	token, want := "a-token-that-nobody-has", http.StatusUnauthorized
	if c.random.IntN(2) == 0 {
		token, want = "a-token-to-read", http.StatusForbidden
	}
	c.requests.Add(1)
	status, reply, err := c.server.send(token, http.MethodPost, "update"+c.place(at, i), "no")
	if err != nil || status != want {
		c.wrong("%s gets %d %q, %v", token, status, reply, err)
	}
}

// edit writes a phext by hand, or adds to one that clients are writing.
func (c *soaker) edit() {
	c.round++
	at := shelf{c.random.IntN(c.tenants), c.random.IntN(soakPhexts)}
	if c.edits.Add(1); c.round%2 == 0 {
		c.adds(at)
		return
	}
	path, text := filepath.Join(c.folder(at.tenant), "hand.phext"), fmt.Sprint("round ", c.round)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		c.wrong("%v", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.wrong("%v", err)
	}
	c.expect(at, http.MethodGet, "load?p=hand", "", "Loaded hand.phext")
	c.expect(at, http.MethodGet, "select"+query("hand", first), "", text)
}

// adds adds a scroll to a phext in place, in a library of its own, and has the
// server remove what came of it. If the server puts another file in its place
// just then, nothing comes.
func (c *soaker) adds(at shelf) {
	f, err := os.OpenFile(filepath.Join(c.folder(at.tenant), at.name()+".phext"), os.O_WRONLY|os.O_APPEND, 0)
	if os.IsNotExist(err) {
		return // it is in the journal alone
	}
	if err == nil {
		_, err = f.WriteString("\x01by hand")
		f.Close()
	}
	if err != nil {
		c.wrong("%v", err)
	}
	c.expect(at, http.MethodGet, "load?p="+at.name(), "", "Loaded "+at.name()+".phext")
	for line := range strings.Lines(c.want(at, http.MethodGet, "toc?p="+at.name(), "")) {
		if place, _, found := strings.Cut(strings.TrimPrefix(line, "* "), ": by hand"); found {
			c.expect(at, http.MethodGet, "delete"+query(at.name(), place), "", "Removed 7 bytes")
		}
	}
}

// query is at, where a shelf has that name.
func query(name, coordinate string) string { return at(name, coordinate) }

// reload lets a guest in and turns the one before out.
func (c *soaker) reload() {
	guest, last := fmt.Sprint("invented-token-of-guest-", c.round+1), fmt.Sprint("invented-token-of-guest-", c.round)
	c.round++
	c.configure(guest)
	c.requests.Add(3)
	if status, reply, err := c.server.send("", http.MethodPost, "reload", ""); err != nil || status != http.StatusOK {
		c.wrong("reload: %d %q, %v", status, reply, err)
	}
	c.reloads.Add(1)
	for token, want := range map[string]int{guest: http.StatusOK, last: http.StatusUnauthorized} {
		if status, reply, err := c.server.send(token, http.MethodPost, "update"+at("notes", first), guest); err != nil || status != want {
			c.wrong("%s: %d %q, %v, want %d", token, status, reply, err, want)
		}
	}
}

// checkFiles looks at the files after the end.
func (c *soaker) checkFiles() {
	for at := range c.texts {
		text, err := os.ReadFile(filepath.Join(c.folder(at.tenant), at.name()+".phext"))
		if err != nil {
			c.wrong("%v", err)
			continue
		}
		scrolls, err := phext.Explode(string(text))
		c.holds(at, "the file", scrolls, err)
	}
}
