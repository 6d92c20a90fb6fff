package disk

import "testing"

// TestJournalMost: a journal is as large as its file before it is folded, where either
// is soon read again.
func TestJournalMost(t *testing.T) {
	const mb = 1 << 20
	for _, x := range []struct{ file, journal int64 }{
		{0, 4 * mb}, {3 * mb, 4 * mb}, {5 * mb, 5 * mb}, {100 * mb, 100 * mb}, {128 * mb, 128 * mb},
		{150 * mb, 128 * mb}, {192 * mb, 128 * mb}, {300 * mb, 200 * mb}, {3000 * mb, 2000 * mb},
	} {
		h := &handle{}
		if h.info.Identity.Size = x.file; h.journalMost() != x.journal {
			t.Errorf("a file of %d MiB has a journal of %d bytes, want %d MiB", x.file/mb, h.journalMost(), x.journal/mb)
		}
	}
}
