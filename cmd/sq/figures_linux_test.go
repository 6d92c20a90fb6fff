package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figures are what the process takes at one moment.
type figures struct {
	heap, resident          float64 // MiB; heap: what is reachable
	descriptors, goroutines float64
}

func (f figures) String() string {
	return fmt.Sprintf("heap %.1f MiB, resident %.1f MiB, %.0f descriptors, %.0f goroutines", f.heap, f.resident, f.descriptors, f.goroutines)
}

// sample takes figures while the clients rest and have no connections.
func (s *soak) sample() figures {
	s.resting.Lock()
	defer s.resting.Unlock()
	for began := time.Now(); s.connections() > 0; {
		s.server.client.CloseIdleConnections()
		if time.Since(began) > patience {
			s.wrong("%d connections are left:\n%s", s.connections(), strings.Join(descriptors(s.t), "\n"))
			break
		}
		runtime.Gosched()
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	return figures{float64(memory.HeapAlloc) / (1 << 20), resident(s.t), float64(len(descriptors(s.t))), float64(runtime.NumGoroutine())}
}

// connections counts the sockets beside that of the listener.
func (s *soak) connections() (n int) {
	for _, d := range descriptors(s.t) {
		if strings.HasPrefix(d, "socket:") {
			n++
		}
	}
	return n - 1
}

// descriptors returns what the process has open, but for the folder that tells.
func descriptors(t *testing.T) (all []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); err == nil {
			all = append(all, to)
		}
	}
	slices.Sort(all)
	return all
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s*(\d+) kB$`)

func resident(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Error(err)
		return 0
	}
	found := residentLine.FindSubmatch(status)
	if found == nil {
		t.Error("/proc/self/status does not say how much is resident")
		return 0
	}
	kb, _ := strconv.ParseFloat(string(found[1]), 64)
	return kb / 1024
}

// samples are figures in the order in which they were taken.
type samples []figures

// check compares the medians of the second and of the last quarter: the last may
// be a tenth higher, and a little more because phexts come and go.
func (all samples) check(t *testing.T) {
	t.Helper()
	quarter := len(all) / 4
	if quarter < 2 {
		t.Fatalf("%d samples are not enough", len(all))
	}
	second, last := all[quarter:2*quarter], all[len(all)-quarter:]
	for _, row := range []struct {
		what  string
		more  float64
		value func(figures) float64
	}{
		{"MiB of heap", 2, func(f figures) float64 { return f.heap }},
		{"MiB resident", 16, func(f figures) float64 { return f.resident }},
		{"descriptors", 100, func(f figures) float64 { return f.descriptors }},
		{"goroutines", 30, func(f figures) float64 { return f.goroutines }},
	} {
		was, is := second.median(row.value), last.median(row.value)
		t.Logf("%s: %.1f in the second quarter, %.1f in the last", row.what, was, is)
		if is > was*1.1+row.more {
			t.Errorf("%s grow: %.1f in the second quarter, %.1f in the last; at most %.1f are allowed", row.what, was, is, was*1.1+row.more)
		}
	}
}

func (all samples) median(value func(figures) float64) float64 {
	var values []float64
	for _, f := range all {
		values = append(values, value(f))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
