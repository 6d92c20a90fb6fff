package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// aliceOn returns the configuration of two tenants, of whom alice is on a file
// system of her own.
func aliceOn(t *testing.T, dir string) (config string) {
	return write(t, "tenants.json", fmt.Sprintf(
		`{"tenants": {%q: {"name": "alice", "data_dir": %q}, %q: {"name": "bob", "data_dir": %q}}}`,
		tokenOfAlice, filepath.Join(dir, "alice"), tokenOfBob, t.TempDir()))
}

// TestFullDisk: what grows is refused while there is room for the rest. Reads and
// deletes go on, a kill loses nothing, and the limit clears itself.
func TestFullDisk(t *testing.T) {
	const phexts = 4
	disk := tmpfs(t, "size=16m")
	others := []string{filepath.Join(disk, "others-1"), filepath.Join(disk, "others-2")}
	for _, path := range others {
		put(t, path, strings.Repeat("other", 400<<10))
	}
	config := aliceOn(t, disk)
	s := launch(t, nil, "--config", config)
	s.listens()
	spare := func(p int) string { return at(fmt.Sprint("p", p), "9.9.9/9.9.9/9.9.9") }
	for p := range phexts {
		s.want(tokenOfAlice, http.MethodPost, "update"+spare(p), "to be shrunk and removed", "Updated 24 bytes")
	}
	all := newPens(s, tokenOfAlice, phexts, 2)
	undisturbed(t, s, tokenOfBob, func() { all.fill(t) })

	all.readsGoOn(t)
	for p := range phexts {
		s.want(tokenOfAlice, http.MethodPost, "update"+spare(p), "removed", "Updated 7 bytes")
		s.want(tokenOfAlice, http.MethodGet, "delete"+spare(p), "", "Removed 7 bytes")
	}
	all.readsGoOn(t)

	// Somebody takes the rest, down to the last byte.
	ballast(t, others[0])
	undisturbed(t, s, tokenOfBob, func() { all.fill(t) })
	all.readsGoOn(t)
	take(t, others[0])
	all.goOn(t)

	// The process dies when it runs full, and begins again where nothing is left.
	all.untilGone()
	s.ends()
	ballast(t, others[1])
	s = launch(t, nil, "--config", config)
	s.listens()
	all.moveTo(s)
	all.fill(t)
	all.readsGoOn(t)
	take(t, others[1])
	all.goOn(t)

	// What the tenant removes is room as well.
	all.fill(t)
	status, reply := s.call(tokenOfAlice, http.MethodGet, "delete"+at(all[0].phext, all[0].at.String()), "")
	if status != http.StatusOK {
		t.Errorf("a delete of much on a full disk: %d %q", status, reply)
	}
	all[0].texts, all[0].sure = nil, nil
	all[:1].goOn(t)
	all.readsGoOn(t)
	s.stop()
	if left, err := os.ReadDir(filepath.Join(disk, "alice/.sq/journal")); err != nil || len(left) > 0 {
		t.Errorf("a journal is left: %v, %v", left, err)
	}
	s = launch(t, nil, "--config", config)
	s.listens()
	all.moveTo(s)
	all.readsGoOn(t)
	s.stop()
}

// TestNotAByteLeft: somebody else has taken the room that was left for deletes. One
// that does not fit any more is not done, and the disk does not count as failed.
func TestNotAByteLeft(t *testing.T) {
	const scrolls = 300
	disk := tmpfs(t, "size=8m")
	dir, others := filepath.Join(disk, "data"), filepath.Join(disk, "others")
	s := launch(t, nil, "--data-dir", dir)
	s.listens()
	place := func(i int) string { return at("notes", phext.First.With(8, i+1).String()) }
	for i := range scrolls {
		s.want("", http.MethodPost, "update"+place(i), "kept", "Updated 4 bytes")
	}
	ballast(t, others)
	removed := 0
	remove := func() (int, string) { return s.call("", http.MethodGet, "delete"+place(removed), "") }
	status, reply := remove()
	for ; status == http.StatusOK && removed < scrolls-1; status, reply = remove() {
		removed++
	}
	check := func() {
		t.Helper()
		for i := range scrolls {
			s.want("", http.MethodGet, "select"+place(i), "", map[bool]string{false: "kept"}[i < removed])
		}
	}
	for range 3 {
		if status != http.StatusInsufficientStorage || !strings.Contains(reply, "nothing was written") {
			t.Errorf("after %d deletes: %d %q", removed, status, reply)
		}
		status, reply = remove()
	}
	check()
	s.signal(os.Kill)
	s.ends()
	s = launch(t, nil, "--data-dir", dir)
	s.listens()
	check()
	take(t, others)
	for ; removed < scrolls; removed++ {
		s.want("", http.MethodGet, "delete"+place(removed), "", "Removed 4 bytes")
	}
	s.stop()
	if text := read(t, filepath.Join(dir, "notes.phext")); text != "" {
		t.Errorf("%d bytes are left of nothing", len(text))
	}
}

// TestStartOnFullDisk: whatever a process left behind, nothing that was answered
// is lost where not a byte is free, it is read, and all can be written again as
// soon as there is room. Only an edit that has to be reconciled with what was
// pending waits for that room, with 507; the other phexts do not.
func TestStartOnFullDisk(t *testing.T) {
	for _, row := range []struct {
		what  string
		left  func(t *testing.T, dir string)
		waits bool
	}{
		{"a journal", func(*testing.T, string) {}, false},
		{"an unfinished checkpoint", func(t *testing.T, dir string) { put(t, filepath.Join(dir, ".sq/tmp/notes.part"), "half a file") }, false},
		{"an unfinished segment", func(t *testing.T, dir string) { put(t, filepath.Join(dir, ".sq/journal/notes.9"), "half a header") }, false},
		{"a torn end", func(t *testing.T, dir string) { appendTo(t, onlySegment(t, dir), "not a whole record") }, false},
		{"an edit", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "notes.phext"), "by hand") }, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			disk := tmpfs(t, "size=8m")
			startsOnFullDisk(t, disk, row.left, row.waits)
		})
	}
}

func startsOnFullDisk(t *testing.T, disk string, left func(*testing.T, string), waits bool) {
	const answered = "answered and not in the file"
	dir := filepath.Join(disk, "data")
	s := launch(t, nil, "--data-dir", dir)
	s.listens()
	s.want("", http.MethodPost, "update"+at("notes", first), answered, fmt.Sprintf("Updated %d bytes", len(answered)))
	s.signal(os.Kill)
	s.ends()
	left(t, dir)
	put(t, filepath.Join(dir, "other.phext"), "by hand")
	others := filepath.Join(disk, "others")
	ballast(t, others)

	s = launch(t, nil, "--data-dir", dir)
	s.listens()
	s.want("", http.MethodGet, "select"+at("other", first), "", "by hand")
	p := pens{{server: s, phext: "notes", at: phext.First.With(8, 2)}}
	if !waits {
		s.want("", http.MethodGet, "select"+at("notes", first), "", answered)
		p.fill(t)
	} else if status, reply := s.call("", http.MethodGet, "select"+at("notes", first), ""); status != http.StatusInsufficientStorage {
		t.Errorf("reads %d %q", status, reply)
	}
	take(t, others)
	s.want("", http.MethodGet, "select"+at("notes", first), "", answered)
	p.goOn(t)
	p.check(t)
	s.stop()
}

// TestEditOnFullDisk: what others wrote in the place of a phext is served though
// not a byte is free.
func TestEditOnFullDisk(t *testing.T) {
	disk := tmpfs(t, "size=8m")
	path := filepath.Join(disk, "data/notes.phext")
	s := launch(t, nil, "--data-dir", filepath.Dir(path))
	s.listens()
	put(t, path, "by hand")
	s.want("", http.MethodGet, "select"+at("notes", first), "", "by hand")
	ballast(t, filepath.Join(disk, "others"))
	put(t, path, "and again")
	s.want("", http.MethodGet, "load?p=notes", "", "Loaded notes.phext")
	s.want("", http.MethodGet, "select"+at("notes", first), "", "and again")
	s.stop()
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	put(t, path, read(t, path)+text)
}

// onlySegment returns the path of the segment in a directory.
func onlySegment(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, ".sq/journal/*"))
	if err != nil || len(all) != 1 {
		t.Fatalf("segments %q, %v", all, err)
	}
	return all[0]
}

// TestNoInodesLeft is the same where no file can be made any more.
func TestNoInodesLeft(t *testing.T) {
	const inodes, others, phexts = 230, 150, 100
	disk := tmpfs(t, fmt.Sprintf("size=16m,nr_inodes=%d", inodes))
	config := aliceOn(t, disk)
	for i := range others {
		put(t, filepath.Join(disk, fmt.Sprint("other", i)), "")
	}
	s := launch(t, nil, "--config", config)
	s.listens()
	all := newPens(s, tokenOfAlice, phexts, 1)
	refused := 0
	undisturbed(t, s, tokenOfBob, func() {
		for _, p := range all {
			status, reply := p.append()
			switch {
			case status == http.StatusInsufficientStorage && strings.Contains(reply, "nothing was written"):
				refused++
			case status != http.StatusOK:
				t.Errorf("%s is %d %q", p.phext, status, reply)
			}
		}
	})
	if refused == 0 || refused == phexts {
		t.Fatalf("%d of %d writes were refused", refused, phexts)
	}
	all.check(t)
	s.signal(os.Kill)
	s.ends()
	s = launch(t, nil, "--config", config)
	s.listens()
	all.moveTo(s)
	all.check(t)
	for i := range others {
		take(t, filepath.Join(disk, fmt.Sprint("other", i)))
	}
	all[:phexts/2].goOn(t)
	all.check(t)
	s.stop()
}

// TestReadOnly is on a file system that the kernel makes read-only under the
// server, as it does when a disk fails.
func TestReadOnly(t *testing.T) {
	disk := ext4(t)
	config := aliceOn(t, disk.dir)
	s := launch(t, nil, "--config", config)
	s.listens()
	all := newPens(s, tokenOfAlice, 2, 2)
	all.goOn(t)
	disk.breaks(t)
	undisturbed(t, s, tokenOfBob, func() {
		for range 3 {
			all.each(func(p *pen) {
				status, reply := p.append()
				if status != http.StatusInternalServerError && status != http.StatusServiceUnavailable || !strings.Contains(reply, "the disk failed") {
					t.Errorf("%s on a file system that is read-only: %d %q", p.phext, status, reply)
				}
			})
		}
		if status, reply := s.call(tokenOfAlice, http.MethodPost, "update"+at("other", first), "new"); status != http.StatusInternalServerError {
			t.Errorf("a new phext: %d %q", status, reply)
		}
	})
	all.readsGoOn(t)
	s.want(tokenOfAlice, http.MethodGet, "select"+at("other", first), "", "")
	s.signal(syscall.SIGTERM)
	if status := s.ends(); status != exitFailure {
		t.Errorf("exit status %d where journals cannot be folded", status)
	}
	s.logs("read-only file system", "sq: hint: nothing that was answered is lost; the next start folds them")

	disk.repair(t)
	s = launch(t, nil, "--config", config)
	s.listens()
	all.moveTo(s)
	all.goOn(t)
	all.readsGoOn(t)
	s.stop()
}

// TestOwnSegmentsLeaveInodes: where nobody else has a file, so that nobody else
// can make room, some are kept for the checkpoints that do.
func TestOwnSegmentsLeaveInodes(t *testing.T) {
	disk := tmpfs(t, "size=16m,nr_inodes=80")
	dir := filepath.Join(disk, "data")
	s := launch(t, nil, "--data-dir", dir)
	s.listens()
	for n, refused := 0, false; !refused && n < 100; n++ {
		p := &pen{server: s, phext: fmt.Sprint("p", n), at: phext.First}
		status, _ := p.append()
		refused = status == http.StatusInsufficientStorage
	}
	journals := filepath.Join(dir, ".sq/journal")
	settles(t, journals, func() error {
		left, err := os.ReadDir(journals)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d journals are not folded", len(left))
		}
		return err
	})
	s.stop()
}
