package api

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// edited is a store whose first snapshots turn Busy after some bytes, as when
// somebody edits the file.
type edited struct {
	sq.Store
	busy  *atomic.Int32 // snapshots to come that turn so
	after int           // bytes
}

func (s edited) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx, name)
	if err != nil || s.busy.Add(-1) < 0 {
		return snap, err
	}
	return editedSnapshot{snap, s.after}, nil
}

type editedSnapshot struct {
	sq.Snapshot
	after int
}

var errEdited = sq.Errorf(sq.Busy, "the file is being edited")

func (s editedSnapshot) Err() error  { return nil }
func (s editedSnapshot) Size() int64 { return int64(s.after) + 7 }

func (s editedSnapshot) Get([]byte, phext.Coordinate) ([]byte, bool, error) {
	return nil, false, errEdited
}

func (s editedSnapshot) Checksum() (phext.Checksum, error) { return phext.Checksum{}, errEdited }

func (s editedSnapshot) WriteTo(w io.Writer) (int64, error) {
	io.WriteString(w, strings.Repeat("x", s.after))
	return 0, errEdited
}

func (s editedSnapshot) Scan(phext.Coordinate, phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		if yield(sq.Scroll{Coordinate: phext.First, Text: []byte(strings.Repeat("x", s.after))}, nil) {
			yield(sq.Scroll{}, errEdited)
		}
	}
}

// TestBusyIsTriedAgain: an edit under a read is not seen, unless it goes on, and
// then the client is told to come back.
func TestBusyIsTriedAgain(t *testing.T) {
	var r *rig
	var busy atomic.Int32
	r = newRig(t, twoTenants, Options{Store: func(x sq.Tenant) sq.Store { return edited{r.store(x.Name), &busy, 100} }})
	r.send(post("/api/v2/insert?p=notes"+at, "text"))
	for path, want := range map[string]string{
		"select?p=notes" + at: "text",
		"get?p=notes":         "text",
		"delta?p=notes":       "text",
		"checksum?p=notes":    checksum("text"),
		"toc?p=notes":         "* 1.1.1/1.1.1/1.1.1: text\n",
		"json-export?p=notes": `[{"coord":"1.1.1/1.1.1/1.1.1","scroll":"text"}]` + "\n",
	} {
		busy.Store(2)
		again := row{path, get("/api/v2/" + path), 200, want, nil, nil}
		busy.Store(2)
		r.run([]row{again})
		busy.Store(1000)
		r.run([]row{{path + ", always", get("/api/v2/" + path), 503, "the file is being edited", []string{"Retry-After: 1"}, []string{"Etag"}}})
	}
}

// TestBusyTooLate: what was begun is not begun again.
func TestBusyTooLate(t *testing.T) {
	var r *rig
	var busy atomic.Int32
	r = newRig(t, twoTenants, Options{Store: func(x sq.Tenant) sq.Store { return edited{r.store(x.Name), &busy, 4 * piece} }})
	for _, path := range []string{"get?p=notes", "json-export?p=notes", "delta?p=notes"} {
		busy.Store(1)
		if status, whole := r.whole("/api/v2/" + path); whole {
			t.Errorf("%s: a %d that looks whole", path, status)
		}
	}
}

// whole asks and reports whether the reply came to its end.
func (r *rig) whole(path string) (status int, whole bool) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+r.addr+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "alice's")
	reply, err := r.client.Do(req)
	if err != nil {
		return 0, false
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return reply.StatusCode, err == nil
}

// unreadable is a store whose phext is a file that is none.
type unreadable struct{ sq.Store }

type unreadableSnapshot struct{ sq.Snapshot }

var errUnreadable = sq.Errorf(sq.Unreadable, `phext "notes": offset 2: byte 0xFF is not UTF-8`)

func (s unreadable) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx, name)
	return unreadableSnapshot{snap}, err
}

func (unreadableSnapshot) Err() error  { return errUnreadable }
func (unreadableSnapshot) Size() int64 { return 0 }
func (unreadableSnapshot) Get([]byte, phext.Coordinate) ([]byte, bool, error) {
	return nil, false, errUnreadable
}
func (unreadableSnapshot) Checksum() (phext.Checksum, error) { return phext.Checksum{}, errUnreadable }
func (unreadableSnapshot) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "ab\xFF")
	return int64(n), err
}

// TestUnreadable: get answers the bytes as they are, everything else what is
// wrong with them.
func TestUnreadable(t *testing.T) {
	r := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return unreadable{newModel()} }})
	r.run([]row{{"get", get("/api/v2/get?p=notes"), 200, "ab\xFF", nil, nil}})
	for _, path := range []string{"load?p=notes", "select?p=notes" + at, "status?p=notes", "checksum?p=notes", "toc?p=notes", "delta?p=notes", "json-export?p=notes"} {
		r.run([]row{{path, get("/api/v2/" + path), 500, "~offset 2: byte 0xFF", nil, []string{"Etag"}}})
	}
}

// TestLengthIsThatOfWhatIsSent: the length of a snapshot that turned Busy is not
// that of the file which is no phext any more.
func TestLengthIsThatOfWhatIsSent(t *testing.T) {
	var busy atomic.Int32
	busy.Store(1)
	r := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return edited{unreadable{newModel()}, &busy, 100} }})
	r.run([]row{{"get", get("/api/v2/get?p=notes"), 200, "ab\xFF", nil, nil}})
}

// noTexts is a store whose texts may not be read.
type noTexts struct{ sq.Store }

func (s noTexts) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx, name)
	return failingSnapshot{snap, errEdited}, err
}

// TestHead: HEAD is every GET that does not write, without its body; long replies
// are not made for it.
func TestHead(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/insert?p=notes"+at, "text"))
	for path, length := range map[string]string{
		"version": "5", "load?p=notes": "18", "select?p=notes" + at: "4", "get?p=notes": "4", "checksum?p=notes": "32",
		"toc?p=notes": "", "delta?p=notes": "", "json-export?p=notes": "",
	} {
		head := request{method: http.MethodHead, path: "/api/v2/" + path}
		r.run([]row{{path, head, 200, "", []string{"Content-Length: " + length}, nil}})
	}
	lazy := newRig(t, twoTenants, Options{Store: func(x sq.Tenant) sq.Store { return noTexts{r.store(x.Name)} }})
	lazy.run([]row{{"not read", request{method: http.MethodHead, path: "/api/v2/get?p=notes"}, 200, "", nil, nil}})
}
