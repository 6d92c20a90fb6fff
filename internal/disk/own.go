package disk

import (
	"strconv"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// makeOwn makes our folders. They survive the loss of power from then on.
func makeOwn(dir vfs.FS) error {
	there := func(name string) bool { _, err := dir.Stat(name); return err == nil }
	if there(trashDir) && there(conflictsDir) && there(tailsDir) && there(tmpDir) && there(journalDir) {
		return nil
	}
	for _, name := range []string{ownDir, journalDir, tmpDir, conflictsDir, tailsDir} {
		if err := dir.Mkdir(name); err != nil {
			return err
		}
	}
	for _, name := range []string{".", ownDir} {
		if err := dir.SyncDir(name); err != nil {
			return err
		}
	}
	if err := dir.Mkdir(trashDir); err != nil {
		return err
	}
	return dir.SyncDir(ownDir)
}

// foldsCase reports whether names that differ only in case are one.
func foldsCase(dir vfs.FS) bool {
	_, err := dir.Stat(strings.ToUpper(ownDir))
	return err == nil
}

// findLeft lists the segments that an earlier process left, by phext.
func findLeft(dir vfs.FS) (map[sq.PhextName][]leftover, error) {
	infos, err := dir.List(journalDir)
	left := map[sq.PhextName][]leftover{}
	for _, info := range infos {
		if name, number, ok := segmentOf(info.Name); ok {
			left[name] = append(left[name], leftover{journalDir + "/" + info.Name, number})
		}
	}
	return left, err
}

// segmentOf returns the phext and the number that the name of a segment tells;
// false when it is no such name.
func segmentOf(file string) (name sq.PhextName, number uint64, ok bool) {
	dot := max(strings.LastIndexByte(file, '.'), 0)
	name, err := sq.ParsePhextName(file[:dot])
	if err != nil {
		return "", 0, false
	}
	number, err = strconv.ParseUint(file[dot+1:], 10, 64)
	return name, number, err == nil
}

// leftOf is findLeft for one phext.
func leftOf(dir vfs.FS, name sq.PhextName) ([]leftover, error) {
	left, err := findLeft(dir)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "list the journal of %q", name)
	}
	return left[name], nil
}

// clearTmp removes what an earlier process wrote and did not use. A part of a
// phext that has a journal may be more than that: see clearPart.
func clearTmp(dir vfs.FS, left map[sq.PhextName][]leftover) error {
	infos, err := dir.List(tmpDir)
	for _, info := range infos {
		name, isPart := strings.CutSuffix(info.Name, partSuffix)
		if isPart && left[sq.PhextName(name)] != nil || !info.Mode.IsRegular() {
			continue
		}
		if err := dir.Remove(tmpDir + "/" + info.Name); err != nil {
			return err
		}
	}
	return err
}
