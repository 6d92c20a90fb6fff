package api

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// methods are those that exist, and some that do not.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete,
	http.MethodOptions, http.MethodPatch, http.MethodTrace, "get", "post", "delete", "PROPFIND", "BREW",
}

// endpointNames returns all of the API, sorted, so that tables over it cover what
// is added later.
func endpointNames() []string { return slices.Sorted(maps.Keys(endpoints)) }

// asked is a request as it stands on the wire.
func asked(method, path, body string, lines ...string) string {
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// ownLine is a line of a reply that is like in no other.
var ownLine = regexp.MustCompile(`(?m)^(Date|X-Request-Id): .*\n`)

// exchange sends requests down one connection, and no more, and returns the
// bytes of the replies without their dates and names.
func (r *rig) exchange(requests ...string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	go func() {
		io.WriteString(c, strings.Join(requests, "")) // the replies tell how many arrived
		c.(*net.TCPConn).CloseWrite()
	}()
	replies, err := io.ReadAll(c)
	if n := strings.Count(string(replies), "HTTP/1.1 "); err != nil || n != len(requests) {
		r.t.Fatalf("%d replies to %d requests such as %q: %v", n, len(requests), requests[0], err)
	}
	return ownLine.ReplaceAllString(string(replies), "")
}

// endless is a header with which a request to an endpoint has an end: a stream of
// events has none.
func endless(endpoint string) string {
	if endpoints[endpoint].streams {
		return "Last-Event-ID: none"
	}
	return "X: y"
}

// aboutTheirs returns requests to an endpoint, with methods and conditions,
// each about a phext of its own, so that no write is in another's way.
func aboutTheirs(endpoint, token string) (requests []string) {
	sum := checksum("theirs")
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"} {
		for _, line := range []string{"X: y", "If-Match: *", `If-Match: "` + sum + `"`, "If-None-Match: *", `If-None-Match: "` + sum + `"`, "Accept: application/json"} {
			for _, query := range []string{at + "&s=x", "", "&c=1.1.1/1.1.1/1.1.2"} {
				path := fmt.Sprintf("%s%s?p=theirs%d%s", prefix, endpoint, len(requests), query)
				requests = append(requests, asked(method, path, "1.1.1/1.1.1/1.1.1: "+sum, "Authorization: "+token, line, endless(endpoint)))
			}
		}
	}
	return requests
}

// giveTheirs gives a tenant the first so many phexts that aboutTheirs asks for.
func (r *rig) giveTheirs(tenant string, count int) {
	r.t.Helper()
	put := sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("theirs")}}
	for i := range count {
		if _, err := r.store(tenant).Apply(r.t.Context(), sq.PhextName(fmt.Sprintf("theirs%d", i)), put); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestOthersPhextsDoNotExist: to whatever is asked, a tenant and a stranger get
// the same bytes about phexts that only another has and about ones that nobody
// has.
func TestOthersPhextsDoNotExist(t *testing.T) {
	for _, token := range []string{"alice's", "alice's to read", "carol's", "", "alice's\r\nX-SQ-API-Key: bob's"} {
		for _, name := range endpointNames() {
			t.Run(name+" "+strings.Fields(token + " nobody")[0], func(t *testing.T) {
				there, nowhere := newRig(t, twoTenants, Options{Many: true}), newRig(t, twoTenants, Options{Many: true})
				requests := aboutTheirs(name, token)
				there.giveTheirs("bob", len(requests))
				got := strings.SplitAfter(there.exchange(requests...), "HTTP/1.1 ")
				want := strings.SplitAfter(nowhere.exchange(requests...), "HTTP/1.1 ")
				for i, q := range requests {
					if got[i+1] != want[i+1] {
						t.Fatalf("%q:\nwhere another has it: %q\nwhere nobody has it: %q", q, got[i+1], want[i+1])
					}
				}
			})
		}
	}
}

// TestStrangersLearnNoPaths: without a token that is somebody's, what is there and
// what is not are the same, save for the reload, which asks for another right.
func TestStrangersLearnNoPaths(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true})
	r.giveTheirs("alice", 1)
	for _, who := range []string{"X: y", "Authorization: carol's", "X-SQ-API-Key: carol's", "Authorization: alice's\r\nX-SQ-API-Key: bob's"} {
		for _, method := range methods {
			var real, made []string
			for _, name := range endpointNames() {
				for _, query := range []string{"", "?p=theirs0" + at, "?p=nobodys" + at, "?p=../x", "?%"} {
					if name != reloading.name {
						real = append(real, asked(method, prefix+name+query, "text", who))
						made = append(made, asked(method, prefix+"nothing", "text", who))
					}
				}
			}
			if got, want := r.exchange(real...), r.exchange(made...); got != want {
				t.Fatalf("%s with %q: what is there shows a stranger %q, what is not %q", method, who, got, want)
			}
		}
	}
}
