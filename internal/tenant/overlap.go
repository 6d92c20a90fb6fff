package tenant

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// checkDirectories refuses two tenants whose directories are one, or one inside
// the other: as written, since a tenant could otherwise remove the link that
// leads to its neighbour, and as the links lead today.
func (p *parser) checkDirectories() error {
	var tenants []*draft
	var written []string
	for i := range p.drafts {
		d := &p.drafts[i]
		if p.byName[d.entry.Tenant.Name] != i {
			continue
		}
		tenants = append(tenants, d)
		written = append(written, d.entry.Tenant.DataDir)
	}
	if later, earlier := overlap(written); later >= 0 {
		return p.overlaps(tenants[later], tenants[earlier], relation(written[later], written[earlier]), "")
	}
	real := resolveAll(written)
	if slices.Equal(real, written) {
		return nil
	}
	if later, earlier := overlap(real); later >= 0 {
		return p.overlaps(tenants[later], tenants[earlier], relation(real[later], real[earlier]), " through a symbolic link")
	}
	return nil
}

func (p *parser) overlaps(later, earlier *draft, relation, how string) error {
	return p.Errorf(later.dirAt, "%sdata_dir %s that of %s on line %d%s; give each a directory beside the other",
		later.subject(": "), relation, earlier.subject(""), p.Line(earlier.dirAt), how)
}

func relation(later, earlier string) string {
	switch {
	case later == earlier:
		return "is the same as"
	case len(later) > len(earlier):
		return "is inside"
	}
	return "contains"
}

// overlap returns the indices of two clean absolute paths that are equal or of
// which one is above the other, or -1: of all such pairs one whose later path
// stands first. It looks every ancestor up instead of comparing paths, so it
// costs the number of their elements.
func overlap(paths []string) (later, earlier int) {
	owner := make(map[string]int, len(paths))
	later, earlier = -1, -1
	found := func(i, j int) {
		if i < j {
			i, j = j, i
		}
		if later < 0 || i < later {
			later, earlier = i, j
		}
	}
	for i, path := range paths {
		if j, ok := owner[path]; ok {
			found(i, j)
			continue
		}
		owner[path] = i
	}
	for i, path := range paths {
		for up := filepath.Dir(path); up != path; path, up = up, filepath.Dir(up) {
			if j, ok := owner[up]; ok {
				found(i, j)
			}
		}
	}
	return later, earlier
}

// resolveAll returns where clean absolute paths lead.
func resolveAll(paths []string) []string {
	real := make([]string, len(paths))
	inParts(len(paths), func(from, to int) {
		links := resolver{}
		for i := from; i < to; i++ {
			real[i] = links.resolve(paths[i]).path
		}
	})
	return real
}

// resolver remembers where paths lead, so that a directory above many others is
// looked at once.
type resolver map[string]place

// place is where a path leads. Below what is gone there is nothing to look at.
type place struct {
	path string
	gone bool
}

// resolve follows the symbolic links of a clean absolute path, as far as it
// exists. A link that leads nowhere yet is followed to where it points.
func (r resolver) resolve(path string) place {
	if p, ok := r[path]; ok {
		return p
	}
	dir := filepath.Dir(path)
	if dir == path {
		return place{path: path}
	}
	above := r.resolve(dir)
	p := place{path: filepath.Join(above.path, filepath.Base(path)), gone: above.gone}
	r[path] = p // before following, so that a ring of links ends
	if !p.gone {
		p = r.look(p.path)
		r[path] = p
	}
	return p
}

// look follows the last element of a path whose directory was followed.
func (r resolver) look(path string) place {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return place{path: path, gone: true}
	case info.Mode()&fs.ModeSymlink == 0:
		return place{path: path}
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return place{path: real}
	}
	target, err := os.Readlink(path)
	if err != nil {
		return place{path: path, gone: true}
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return r.resolve(filepath.Clean(target))
}
