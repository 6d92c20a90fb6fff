package vfs

import (
	"math/rand/v2"
	"path"
)

// Crash returns the FS as it may be found after it loses power now; m itself
// fails from then on. What was not synced is found or not by chance:
//
//   - Of what was written, any of the sectors of 512 bytes, the others being as
//     they were, or zeros; and any length between the old and the new.
//   - Each operation on names, whatever became of those before it. One on two
//     names is found as a whole, or not, or (a rename) with the file under both,
//     unless one of the two directories was synced.
func (m *Mem) Crash(rng *rand.Rand) *Mem {
	return m.crash(func(n int) int { return rng.IntN(n) })
}

// CrashWith is Crash with all that was not synced there, or nothing of it.
func (m *Mem) CrashWith(all bool) *Mem {
	return m.crash(func(n int) int {
		if all {
			return n - 1
		}
		return 0
	})
}

// crash chooses among n outcomes, of which 0 is the old state and n-1 the new.
func (m *Mem) crash(choose func(n int) int) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	names := map[string]*node{}
	for name, n := range m.durable {
		names[name] = n
	}
	for _, r := range m.pending {
		r.survive(names, choose)
	}
	next := &Mem{clock: m.clock + 1, inodes: m.inodes, capacity: m.capacity, fold: m.fold, locks: map[*node]string{}}
	next.names, next.durable = map[string]*node{}, map[string]*node{}
	copies := map[*node]*node{}
	for name, n := range names {
		if !reachable(names, name) {
			continue
		}
		if copies[n] == nil {
			copies[n] = n.survive(choose)
		}
		next.names[name], next.durable[name] = copies[n], copies[n]
	}
	return next
}

func reachable(names map[string]*node, name string) bool {
	for name != "." {
		name = path.Dir(name)
		if n := names[name]; n == nil || !n.mode.IsDir() {
			return false
		}
	}
	return true
}

// survive applies as much of a renaming as is found.
func (r *renaming) survive(names map[string]*node, choose func(int) int) {
	var open []change
	for _, c := range r.changes {
		if !c.synced {
			open = append(open, c)
		}
	}
	outcomes := 2
	isRename := len(open) == 2 && open[1].node == nil
	if isRename {
		outcomes = 3 // not at all, under both names, as a whole
	}
	switch n := choose(outcomes); {
	case n == 0:
	case isRename && n == 1:
		set(names, open[0])
	default:
		for _, c := range open {
			set(names, c)
		}
	}
}
