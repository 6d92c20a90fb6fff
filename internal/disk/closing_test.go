package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestCloseWithDamageLeft: a damaged phext that nobody asked for does not make an
// orderly end one that failed.
func TestCloseWithDamageLeft(t *testing.T) {
	r := journalOfThree(t)
	r.rot(1, "+b", 0)
	r.start()
	r.store.List(background)
	if err := r.e.Close(background); err != nil {
		t.Error(err)
	}
	r.start()
	r.abandon()
}

// TestRepairOfMisnamed: a segment of another phext's name, put there by hand, is
// left alone by a repair.
func TestRepairOfMisnamed(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.abandon()
	os.Rename(r.path(), filepath.Join(r.dir, "other.phext"))
	os.Rename(filepath.Join(r.dir, journalDir, "notes.1"), filepath.Join(r.dir, journalDir, "other.1"))
	b, _ := os.ReadFile(filepath.Join(r.dir, journalDir, "other.1"))
	c := r.check(CheckOptions{Repair: true})
	t.Logf("%+v", c.Findings)
	if now, err := os.ReadFile(filepath.Join(r.dir, journalDir, "other.1")); !bytes.Equal(now, b) {
		t.Errorf("the journal of notes is gone: %v", err)
	}
	r.start()
}

// TestRepairMakesFolders: a repair that has nothing to do makes nothing.
func TestRepairMakesFolders(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir()}
	r.write("one")
	r.check(CheckOptions{Repair: true})
	if names, _ := os.ReadDir(r.dir); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
}
