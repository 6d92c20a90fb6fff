package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/wbic16/sq-go/phext"
)

// TestOrderOfSystemCalls holds the program to the order that durability rests on,
// as the system sees it: each call has returned before the next one begins.
func TestOrderOfSystemCalls(t *testing.T) {
	dir := t.TempDir()
	s, trace := launchTraced(t, "--data-dir", dir)
	s.listens()
	insert := func(text string) {
		s.want("", http.MethodPost, "insert"+at("notes", first), text, fmt.Sprintf("Inserted %d bytes", len(text)))
	}
	insert("first")
	folded(t, dir, "notes", "first")
	insert("second")
	folded(t, dir, "notes", "firstsecond")
	s.stop()
	steps, replies := bySegment(deeds(parseTrace(t, read(t, trace)), dir))
	if len(steps) != 5 || len(replies) != 2 {
		t.Fatalf("%d replies, and %d segments:\n%v", len(replies), len(steps)-1, steps)
	}
	for i, batch := range []int{1, 3} {
		if last := steps[batch][len(steps[batch])-1]; replies[i].began < last.ended {
			t.Errorf("answered before the end of %v", last)
		}
	}
	for i, row := range []struct {
		what string
		want []string
	}{
		{"the start", nil},
		{"the first batch: a segment is durable before a record is in it, and that before the answer", []string{
			"create .sq/journal/notes.1",
			"write .sq/journal/notes.1", "sync .sq/journal/notes.1", "syncdir .sq/journal",
			"write .sq/journal/notes.1", "sync .sq/journal/notes.1",
		}},
		{"the first checkpoint: file, mark, name, and only then is anything removed", []string{
			"create .sq/journal/notes.2",
			"write .sq/journal/notes.2", "sync .sq/journal/notes.2", "syncdir .sq/journal",
			"create .sq/tmp/notes.part", "write .sq/tmp/notes.part", "sync .sq/tmp/notes.part",
			"write .sq/journal/notes.2", "sync .sq/journal/notes.2",
			"rename .sq/tmp/notes.part notes.phext", "syncdir .",
			"remove .sq/journal/notes.1", "syncdir .sq/journal",
			"remove .sq/journal/notes.2", "syncdir .sq/journal",
		}},
		{"another batch", []string{
			"create .sq/journal/notes.3",
			"write .sq/journal/notes.3", "sync .sq/journal/notes.3", "syncdir .sq/journal",
			"write .sq/journal/notes.3", "sync .sq/journal/notes.3",
		}},
		{"a later checkpoint: the two files are exchanged", []string{
			"create .sq/journal/notes.4",
			"write .sq/journal/notes.4", "sync .sq/journal/notes.4", "syncdir .sq/journal",
			"create .sq/tmp/notes.part", "write .sq/tmp/notes.part",
			"copyowner .sq/tmp/notes.part", "sync .sq/tmp/notes.part",
			"write .sq/journal/notes.4", "sync .sq/journal/notes.4",
			"exchange .sq/tmp/notes.part notes.phext", "syncdir .",
			"remove .sq/tmp/notes.part", "remove .sq/journal/notes.3", "syncdir .sq/journal",
			"remove .sq/journal/notes.4", "syncdir .sq/journal",
		}},
	} {
		if got := inOrder(t, steps[i]); row.want != nil && got != strings.Join(row.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", row.what, got, strings.Join(row.want, "\n"))
		}
	}
}

// bySegment splits deeds where a segment is made, which both a batch after a pause
// and a checkpoint begin with. Replies are apart: nobody waits for them.
func bySegment(all []tracedCall) (steps [][]tracedCall, replies []tracedCall) {
	steps = append(steps, nil)
	for _, d := range all {
		if d.text == "reply" {
			replies = append(replies, d)
			continue
		}
		if strings.HasPrefix(d.text, "create .sq/journal/") {
			steps = append(steps, nil)
		}
		if last := len(steps) - 1; !cover.MatchString(d.args) {
			steps[last] = append(steps[last], d)
		}
	}
	return steps, replies
}

// cover is a record without a body: it may be written at any moment, and needs no
// sync.
var cover = regexp.MustCompile(`^\d+<[^>]*/\.sq/journal/.*, 56, \d+$`)

// inOrder returns what was done, a line each; writes to one file that follow each
// other are one. None may begin before the one before it has ended.
func inOrder(t *testing.T, all []tracedCall) string {
	t.Helper()
	var lines []string
	ended := tracedCall{}
	for _, d := range all {
		if d.began < ended.ended {
			t.Errorf("%s began before the end of %s", d.text, ended.text)
		}
		if d.text != ended.text || !strings.HasPrefix(d.text, "write ") {
			lines = append(lines, d.text)
		}
		ended = d
	}
	return strings.Join(lines, "\n")
}

// folded waits until a file holds a text and there is no journal.
func folded(t *testing.T, dir, name, text string) {
	t.Helper()
	journals := filepath.Join(dir, ".sq/journal")
	settles(t, journals, func() error { // the segments go last
		got, err := os.ReadFile(filepath.Join(dir, name+".phext"))
		left, _ := os.ReadDir(journals)
		if err == nil && string(got) == text && len(left) == 0 {
			return nil
		}
		return fmt.Errorf("the file holds %q, %v, and %d segments are left", got, err, len(left))
	})
}

// settles waits until something holds, and looks whenever a folder has changed.
func settles(t *testing.T, folder string, holds func() error) {
	t.Helper()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(folder); err != nil {
		t.Fatal(err)
	}
	for limit := time.After(patience); ; {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-w.Events:
		case err := <-w.Errors:
			t.Fatal(err)
		case <-limit:
			t.Fatal(err)
		}
	}
}

// TestNoAnswerBeforeTheSync: of many batches at once, on a few phexts whose journals
// are folded meanwhile, each was written to a segment that was synced after that
// and before the answer; so was the segment's name.
func TestNoAnswerBeforeTheSync(t *testing.T) {
	const inserts, clients = 150, 10
	dir := t.TempDir()
	s, trace := launchTraced(t, "--data-dir", dir)
	s.listens()
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			for n := client; n < inserts; n += clients {
				text := numbered(n)
				what := "insert" + at(fmt.Sprint("p", n%3), phext.First.With(8, client+1).String())
				if status, reply, err := s.send("", http.MethodPost, what, text); status != http.StatusOK {
					t.Errorf("insert %d: %d %q, %v", n, status, reply, err)
				}
			}
		})
	}
	work.Wait()
	s.stop()
	all := deeds(parseTrace(t, read(t, trace)), dir)
	for n := range inserts {
		if err := synced(all, n); err != nil {
			t.Errorf("insert %d: %v", n, err)
		}
	}
}

// numbered returns a text whose length tells which one it is.
func numbered(n int) string {
	text := fmt.Sprintf("<text %d>", n)
	return text + strings.Repeat(".", 100+n-len(text))
}

// synced looks for the writing of a numbered text, the syncs, and the reply.
func synced(all []tracedCall, n int) error {
	written := find(all, 0, func(d tracedCall) bool {
		return strings.HasPrefix(d.text, "write .sq/journal/") && strings.Contains(d.args, fmt.Sprintf("<text %d>", n))
	})
	reply := find(all, 0, func(d tracedCall) bool {
		return d.text == "reply" && strings.Contains(d.args, fmt.Sprintf("Inserted %d bytes", 100+n))
	})
	if written == nil || reply == nil {
		return fmt.Errorf("written: %v, answered: %v", written != nil, reply != nil)
	}
	segment := strings.TrimPrefix(written.text, "write ")
	created := find(all, 0, func(d tracedCall) bool { return d.text == "create "+segment })
	if created == nil {
		return fmt.Errorf("%s was not created", segment)
	}
	for what, after := range map[string]*tracedCall{"sync " + segment: written, "syncdir .sq/journal": created} {
		sync := find(all, after.ended, func(d tracedCall) bool { return d.text == what })
		if sync == nil || sync.ended >= reply.began {
			return fmt.Errorf("%s has no end between the end of %s and the answer", what, after.text)
		}
	}
	return nil
}

// find returns the first deed that is meant and began after a line of the trace.
func find(all []tracedCall, after int, meant func(tracedCall) bool) *tracedCall {
	for i := range all {
		if all[i].began > after && meant(all[i]) {
			return &all[i]
		}
	}
	return nil
}
