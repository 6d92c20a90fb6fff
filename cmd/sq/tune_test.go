package main

import (
	"runtime"
	"testing"
)

// TestTune: a server holds memory that only counts, unless the environment says how
// garbage is collected.
func TestTune(t *testing.T) {
	for told, want := range map[string]bool{"": true, "GOMAXPROCS": true, "GOGC": false, "GOMEMLIMIT": false} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		stop := tune(func(name string) (string, bool) { return "100", name == told })
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc-before.TotalAlloc >= untouchedBytes; got != want {
			t.Errorf("told %q: it holds memory: %v", told, got)
		}
		stop()
	}
}
