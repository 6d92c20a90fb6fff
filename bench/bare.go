package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/wbic16/sq-go/internal/load"
)

// sample is a reply that the bare server gives to all requests of a method: one
// that SQ gave.
type sample struct {
	Header http.Header
	Body   []byte
}

// serveBare is the limit: a server of the same standard library that does
// nothing. It reads what is sent and answers the same bytes and headers as SQ,
// which it reads from in, by method.
func serveBare(in io.Reader, out io.Writer) error {
	var samples map[string]sample
	if err := json.NewDecoder(in).Decode(&samples); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Listening on port %d...\n", l.Addr().(*net.TCPAddr).Port)
	reads, writes := samples[http.MethodGet], samples[http.MethodPost]
	buffers := sync.Pool{New: func() any { return new([64 << 10]byte) }}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &reads
		if r.Method == http.MethodPost {
			s = &writes
			buffer := buffers.Get().(*[64 << 10]byte)
			defer buffers.Put(buffer)
			if _, err := io.ReadFull(r.Body, buffer[:min(max(r.ContentLength, 0), 64<<10)]); err != nil {
				return
			}
		}
		h := w.Header()
		for name, value := range s.Header {
			h[name] = value
		}
		w.Write(s.Body)
	}))
}

// bare starts the bare server with what sq answers about a phext.
func (b *bench) bare(h *hosted, name string) (*hosted, error) {
	samples := map[string]sample{}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		s, err := h.sample(method, name)
		if err != nil {
			return nil, err
		}
		samples[method] = s
	}
	text, err := json.Marshal(samples)
	if err != nil {
		return nil, err
	}
	p, err := b.listen("bare", text, b.self, bareCommand)
	if err != nil {
		return nil, err
	}
	server, err := load.ParseServer("http://" + p.address)
	return &hosted{p, server}, err
}

// sample asks sq for one reply.
func (h *hosted) sample(method, name string) (sample, error) {
	what, body := "select", ""
	if method == http.MethodPost {
		what, body = "update", string(texts.Append(nil, 0, 0))
	}
	request, err := http.NewRequest(method, "http://"+h.address+"/api/v2/"+what+"?p="+name+"&c=1.1.1/1.1.1/1.1.1", strings.NewReader(body))
	if err != nil {
		return sample{}, err
	}
	request.Header.Set("Authorization", "Bearer "+tenantToken(0))
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return sample{}, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, what, reply.Status, text)
	}
	reply.Header.Del("Date") // it writes its own
	return sample{reply.Header, text}, err
}
