package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/wbic16/sq-go/phext"
)

// keptLogs is how many rounds a log is kept.
const keptLogs = 4

// book is a phext of TestKill, and what is known of it.
type book struct {
	killing      *killing
	tenant, name string
	path         string
	keepers      []*keeper
	first        string                      // the file, before the first client writes
	still        map[phext.Coordinate]string // what it has, which nobody changes
	logs         map[int]string              // by round, as the start after it found them
	live         int                         // the round whose log is being written; none: -1
	file         map[phext.Coordinate]string // as the last kill left it
}

// newBook makes a phext with a text in a tenant's folder.
func newBook(k *killing, tenant, dir, name string, clients int, text string) *book {
	b := &book{killing: k, tenant: tenant, name: name, path: filepath.Join(dir, name+".phext"), first: text, logs: map[int]string{}, live: -1}
	for n := range clients {
		b.keepers = append(b.keepers, newKeeper(b, n))
	}
	var err error
	if b.still, err = phext.Explode(text); err != nil || len(b.still) == 0 {
		k.t.Fatalf("%d scrolls to begin with, %v", len(b.still), err)
	}
	put(k.t, b.path, text)
	return b
}

func (b *book) String() string { return b.tenant + "/" + b.name }

func (b *book) token() string { return "token-" + b.tenant }

// logPlace is where the log of a round is.
func logPlace(round int) phext.Coordinate {
	return phext.First.With(0, 4).With(7, round/phext.MaxComponent+1).With(8, round%phext.MaxComponent+1)
}

// holds fails the test when something does not hold, and counts it.
func (b *book) holds(ok bool, format string, args ...any) {
	b.killing.verified.Add(1)
	if !ok {
		b.killing.t.Helper()
		b.killing.t.Errorf("round %d, %s: %s", b.killing.round, b, fmt.Sprintf(format, args...))
	}
}

// marksOf returns the marks of a log that begin with a sign. What comes behind
// the last mark is one as well, so that nothing is passed over.
func marksOf(log, sign string) (marks []string) {
	for mark := range strings.SplitAfterSeq(log, ">") {
		if mark != "" && strings.HasPrefix(mark, sign) {
			marks = append(marks, mark)
		}
	}
	return marks
}

// checkFile reads the file as a kill left it: a whole phext of a state that
// existed, and none that is older than what the last kill left.
func (b *book) checkFile() {
	b.killing.t.Helper()
	text := read(b.killing.t, b.path)
	scrolls, err := phext.Explode(text)
	b.holds(err == nil, "the file is no phext: %v", err)
	b.holds(text == b.first || text == phext.Implode(scrolls), "the file is not in normal form")
	b.checkOthers(scrolls)
	for _, k := range b.keepers {
		k.checkFile(scrolls)
	}
	b.file = scrolls
}

// checkFile looks for a moment of the keeper that the file is of.
func (k *keeper) checkFile(scrolls map[phext.Coordinate]string) {
	k.book.killing.t.Helper()
	oldest := k.book.killing.round - keptLogs + 1
	got := k.found(scrolls, oldest)
	for n := 0; ; n++ {
		if k.file.since(oldest) == got {
			k.certain = k.certain || k.open != nil && n > 0 && n == len(k.deeds)
			k.deeds = k.deeds[n:]
			k.book.holds(true, "")
			return
		}
		if n == len(k.deeds) {
			break
		}
		k.file.do(k.deeds[n])
	}
	k.book.holds(false, "client %d: the file is of no moment after what the last kill left, %d deeds ago", k.number, len(k.deeds))
}

// found returns the moment of the keeper that scrolls are of, with marks of
// rounds from oldest on.
func (k *keeper) found(scrolls map[phext.Coordinate]string, oldest int) (m moment) {
	for i := range m.sums {
		m.sums[i] = phext.Sum([]byte(scrolls[k.place(i)]))
	}
	for round := max(oldest, 0); round <= k.book.killing.round; round++ {
		if marks := marksOf(scrolls[logPlace(round)], k.sign()); len(marks) > 0 {
			number := strings.TrimPrefix(strings.TrimSuffix(marks[len(marks)-1], ">"), k.sign())
			m.round = round
			fmt.Sscan(number, &m.number)
		}
	}
	return m
}

// checkOthers holds that there is nothing but whole texts of this phext, where
// they belong.
func (b *book) checkOthers(scrolls map[phext.Coordinate]string) {
	b.killing.t.Helper()
	for at, want := range b.still {
		b.holds(scrolls[at] == want, "%v, which nobody changes, is %.80q", at, scrolls[at])
	}
	for at, text := range scrolls {
		if _, ok := b.still[at]; !ok {
			sign := b.signOf(at)
			b.holds(sign != "" && strings.HasPrefix(text, sign) && strings.HasSuffix(text, ">"), "%v is %.80q", at, text)
		}
	}
}

// signOf returns what every text at a coordinate begins with; nothing where there
// is none.
func (b *book) signOf(at phext.Coordinate) string {
	if at.Component(0) == 4 {
		return fmt.Sprintf("<%s.", b)
	}
	for _, k := range b.keepers {
		for i := range ownScrolls {
			if k.place(i) == at {
				return k.sign()
			}
		}
	}
	return ""
}

// checkServed holds what the phext has to all that was answered, before the next
// round. What was under way is known from then on.
func (b *book) checkServed(text string) {
	b.killing.t.Helper()
	scrolls, err := phext.Explode(text)
	b.holds(err == nil, "no phext is served: %v", err)
	b.checkOthers(scrolls)
	b.checkLogs(scrolls)
	for _, k := range b.keepers {
		k.checkServed(scrolls)
	}
}

// checkServed finds out what became of what was not answered.
func (k *keeper) checkServed(scrolls map[phext.Coordinate]string) {
	b := k.book
	b.killing.t.Helper()
	k.settle(scrolls)
	for i, want := range k.texts {
		got := scrolls[k.place(i)]
		b.holds(got == want, "client %d: scroll %d is %.80q (%d bytes), want %.80q (%d)", k.number, i, got, len(got), want, len(want))
	}
}

// settle finds out whether the open deed happened.
func (k *keeper) settle(scrolls map[phext.Coordinate]string) {
	if k.open == nil {
		return
	}
	happened := k.certain
	if i := k.open.scroll; i == ownScrolls {
		happened = happened || k.mark == "" // checkLog found it
	} else if happened = happened || scrolls[k.place(i)] == k.open.text; happened {
		k.texts[i] = k.open.text
	}
	if !happened {
		k.deeds = k.deeds[:len(k.deeds)-1]
	}
	k.open, k.certain, k.mark = nil, false, ""
}

// checkLogs holds that the logs of earlier rounds did not change, and that the
// file's were beginnings of them.
func (b *book) checkLogs(scrolls map[phext.Coordinate]string) {
	b.killing.t.Helper()
	if b.live >= 0 {
		b.logs[b.live] = scrolls[logPlace(b.live)]
		rest := len(b.logs[b.live])
		for _, k := range b.keepers {
			rest -= k.checkLog(b.logs[b.live])
		}
		b.holds(rest == 0, "the log has %d bytes that are no client's", rest)
		b.live = -1
	}
	there := 0
	for at := range scrolls {
		if at.Component(0) == 4 {
			there++
		}
	}
	for round, want := range b.logs {
		got, file := scrolls[logPlace(round)], b.file[logPlace(round)]
		b.holds(got == want, "the log of round %d has changed: %d bytes, %d before", round, len(got), len(want))
		b.holds(strings.HasPrefix(want, file), "the file has a log of round %d that never was", round)
		if got != "" {
			there--
		}
	}
	b.holds(there == 0, "there are %d logs that were deleted", there)
}

// checkLog holds that the log of the round has each mark that was answered, once,
// in their order, and nothing else but the open one behind them. It returns their
// bytes.
func (k *keeper) checkLog(log string) int {
	k.book.killing.t.Helper()
	got, want := strings.Join(marksOf(log, k.sign()), ""), strings.Join(k.marks, "")
	switch {
	case k.mark != "" && got == want+k.mark:
		k.mark = ""
	case k.mark != "" && k.certain:
		want += k.mark
		fallthrough
	default:
		k.book.holds(got == want, "client %d: the log has %d bytes of marks, want %d, behind %d that may be", k.number, len(got), len(want), len(k.mark))
	}
	k.marks = nil
	return len(got)
}

// dropLogs deletes logs of long ago.
func (b *book) dropLogs(s *server) {
	b.killing.t.Helper()
	for round, log := range b.logs {
		if round > b.killing.round-keptLogs {
			continue
		}
		s.want(b.token(), http.MethodDelete, "delete"+at(b.name, logPlace(round).String()), "", fmt.Sprintf("Removed %d bytes", len(log)))
		b.killing.writes.Add(1)
		delete(b.logs, round)
	}
}
