package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wbic16/sq-go/phext"
)

// ownScrolls is how many scrolls a client has to itself.
const ownScrolls = 4

// keeper is a client of TestKill. It has scrolls of its own in a phext and appends
// marks to a log that it shares with others. It does one thing after another, so it
// knows of everything what was answered, and of one thing at most that it may have
// happened.
type keeper struct {
	book    *book
	number  int
	written int // counts its texts and marks
	texts   [ownScrolls]string
	marks   []string // answered in this round
	mark    string   // not answered
	file    moment   // what the file had of it at the last kill
	deeds   []deed   // since then
	open    *deed    // the last one, while it is not answered
	certain bool     // it happened, for the file has it
}

// deed is one change: of a scroll, or a mark where scroll is ownScrolls.
type deed struct {
	scroll int
	sum    phext.Checksum
	number int // of the mark
	round  int
	text   string // afterwards; kept only of the open one
}

// moment is what a phext has of a keeper: checksums of its scrolls, and its last
// mark, which says in what round it was made.
type moment struct {
	sums   [ownScrolls]phext.Checksum
	number int
	round  int
}

func (m *moment) do(d deed) {
	if d.scroll == ownScrolls {
		m.number, m.round = d.number, d.round
		return
	}
	m.sums[d.scroll] = d.sum
}

// since is the moment without marks of rounds before one.
func (m moment) since(round int) moment {
	if m.round < round {
		m.number, m.round = 0, 0
	}
	return m
}

func newKeeper(b *book, number int) *keeper {
	k := &keeper{book: b, number: number}
	for i := range ownScrolls {
		k.file.sums[i] = phext.Sum(nil)
	}
	return k
}

// place is where scroll i of the keeper is.
func (k *keeper) place(i int) phext.Coordinate {
	return phext.First.With(0, 3).With(3, k.number+1).With(8, i+1)
}

// sign begins all that the keeper writes.
func (k *keeper) sign() string { return fmt.Sprintf("<%s.%d.", k.book, k.number) }

// text returns a text that is like no other: mostly small, sometimes large.
func (k *keeper) text(rng *rand.Rand) string {
	size := 20 + rng.IntN(200)
	switch rng.IntN(10) {
	case 0, 1, 2:
		size = 1<<10 + rng.IntN(16<<10)
	case 3:
		size = 24<<10 + rng.IntN(64<<10)
	}
	k.written++
	return fmt.Sprintf("%s%d:%s>", k.sign(), k.written, strings.Repeat("πλάνη\n", size/11))
}

// work does one thing after another until the server is gone. A keeper of a quiet
// phext pauses, so that the phext is left alone for long enough to be folded.
func (k *keeper) work(client *http.Client, address string, rng *rand.Rand, gone <-chan struct{}) {
	w := &worker{keeper: k, client: client, address: address, rng: rng}
	for w.step() {
		if k.book.name == "quiet" && rng.IntN(4) == 0 {
			select {
			case <-time.After(time.Duration(rng.IntN(500)) * time.Millisecond):
			case <-gone:
			}
		}
	}
}

// worker is a keeper at work with one server.
type worker struct {
	*keeper
	client  *http.Client
	address string
	rng     *rand.Rand
}

// step does one thing; false when the server is gone, or answers wrongly.
func (w *worker) step() bool {
	i := w.rng.IntN(ownScrolls)
	now := w.texts[i]
	switch n := w.rng.IntN(200); {
	case n == 0:
		return w.readAll()
	case n < 30:
		return w.read(i)
	case n < 45 || len(now) > 96<<10:
		return w.change(http.MethodDelete, "delete", i, "", "", fmt.Sprintf("Removed %d bytes", len(now)))
	case n < 80:
		text := w.text(w.rng)
		return w.change(http.MethodPost, "insert", i, text, now+text, fmt.Sprintf("Inserted %d bytes", len(text)))
	case n < 140:
		text := w.text(w.rng)
		return w.change(http.MethodPut, "update", i, text, text, fmt.Sprintf("Updated %d bytes", len(text)))
	}
	return w.log()
}

// change changes scroll i to a text.
func (w *worker) change(method, what string, i int, body, then, want string) bool {
	w.begin(deed{scroll: i, sum: phext.Sum([]byte(then)), text: then})
	answer, ok := w.call(method, what, w.place(i), body)
	if !ok {
		return false
	}
	w.end()
	w.texts[i] = then
	return w.holds(answer == want, "%s %d: %q, want %q", what, i, answer, want)
}

// log appends a mark to the log of the round.
func (w *worker) log() bool {
	w.written++
	w.mark = fmt.Sprintf("%s%d>", w.sign(), w.written)
	w.begin(deed{scroll: ownScrolls, number: w.written, round: w.book.live})
	answer, ok := w.call(http.MethodPost, "insert", logPlace(w.book.live), w.mark)
	if !ok {
		return false
	}
	w.end()
	w.marks, w.mark = append(w.marks, w.mark), ""
	want := fmt.Sprintf("Inserted %d bytes", len(w.marks[len(w.marks)-1]))
	return w.holds(answer == want, "insert of a mark: %q, want %q", answer, want)
}

// begin notes a deed before it is asked for.
func (w *worker) begin(d deed) {
	open := d
	w.open = &open
	d.text = ""
	w.deeds = append(w.deeds, d)
}

// end is called when the deed was answered.
func (w *worker) end() {
	w.open = nil
	w.book.killing.writes.Add(1)
}

// read reads one of the keeper's scrolls.
func (w *worker) read(i int) bool {
	answer, ok := w.call(http.MethodGet, "select", w.place(i), "")
	return ok && w.holds(answer == w.texts[i], "select %d: %.80q, want %.80q", i, answer, w.texts[i])
}

// readAll reads the whole phext: it has all of the keeper's scrolls and marks, and
// whole texts of others.
func (w *worker) readAll() bool {
	answer, ok := w.call(http.MethodGet, "get", phext.Coordinate{}, "")
	if !ok {
		return false
	}
	scrolls, err := phext.Explode(answer)
	if !w.holds(err == nil, "get: %v", err) {
		return false
	}
	for i, want := range w.texts {
		w.holds(scrolls[w.place(i)] == want, "get: scroll %d: %.80q, want %.80q", i, scrolls[w.place(i)], want)
	}
	own := marksOf(scrolls[logPlace(w.book.live)], w.sign())
	w.holds(strings.Join(own, "") == strings.Join(w.marks, ""), "get: the log has %d marks, want %d", len(own), len(w.marks))
	w.book.checkOthers(scrolls)
	return true
}

// holds counts something that was verified.
func (w *worker) holds(ok bool, format string, args ...any) bool {
	w.book.holds(ok, fmt.Sprintf("client %d: ", w.number)+format, args...)
	return ok
}

// call makes a request; false when it was not answered, which is right once the
// server was killed.
func (w *worker) call(method, what string, at phext.Coordinate, body string) (string, bool) {
	query := url.Values{"p": {w.book.name}}
	if at != (phext.Coordinate{}) {
		query.Set("c", at.String())
	}
	req, err := http.NewRequest(method, "http://"+w.address+"/api/v2/"+what+"?"+query.Encode(), strings.NewReader(body))
	if err != nil {
		return "", w.holds(false, "%v", err)
	}
	req.Header.Set("Authorization", "Bearer "+w.book.token())
	reply, err := w.client.Do(req)
	if err != nil {
		return "", w.unanswered(what, err)
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		return "", w.unanswered(what, err)
	}
	return string(answer), w.holds(reply.StatusCode == http.StatusOK, "%s: %s: %s", what, reply.Status, answer)
}

// unanswered returns false.
func (w *worker) unanswered(what string, err error) bool {
	if !w.book.killing.dead.Load() {
		w.book.killing.t.Errorf("%s: %s is not answered by a living server: %v", w.book, what, err)
	}
	return false
}
