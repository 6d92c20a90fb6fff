package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Finding is one thing that a check has to tell.
type Finding struct {
	File     string `json:"file"`     // the path in the directory
	Problem  bool   `json:"problem"`  // something is wrong; otherwise it is only to be known
	Repaired bool   `json:"repaired"` // it was wrong, and is mended
	Text     string `json:"text"`     // what it is, and where in the file
}

// CheckOptions say what to check.
type CheckOptions struct {
	// Only is the one phext to check; "": all.
	Only sq.PhextName
	// Repair mends what can be mended, after a copy of it was kept, and then
	// checks again.
	Repair bool
	// Progress is told how many phexts of all are done; may be nil.
	Progress func(done, all int)
}

// Checked is the outcome of a check.
type Checked struct {
	Phexts   int // that were checked
	Repaired int // of those
	Findings []Finding
}

// Problems counts what is wrong.
func (c Checked) Problems() (n int) {
	for _, f := range c.Findings {
		if f.Problem {
			n++
		}
	}
	return n
}

// Check reads every phext in a directory and its journal to the end and says what
// is wrong. The directory must not be served meanwhile: then the error is Busy.
// Without Repair nothing in it changes, but for the name in the lock. It costs a reading of all files, and
// memory as opening one phext does.
func Check(dir string, o CheckOptions) (Checked, error) {
	opened, err := vfs.Open(dir)
	if err != nil {
		return Checked{}, err
	}
	defer opened.Close()
	return checkIn(opened, o)
}

func checkIn(dir vfs.FS, o CheckOptions) (Checked, error) {
	unlock, err := lockToCheck(dir, o.Repair)
	if err != nil {
		return Checked{}, err
	}
	defer unlock()
	x := &checker{dir: dir, log: slog.New(slog.DiscardHandler)}
	names, err := x.names(o.Only)
	if err != nil {
		return Checked{}, err
	}
	for i, name := range names {
		before := len(x.found)
		x.check(name)
		if o.Repair && problems(x.found[before:]) {
			x.repair(name, before)
		}
		if o.Progress != nil {
			o.Progress(i+1, len(names))
		}
	}
	return Checked{Phexts: len(names), Repaired: x.repaired, Findings: x.found}, nil
}

func problems(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Problem })
}

// lockToCheck sees to it that nobody serves the directory.
func lockToCheck(dir vfs.FS, repair bool) (unlock func(), err error) {
	unlock, err = lockAs(dir, fmt.Sprintf("sq check, process %d", os.Getpid()), !repair)
	var locked *vfs.LockedError
	switch {
	case errors.As(err, &locked):
		return nil, sq.Wrap(err, sq.Busy, "the directory is served (%s): stop that first, it may be in the middle of a write", locked.Owner)
	case err != nil:
		return nil, fmt.Errorf("lock the directory: %w", err)
	}
	return unlock, nil
}

// lockAs takes the lock of a directory. One that was never served, or may not be
// written, is not locked to be read.
func lockAs(dir vfs.FS, owner string, toRead bool) (unlock func(), err error) {
	if _, err := dir.Stat(ownDir); errors.Is(err, errNotExist) {
		return func() {}, nil // never served
	}
	lock, err := dir.Lock(lockPath, owner)
	switch {
	case err != nil && toRead && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
		return func() {}, nil
	case err != nil:
		return nil, err
	}
	return func() { lock.Close() }, nil
}

// checker is a check under way.
type checker struct {
	dir      vfs.FS
	log      *slog.Logger
	left     map[sq.PhextName][]leftover
	found    []Finding
	repaired int
}

func (x *checker) tell(problem bool, file, format string, args ...any) {
	x.found = append(x.found, Finding{File: file, Problem: problem, Text: fmt.Sprintf(format, args...)})
}

// names lists the phexts to check, and notes what lies among them and is none.
func (x *checker) names(only sq.PhextName) ([]sq.PhextName, error) {
	var err error
	if x.left, err = findLeft(x.dir); err != nil && !errors.Is(err, errNotExist) {
		return nil, fmt.Errorf("list the journal: %w", err)
	}
	if only != "" {
		return []sq.PhextName{only}, nil
	}
	infos, err := x.dir.List(".")
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	names := map[sq.PhextName]bool{}
	for name := range x.left {
		names[name] = true
	}
	for _, info := range infos {
		stem, ok := strings.CutSuffix(info.Name, suffix)
		if !ok {
			continue
		}
		name, err := sq.ParsePhextName(stem)
		if err != nil {
			x.tell(false, info.Name, "is not served: %v", err)
			continue
		}
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// check checks one phext and its journal.
func (x *checker) check(name sq.PhextName) {
	path := string(name) + suffix
	c, err := loadSettled(x.dir, path)
	if err != nil {
		x.tell(true, path, "cannot be read: %v", err)
		return
	}
	defer c.close()
	if c.problem != nil {
		// What is no file at all is nobody's phext, if it has no journal.
		wrong := !errors.Is(c.problem, vfs.ErrNotRegular) || len(x.left[name]) > 0
		x.tell(wrong, path, "is no phext: %v", c.problem)
	}
	if left := x.left[name]; len(left) > 0 {
		x.checkJournal(name, c, left)
	} else if c.file == nil && c.problem == nil {
		x.tell(true, path, "is not there")
	}
}

// leftIn is leftOf where there may be no journal.
func leftIn(dir vfs.FS, name sq.PhextName) ([]leftover, error) {
	left, err := findLeft(dir)
	if errors.Is(err, errNotExist) {
		err = nil
	}
	return left[name], err
}

func (x *checker) checkJournal(name sq.PhextName, c content, left []leftover) {
	h := x.handle(readOnly{x.dir}, name)
	j, err := h.readJournal(left, c.identity)
	defer j.close()
	if err != nil {
		x.tell(true, journalDir, "the journal of %q cannot be read: %v", name, err)
		return
	}
	for _, d := range j.damages {
		x.tell(true, d.path, "is damaged: %v", d.err)
	}
	for _, s := range j.spare {
		if !j.damaged() {
			x.tell(false, s.path, "is not needed any more; the next start removes it")
		}
	}
	for _, s := range j.chain {
		if s.torn {
			x.tell(false, s.path, "offset %d: ends in bytes that were never answered; the next start keeps a copy and cuts them", s.end)
		}
	}
	mark, known := j.matching(c.identity)
	switch n := j.pending(mark.Sequence); {
	case j.damaged() || len(j.chain) == 0:
	case !known:
		x.tell(false, string(name)+suffix, "was edited while it was not served; the next start applies to it what the journal has and it lacks")
	case n > 0:
		x.tell(false, string(name)+suffix, "%s in the journal and not in the file yet; the next start folds them", batchesAre(n))
	}
}

func batchesAre(n int) string {
	if n == 1 {
		return "1 batch is"
	}
	return fmt.Sprintf("%d batches are", n)
}

// pending counts the records with operations above a sequence number.
func (j *found) pending(after uint64) (n int) {
	for _, r := range j.records {
		if r.sequence > after && len(r.ops) > 0 {
			n++
		}
	}
	return n
}

// handle returns a handle that nothing runs.
func (x *checker) handle(dir vfs.FS, name sq.PhextName) *handle {
	e := &Engine{log: x.log, started: time.Now()}
	return newHandle(newStore(e, ""), dir, name)
}

// readOnly is an FS in which nothing is written.
type readOnly struct{ vfs.FS }

func (r readOnly) OpenWrite(name string) (vfs.File, error) { return r.Open(name) }

// CheckFile checks a single file that need not be in a data directory, nor have
// the name of a phext.
func CheckFile(path string) (Checked, error) {
	folder, name := filepath.Split(filepath.Clean(path))
	dir, err := vfs.Open(filepath.Clean(folder))
	if err != nil {
		return Checked{}, err
	}
	defer dir.Close()
	c, err := loadSettled(dir, name)
	if err != nil {
		return Checked{}, err
	}
	defer c.close()
	checked := Checked{Phexts: 1}
	if c.problem != nil {
		checked.Findings = append(checked.Findings, Finding{File: name, Problem: true, Text: fmt.Sprintf("is no phext: %v", c.problem)})
	} else if c.file == nil {
		return Checked{}, &fs.PathError{Op: "check", Path: name, Err: errNotExist}
	}
	return checked, nil
}
