package api

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// TestAmbiguous: what ends in two places is seen, wherever the bytes are cut.
func TestAmbiguous(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nX: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n\r\n\n\r\n0\r\nContent-Length: 3\r\n\r\n", false},
		{"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2 \r\nab\r\n0\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		{"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 3\r\n\r\n", true},
		{"POST / HTTP/1.1\nTransfer-Encoding:\n chunked\nContent-Length:\n 3\n\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", true},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nxPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", true},
		{"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nContent-Length:\r\n 3\r\n\r\n", true},
		{"GET / HTTP/1.1\nHost: x\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nX: y\r\n z\r\n\r\n", true},
		{"GET / HTTP/1.1\nX: y\n\tz\n\n", true},
		{"GET / HTTP/1.1\r\nX: y\nZ: y\r\n\r\n", true},
		{"GET / HTTP/1.1\nX: y\n\r\n", true},
		{"GET / HTTP/1.1\r\nX: y\r\n\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1" + strings.Repeat(";x", longestLine), true},
	} {
		for step := 1; step <= len(c.text); step = step*2 + 1 {
			var f framing
			for rest := c.text; rest != ""; {
				n := min(step, len(rest))
				f.see([]byte(rest[:n]))
				rest = rest[n:]
			}
			if f.ambiguous != c.want {
				t.Errorf("%.80q in steps of %d: ambiguous is %v", c.text, step, f.ambiguous)
			}
		}
	}
}

// TestFramingFollowsNetHTTP: requests that net/http reads are followed to the
// same end, whatever is in their bodies, so that the next head is taken for one.
func TestFramingFollowsNetHTTP(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		var text strings.Builder
		count := 1 + random.IntN(5)
		for range count {
			writeRequest(random, &text)
		}
		if err := readRequests(text.String(), count); err != nil {
			t.Fatalf("seed %d: net/http does not read %q: %v", seed, text.String(), err)
		}
		var f framing
		for rest := text.String(); rest != ""; {
			n := min(1+random.IntN(40), len(rest))
			f.see([]byte(rest[:n]))
			rest = rest[n:]
		}
		if f.ambiguous || f.state != inHead || len(f.kept) > 0 {
			t.Fatalf("seed %d: lost: %+v in %q", seed, f, text.String())
		}
		if f.see([]byte("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")); !f.ambiguous {
			t.Fatalf("seed %d: not seen behind %q", seed, text.String())
		}
	}
}

// readRequests has net/http read so many requests and their bodies.
func readRequests(text string, count int) error {
	in := bufio.NewReader(strings.NewReader(text))
	for range count {
		r, err := http.ReadRequest(in)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(random *rand.Rand, list ...string) string { return list[random.IntN(len(list))] }

// writeRequest writes a request with no body, a body of a length, or chunks.
func writeRequest(random *rand.Rand, w *strings.Builder) {
	bodies := []string{"x", "\r\n\r\n", "0\r\n\r\n", "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"}
	w.WriteString("POST / HTTP/1.1\r\nHost: x\r\n")
	switch random.IntN(3) {
	case 0:
		w.WriteString("\r\n")
	case 1:
		text := oneOf(random, append(bodies, "")...)
		fmt.Fprintf(w, "content-length:  %d \r\n\r\n%s", len(text), text)
	case 2:
		w.WriteString("Transfer-Encoding: Chunked\r\n\r\n")
		for range random.IntN(4) {
			text := oneOf(random, bodies...)
			fmt.Fprintf(w, "%x%s\r\n%s\r\n", len(text), oneOf(random, "", ";a=b", " "), text)
		}
		w.WriteString(oneOf(random, "0\r\n\r\n", "000\r\nContent-Length: 7\r\nX: y\r\n\r\n"))
	}
}

// FuzzFraming: no bytes make it fail, and one cut more or less changes nothing.
func FuzzFraming(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 7)
	f.Add("POST / HTTP/1.1\r\nContent-Length: 4611686018427387903\r\n\r\nx", 60)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var whole, pieces framing
		whole.see([]byte(text))
		cut = max(0, min(cut, len(text)))
		pieces.see([]byte(text[:cut]))
		pieces.see([]byte(text[cut:]))
		if whole.ambiguous != pieces.ambiguous || !whole.ambiguous && (whole.state != pieces.state || whole.skip != pieces.skip) {
			t.Fatalf("%q cut at %d: %+v and %+v", text, cut, whole, pieces)
		}
	})
}
