package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// trick is a request that ends in one place for some readers and in another for
// others, so that what hides in it is a second request for some.
type trick struct {
	what string
	text func(hidden string) string
}

const (
	openly = "POST /api/v2/update?p=open" + at + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: bob's\r\n"
	secret = "POST /api/v2/update?p=hidden" + at + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: bob's\r\nContent-Length: 6\r\n\r\nhidden"
	// What comes next on the connection, of whoever it is, would be its text.
	greedy = "POST /api/v2/update?p=loot" + at + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: bob's\r\nContent-Length: 150\r\n\r\n"
)

// lengthOf returns the header that announces a text.
func lengthOf(text string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(text)) }

// tricks returns all that is known of this kind.
func tricks() (list []trick) {
	add := func(what string, text func(string) string) { list = append(list, trick{what, text}) }
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text) }

	// The length says that the hidden request is text, the coding that it is not.
	for _, line := range []string{
		"Transfer-Encoding: chunked\r\n", "tRANSFER-eNCODING: CHUNKED\r\n", "Transfer-Encoding:chunked\r\n", "Transfer-Encoding:\tchunked\r\n",
		"Transfer-Encoding: chunked \r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding\t: chunked\r\n", " Transfer-Encoding: chunked\r\n",
		"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: identity, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
		"Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: \x0bchunked\r\n", "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;x=y\r\n",
		"Transfer-Encoding:\r\n chunked\r\n", "X: y\r\n Transfer-Encoding: chunked\r\n", "X: y\r\n\tTransfer-Encoding: chunked\r\n", "X: y\nTransfer-Encoding: chunked\r\n", "X: y\rTransfer-Encoding: chunked\r\n",
		"Transfer_Encoding: chunked\r\n", "Transfer-Encoding: chunked\x00\r\n", "Transfer-Encoding\x00: chunked\r\n", "\x00Transfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
		"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encodıng: chunked\r\n", "Transfer-Encoding: chunKed\r\n",
	} {
		add("length and "+line, func(hidden string) string {
			return openly + lengthOf("0\r\n\r\n"+hidden) + line + "\r\n0\r\n\r\n" + hidden
		})
		add(line+" and length", func(hidden string) string {
			return openly + line + lengthOf("0\r\n\r\n"+hidden) + "\r\n0\r\n\r\n" + hidden
		})
		if strings.HasPrefix(line, "Transfer_") {
			continue // a header like any other: here the end is certain
		}
		add("short length and "+line, func(hidden string) string {
			return openly + line + "Content-Length: 4\r\n\r\n" + chunk(hidden)
		})
	}
	// Two lengths, or one that is read in two ways.
	for _, line := range []string{
		"Content-Length: 0\r\nContent-Length: %d\r\n", "Content-Length: %d\r\nContent-Length: 0\r\n", "Content-Length: 0, %d\r\n", "Content-Length: %d, 0\r\n", "Content-Length: +%d\r\n", "Content-Length: %d\x00\r\n",
		"Content-Length: 0%d\x0b\r\n", "Content-Length: 0x%d\r\n", "Content-Length: %d.0\r\n", "Content-Length: \"%d\"\r\n", "Content-Length: -%d\r\n", "Content-Length: 0 %d\r\n", "Content-Length : %d\r\n",
		" Content-Length: %d\r\n", "Content-Length:\r\n %d\r\n", "X: y\r\n Content-Length: %d\r\n", "X: y\nContent-Length: %d\r\n", "X: y\rContent-Length: %d\r\n", "Content-Length: 0\r\n %d\r\n", "Content-Length: 1844674407370955161%d\r\n",
	} {
		add(line, func(hidden string) string { return openly + fmt.Sprintf(line, len(hidden)) + "\r\n" + hidden })
	}
	// Chunks whose ends are seen in two places.
	for what, text := range map[string]string{
		"chunk lines that end in LF":      "2\nab\n0\n\n",
		"a chunk that ends in LF":         "2\r\nab\n0\r\n\r\n",
		"an extension with LF":            "2;\nab\r\n0\r\n\r\n",
		"an extension with LF and a size": "2;\nab\r\n2\r\n0\r\n\r\n",
		"an extension with CR":            "2;\rx\r\nab\r\n0\r\n\r\n",
		"a chunk without end":             "2\r\nab0\r\n\r\n",
		"a chunk that is longer":          "2\r\nabc\r\n0\r\n\r\n",
		"a last chunk that ends in LF":    "2\r\nab\r\n0\n\n",
		"trailers that end in LF":         "2\r\nab\r\n0\r\nX: y\n\n",
		"trailers with LF and a length":   "2\r\nab\r\n0\r\nContent-Length: 500\r\nX: y\n\r\n",
		"a size in hex with 0x":           "0x2\r\nab\r\n0\r\n\r\n",
		"a size with plus":                "+2\r\nab\r\n0\r\n\r\n",
		"a size below 0":                  "-2\r\nab\r\n0\r\n\r\n",
		"a size in two parts":             "2 0\r\nab\r\n0\r\n\r\n",
		"a size behind a space":           " 2\r\nab\r\n0\r\n\r\n",
		"a size that overflows":           "10000000000000002\r\nab\r\n0\r\n\r\n",
		"no size":                         "\r\nab\r\n0\r\n\r\n",
		"a size with NUL":                 "2\x00\r\nab\r\n0\r\n\r\n",
		"a size with underscore":          "0_2\r\nab\r\n0\r\n\r\n",
	} {
		add(what, func(hidden string) string { return openly + "Transfer-Encoding: chunked\r\n\r\n" + text + hidden })
	}
	// Heads whose ends are seen in two places.
	add("a head that ends in a value", func(hidden string) string { return openly + "Content-Length: 0\r\nX: y\n\n" + hidden })
	add("an end of CR alone", func(hidden string) string { return openly + "Content-Length: 0\r\nX: y\r\r" + hidden })
	add("an end of CR LF LF", func(hidden string) string { return openly + "Content-Length: 0\r\nX: y\r\n\n" + hidden })
	add("an end of LF CR LF", func(hidden string) string { return openly + "Content-Length: 0\r\nX: y\n\r\n" + hidden })
	add("lines in a value", func(hidden string) string {
		return openly + "Content-Length: 0\r\nX: " + strings.ReplaceAll(hidden, "\r\n", "\n")
	})
	// Versions that know no chunks, or another framing.
	for _, version := range []string{"HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 HTTP/1.0"} {
		first := strings.Replace(openly, "HTTP/1.1", version, 1)
		add(version+" with chunks", func(hidden string) string {
			return first + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
		})
		add(version+" with both", func(hidden string) string {
			return first + "Connection: keep-alive\r\n" + lengthOf("0\r\n\r\n"+hidden) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
		})
	}
	add("HTTP/2", func(hidden string) string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden })
	add("an upgrade", func(hidden string) string {
		return openly + lengthOf(hidden) + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" + hidden
	})
	add("an upgrade to a socket", func(hidden string) string {
		return openly + lengthOf(hidden) + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n" + hidden
	})
	return list
}

// exists reports whether a tenant has a phext.
func (r *rig) exists(tenant, name string) bool {
	r.t.Helper()
	s, err := r.store(tenant).Snapshot(r.t.Context(), sq.PhextName(name))
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close()
	return s.Exists()
}

// TestSmuggling: out of a request whose end is not certain no second one is
// answered or carried out.
func TestSmuggling(t *testing.T) { overBoth(t, smuggling) }

func smuggling(t *testing.T, newRig rigMaker) {
	r := newRig(t, twoTenants, Options{Many: true})
	for _, x := range tricks() {
		statuses := r.raw(x.text(secret))
		if len(statuses) > 1 || r.exists("bob", "hidden") {
			t.Errorf("%q: statuses %v, and the hidden request was carried out: %v", x.what, statuses, r.exists("bob", "hidden"))
			r.mu.Lock()
			delete(r.stores, "bob")
			r.mu.Unlock()
		}
	}
}

// TestPipelines: requests whose ends are certain are answered in their order, and
// each is its tenant's.
func TestPipelines(t *testing.T) { overBoth(t, pipelines) }

func pipelines(t *testing.T, newRig rigMaker) {
	r := newRig(t, twoTenants, Options{Many: true})
	var pipeline strings.Builder
	const count = 50
	for i := range count {
		for _, who := range twoTenants.names {
			text := fmt.Sprintf("%s %d\n", who, i)
			fmt.Fprintf(&pipeline, "POST /api/v2/insert?p=notes%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s's\r\n", at, who)
			if i%2 == 0 {
				fmt.Fprintf(&pipeline, "Content-Length: %d\r\n\r\n%s", len(text), text)
			} else {
				fmt.Fprintf(&pipeline, "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\nX: y\r\n\r\n", text[:1], len(text)-1, text[1:])
			}
		}
	}
	statuses := r.raw(pipeline.String())
	for _, status := range statuses {
		if status != http.StatusOK {
			t.Fatalf("statuses %v", statuses)
		}
	}
	for _, who := range twoTenants.names {
		_, text := r.send(with(get("/api/v2/get?p=notes"), "Authorization: "+who+"'s"))
		if strings.Count(text, who) != count || strings.Count(text, "\n") != count || len(statuses) != 2*count {
			t.Errorf("%d replies, and %s has %q", len(statuses), who, text)
		}
	}
}

// TestTypedByHand: who types a request ends its lines in LF, and is answered.
func TestTypedByHand(t *testing.T) { overBoth(t, typedByHand) }

func typedByHand(t *testing.T, newRig rigMaker) {
	r := newRig(t, twoTenants, Options{})
	head := "\nHost: localhost\nAuthorization: alice's\n"
	if got := fmt.Sprint(r.raw("GET /api/v2/version HTTP/1.1" + head + "\nPOST /api/v2/insert?p=notes" + at + " HTTP/1.0" + head + "Content-Length: 2\n\nhi")); got != "[200 200]" {
		t.Errorf("statuses %s", got)
	}
}

// TestTrickBehindTheBody: what is not certain only behind the last chunk, when the
// call is under way already, ends it before anything is done.
func TestTrickBehindTheBody(t *testing.T) { overBoth(t, trickBehindTheBody) }

func trickBehindTheBody(t *testing.T, newRig rigMaker) {
	r := newRig(t, twoTenants, Options{})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		c, in := r.dial(head(method, "/api/v2/insert?p=notes"+at+"&s=x", "Transfer-Encoding: chunked", "Expect: 100-continue"))
		if reply := r.response(in, method); reply.StatusCode != http.StatusContinue {
			t.Fatalf("%v", reply.Status)
		}
		io.WriteString(c, "2\r\nab\r\n0\r\nX: y\n\r\n"+secret)
		if reply := r.response(in, method); reply.StatusCode != http.StatusBadRequest || !reply.Close {
			t.Errorf("%s: %v, closes %v", method, reply.Status, reply.Close)
		}
		if r.exists("alice", "notes") || r.exists("bob", "hidden") {
			t.Errorf("%s: something was written", method)
		}
	}
}
