package tenant

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wbic16/sq-go"
)

// PrepareDirs makes the data directories that do not exist, with those above
// them, mode 0700 before the umask, and logs a warning that counts them and names the
// first few: a disk may not be mounted. What it made survives the loss of power once it returns.
//
// One tenant's trouble keeps no other from its directory: all are tried, and the
// error (sq.Internal) tells of the first that failed and of how many did. It
// costs one stat a tenant.
func PrepareDirs(r *Registry, log *slog.Logger) error {
	return prepare(r.tenants, false, log)
}

// CheckDirs looks at the data directories as PrepareDirs does and makes none. It
// returns the tenants whose directory is missing, and the error that PrepareDirs
// would return for those that cannot be served.
func CheckDirs(r *Registry) (missing []sq.Tenant, err error) {
	for i, look := range lookAtAll(r.tenants) {
		if look.err == nil && !look.there {
			missing = append(missing, r.tenants[i])
		}
		if err == nil {
			err = look.err
		}
	}
	return missing, err
}

// prepare makes directories. Where tenants were just asked for, a missing
// directory is no surprise, unless the one above it is missing too.
func prepare(tenants []sq.Tenant, asked bool, log *slog.Logger) error {
	var failed []error
	changed := map[string]bool{} // directories that got a new entry
	var surprises []sq.Tenant
	for i, look := range lookAtAll(tenants) {
		if look.there {
			continue
		}
		t := tenants[i]
		surprise, err := false, look.err
		if err == nil {
			surprise, err = makeDir(t, asked, changed)
		}
		if err != nil {
			failed = append(failed, err)
		}
		if surprise {
			surprises = append(surprises, t)
		}
	}
	warn(surprises, log)
	if err := syncDirs(changed); err != nil {
		failed = append(failed, err)
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return sq.Wrap(failed[0], sq.Internal, "%d data directories failed; the first", len(failed))
}

// makeDir makes the directory of a tenant, and tells whether that is a surprise.
func makeDir(t sq.Tenant, asked bool, changed map[string]bool) (surprise bool, err error) {
	parents := lacking(t.DataDir)
	if err := os.MkdirAll(t.DataDir, 0o700); err != nil {
		return false, sq.Wrap(err, sq.Internal, "tenant %q: data_dir cannot be made; check the rights and the disk above it", t.Name)
	}
	for _, dir := range parents {
		changed[dir] = true
	}
	return !asked || len(parents) > 1, nil
}

// warn tells of directories that were made in one line, however many they are: at the
// first start they may be those of hundreds of tenants.
func warn(made []sq.Tenant, log *slog.Logger) {
	const named = 5
	switch {
	case len(made) == 1:
		log.Warn("data directory did not exist and was made; a disk may not be mounted", "tenant", made[0].Name, "dir", made[0].DataDir)
	case len(made) > 1:
		var first []string
		for _, t := range made[:min(named, len(made))] {
			first = append(first, fmt.Sprintf("%s (%s)", t.Name, t.DataDir))
		}
		log.Warn("data directories did not exist and were made; a disk may not be mounted", "count", len(made), "first", strings.Join(first, ", "))
	}
}

// look is what lookAt found.
type look struct {
	there bool
	err   error
}

// lookAtAll looks at the directories of tenants.
func lookAtAll(tenants []sq.Tenant) []look {
	looks := make([]look, len(tenants))
	inParts(len(tenants), func(from, to int) {
		for i := from; i < to; i++ {
			looks[i].there, looks[i].err = lookAt(tenants[i])
		}
	})
	return looks
}

// lookAt reports whether a tenant's directory is there.
func lookAt(t sq.Tenant) (there bool, err error) {
	info, err := os.Stat(t.DataDir)
	switch {
	case err == nil && info.IsDir():
		return true, nil
	case err == nil:
		return false, sq.Errorf(sq.Internal, "tenant %q: data_dir %q is no directory; name another, or move that file away", t.Name, t.DataDir)
	case !errors.Is(err, fs.ErrNotExist):
		return false, sq.Wrap(err, sq.Internal, "tenant %q: data_dir cannot be looked at; check the rights on it", t.Name)
	}
	return false, nil
}

// lacking returns the directories that get a new entry when dir is made: its
// parent, and those above that as far as they do not exist either.
func lacking(dir string) []string {
	var dirs []string
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		dirs = append(dirs, up)
		if _, err := os.Stat(up); err == nil {
			break
		}
	}
	return dirs
}

// syncDirs makes new names survive the loss of power. A tenant's first write is
// answered on the promise that its directory stays.
func syncDirs(dirs map[string]bool) error {
	names := make([]string, 0, len(dirs))
	for dir := range dirs {
		names = append(names, dir)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := syncDir(name); err != nil {
			return sq.Wrap(err, sq.Internal, "a new data directory cannot be synced; check the disk")
		}
	}
	return nil
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
