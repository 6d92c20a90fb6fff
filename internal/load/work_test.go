package load_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go/internal/load"
	"github.com/wbic16/sq-go/phext"
)

// shelf is a server of scrolls in memory, which may lie.
type shelf struct {
	mu      sync.Mutex
	scrolls map[string]string // by phext and coordinate
	tokens  map[string]bool   // that were shown
	lie     func(what, text string) string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := r.URL.Query().Get("p") + " " + r.URL.Query().Get("c")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[r.Header.Get("Authorization")] = true
	what, text := r.URL.Path[len("/under/api/v2/"):], ""
	switch r.Method + " " + what {
	case "GET select":
		text = s.scrolls[key]
	case "POST update":
		s.scrolls[key] = string(body)
		text = fmt.Sprintf("Updated %d bytes", len(body))
	case "POST insert":
		s.scrolls[key] += string(body)
		text = fmt.Sprintf("Inserted %d bytes", len(body))
	case "DELETE delete":
		delete(s.scrolls, key)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	io.WriteString(w, s.lie(what, text))
}

func newShelf(t *testing.T) (*shelf, *load.Work) {
	s := &shelf{scrolls: map[string]string{}, tokens: map[string]bool{}, lie: func(_, text string) string { return text }}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	server, err := load.ParseServer(h.URL + "/under/")
	if err != nil {
		t.Fatal(err)
	}
	return s, &load.Work{
		Server: server, Tables: []load.Table{{Token: "invented", Phext: "a b"}}, Scrolls: 100,
		Texts: load.NewTexts(300), Reads: 0.5, Writes: load.Update,
	}
}

func TestWork(t *testing.T) {
	s, w := newShelf(t)
	if err := w.Fill(t.Context(), 4, nil); err != nil || len(s.scrolls) != 100 {
		t.Fatalf("%d scrolls, %v", len(s.scrolls), err)
	}
	workers := w.Workers(4, 1)
	for range 100 {
		for _, k := range workers {
			if _, err := k.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, k := range workers {
		k.Close()
	}
	if len(s.scrolls) != 100 || len(s.tokens) != 1 || !s.tokens["Bearer invented"] || s.scrolls["a b 1.1.1/1.1.1/1.1.100"] == "" {
		t.Errorf("%d scrolls, tokens %v", len(s.scrolls), s.tokens)
	}
	if err := w.Clear(t.Context(), 4, nil); err != nil || len(s.scrolls) != 0 {
		t.Errorf("%d scrolls, %v", len(s.scrolls), err)
	}
}

// TestWorkInTurn: the requests of workers go to all tables alike.
func TestWorkInTurn(t *testing.T) {
	s, w := newShelf(t)
	w.Reads, w.Scrolls, w.Tables = 0, 1, nil
	for i := range 10 {
		w.Tables = append(w.Tables, load.Table{Token: fmt.Sprint("token", i), Phext: fmt.Sprint("p", i)})
	}
	workers := w.Workers(2, 1)
	for range 5 {
		for _, k := range workers {
			k.Do(t.Context())
		}
	}
	for _, k := range workers {
		k.Close()
	}
	if len(s.scrolls) != 10 || len(s.tokens) != 10 {
		t.Errorf("%d phexts, %d tokens", len(s.scrolls), len(s.tokens))
	}
}

// TestWorkFrom: a work may begin at another scroll than the first.
func TestWorkFrom(t *testing.T) {
	s, w := newShelf(t)
	w.Reads, w.First, w.Scrolls = 0, 7, 1
	k := w.Workers(1, 1)[0]
	defer k.Close()
	_, err := k.Do(t.Context())
	if err != nil || len(s.scrolls) != 1 || s.scrolls["a b 1.1.1/1.1.1/1.1.8"] == "" {
		t.Errorf("%v, %d scrolls", err, len(s.scrolls))
	}
	if err := w.Clear(t.Context(), 1, nil); err != nil || len(s.scrolls) != 0 {
		t.Errorf("%v, %d scrolls", err, len(s.scrolls))
	}
}

func TestWorkInserts(t *testing.T) {
	s, w := newShelf(t)
	w.Reads, w.Writes = 0, load.Insert
	k := w.Workers(1, 1)[0]
	defer k.Close()
	for range 5 {
		if kind, err := k.Do(t.Context()); kind != load.Write || err != nil {
			t.Error(kind, err)
		}
	}
	if len(s.scrolls["a b 1.1.1/1.1.1/1.1.1"]) != 5*300 {
		t.Errorf("%d scrolls", len(s.scrolls))
	}
}

// TestWorkSeesLies: a reply with status 200 that is not what must stand there.
func TestWorkSeesLies(t *testing.T) {
	for name, lie := range map[string]func(what, text string) string{
		"nothing":     func(what, text string) string { return "" },
		"cut off":     func(what, text string) string { return text[:len(text)-1] },
		"another one": func(what, text string) string { return "1" + text[1:] },
		"one byte":    func(what, text string) string { return text[:len(text)-1] + "!" },
	} {
		for _, reads := range []float64{0, 1} {
			s, w := newShelf(t)
			if err := w.Fill(t.Context(), 1, nil); err != nil {
				t.Fatal(err)
			}
			w.Reads, s.lie = reads, lie
			k := w.Workers(1, 1)[0]
			if _, err := k.Do(t.Context()); !errors.Is(err, load.ErrWrong) {
				t.Errorf("%s, reads %v: %v", name, reads, err)
			}
			k.Close()
		}
	}
}

func TestFillStops(t *testing.T) {
	s, w := newShelf(t)
	s.lie = func(string, string) string { return "no" }
	if err := w.Fill(t.Context(), 4, nil); !errors.Is(err, load.ErrWrong) || len(s.scrolls) > 4 {
		t.Errorf("%d scrolls, %v", len(s.scrolls), err)
	}
	w.Server, _ = load.ParseServer("http://127.0.0.1:1")
	if r := load.Run(t.Context(), load.Options{For: 50 * time.Millisecond}, w.Workers(2, 1)); r.Errors["no reply"] == 0 || r.First == nil {
		t.Errorf("nobody listens: %v, %v", r.Errors, r.First)
	}
}

// TestTexts: each is of its size, may be a scroll, and is told from all others.
func TestTexts(t *testing.T) {
	for _, size := range []int{load.LeastSize, 17, 100, 1024, 70_000} {
		texts := load.NewTexts(size)
		seen := map[string]bool{}
		for version := range 64 {
			text := texts.Append(nil, 123_456_789, version)
			seen[string(text)] = true
			if err := errors.Join(phext.CheckText(text), texts.Check(text, 123_456_789)); err != nil || len(text) != size {
				t.Errorf("%d bytes, want %d: %v", len(text), size, err)
			}
			for _, at := range []int{0, 8, 10, 11, size - 1} {
				changed := slices.Clone(text)
				changed[at] ^= 1
				if at >= 10 && at < 12 && size < 100 {
					continue // nearly nothing follows from the version
				}
				if texts.Check(changed, 123_456_789) == nil {
					t.Errorf("size %d: byte %d may change", size, at)
				}
			}
			if texts.Check(text, 1) == nil || texts.Check(text[1:], 123_456_789) == nil {
				t.Error("another text is taken for this one")
			}
		}
		if len(seen) != 64 {
			t.Errorf("%d versions of %d bytes", len(seen), size)
		}
	}
}

func TestAt(t *testing.T) {
	s, w := newShelf(t)
	w.Scrolls = 2000
	if err := w.Fill(t.Context(), 2, nil); err != nil {
		t.Fatal(err)
	}
	for i, last := 0, phext.First; i < w.Scrolls; i++ {
		c := load.At(i)
		if s.scrolls["a b "+c.String()] == "" || i > 0 && c.Compare(last) <= 0 {
			t.Fatalf("scroll %d is not at %v, behind %v", i, c, last)
		}
		last = c
	}
	if c := load.At(load.MostScrolls - 1); c.Writable() != nil {
		t.Errorf("the last scroll is at %v", c)
	}
}
