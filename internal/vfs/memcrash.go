package vfs

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// Crash returns the FS as it may be found after it loses power now; m itself
// fails from then on, and its locks are gone. What was not synced is found or not
// by chance, reading POSIX as strictly as one can:
//
//   - A file has its old length, its new one, or any between the shortest and the
//     longest that it has had since it was synced.
//   - Each of its sectors of 512 bytes has, whatever became of the others, any of
//     the contents that it has had since, the synced one among them; where there
//     was none, that is zeros.
//   - Each operation on names is found as a whole, or not, whatever became of
//     those before it. After a rename the file may be found under both names, too.
//     But a file that had a durable name, and that was neither removed nor
//     replaced, has one.
//   - Of an operation in two directories, of which one was synced, the other half
//     is found or not. A rename of which only the source was synced thus loses
//     the file: sync the target first.
func (m *Mem) Crash(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	return m.crash(rng.IntN)
}

// Imagine returns what Crash could, and m goes on as if nothing had been.
func (m *Mem) Imagine(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crash(rng.IntN)
}

var seed = maphash.MakeSeed()

// Sum is a checksum of all names and contents, with which one outcome of a crash
// can be told from another within a process.
func (m *Mem) Sum() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var h maphash.Hash
	h.SetSeed(seed)
	for _, key := range slices.Sorted(maps.Keys(m.names)) {
		n := m.names[key]
		fmt.Fprintf(&h, "%q %o %d ", key, n.mode, len(n.data))
		h.Write(n.data)
	}
	return h.Sum64()
}

// CrashWith is Crash with all that was not synced there, or nothing of it.
func (m *Mem) CrashWith(all bool) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	return m.crash(func(n int) int {
		if all {
			return n - 1
		}
		return 0
	})
}

// crash chooses among n outcomes, of which 0 is the old state and n-1 the new.
// Every choice is made in an order that does not depend on that of a map. m.mu
// must be held.
func (m *Mem) crash(choose func(n int) int) *Mem {
	next := &Mem{
		start: m.start, clock: m.clock + 1, inodes: m.inodes, capacity: m.capacity, fold: m.fold, locks: map[*node]bool{},
		names: m.surviveNames(choose), durable: map[string]entry{},
	}
	copies := map[*node]*node{}
	for _, key := range slices.Sorted(maps.Keys(next.names)) {
		e := next.names[key]
		if copies[e.node] == nil {
			copies[e.node] = e.survive(choose)
		}
		e.node = copies[e.node]
		next.names[key], next.durable[key] = e, e
	}
	return next
}

// surviveNames returns the names that are found.
func (m *Mem) surviveNames(choose func(int) int) map[string]entry {
	names := maps.Clone(m.durable)
	kept := m.kept()
	for _, r := range m.pending {
		changes := r.survive(choose)
		if !loses(names, changes, kept) {
			for _, c := range changes {
				set(names, c)
			}
		}
	}
	maps.DeleteFunc(names, func(key string, _ entry) bool { return !reachable(names, key) })
	return names
}

// kept returns the files that no crash may take away: they have a durable name,
// and nobody has removed them since.
func (m *Mem) kept() map[*node]bool {
	durable, kept := map[*node]bool{}, map[*node]bool{}
	for key, e := range m.durable {
		if reachable(m.durable, key) {
			durable[e.node] = true
		}
	}
	for _, e := range m.names {
		if durable[e.node] {
			kept[e.node] = true
		}
	}
	return kept
}

// loses reports whether changes would take its last name from a file that is to
// be kept: when those before them, which they followed from, are not found.
func loses(names map[string]entry, changes []change, kept map[*node]bool) bool {
	for _, c := range changes {
		if n := names[c.key].node; kept[n] && !hasName(names, changes, n) {
			return true
		}
	}
	return false
}

// hasName reports whether a file has a name, in a directory that is there, after
// changes to those it has.
func hasName(names map[string]entry, changes []change, n *node) bool {
	changed := map[string]bool{}
	for _, c := range changes {
		if c.entry.node == n && reachable(names, c.key) {
			return true
		}
		changed[c.key] = true
	}
	for key, e := range names {
		if e.node == n && !changed[key] && reachable(names, key) {
			return true
		}
	}
	return false
}

// reachable reports whether the directories that a name is in are there.
func reachable(names map[string]entry, key string) bool {
	for key != "." {
		key = path.Dir(key)
		if e := names[key]; e.node == nil || !e.mode.IsDir() {
			return false
		}
	}
	return true
}

// survive chooses how much of an operation is found: nothing, a rename's new
// name beside the old one, or all.
func (r *renaming) survive(choose func(int) int) []change {
	open := r.open()
	isRename := len(open) == 2 && open[1].entry.node == nil
	if !isRename {
		return open[:len(open)*choose(2)]
	}
	return open[:choose(3)]
}
