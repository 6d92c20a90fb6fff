package disk

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// nth returns the coordinate of the nth scroll of a large phext.
func nth(n int) phext.Coordinate {
	return phext.First.With(8, n%100+1).With(7, n/100%100+1).With(6, n/10000+1)
}

// writeLarge writes a phext of n scrolls of a size.
func writeLarge(tb testing.TB, path string, n, size int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	w := phext.NewWriter(b)
	text := bytes.Repeat([]byte("some words; "), size/12+1)[:size]
	for i := range n {
		if err := w.WriteScroll(nth(i), text); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := b.Flush(); err != nil {
		tb.Fatal(err)
	}
}

// opened returns a store with the phexts "small" of 1,000 and "large" of
// 1,000,000 scrolls.
func opened(b *testing.B) sq.Store {
	dir := b.TempDir()
	writeLarge(b, filepath.Join(dir, "small.phext"), 1000, 100)
	writeLarge(b, filepath.Join(dir, "large.phext"), 1_000_000, 100)
	e := New(Options{})
	b.Cleanup(func() { e.Close(context.Background()) })
	return e.Store(dir)
}

// BenchmarkSize shows what a phext's size costs a write and a read: the ratio of
// 1,000,000 scrolls to 1,000, measured in turn. One is ideal.
func BenchmarkSize(b *testing.B) {
	ctx, s := context.Background(), opened(b)
	text := bytes.Repeat([]byte("x"), 100)
	put := func(name sq.PhextName, n int) {
		if _, err := s.Apply(ctx, name, sq.Batch{{Kind: sq.Put, Coordinate: nth(rand.IntN(n)), Text: text}}); err != nil {
			b.Fatal(err)
		}
	}
	get := func(name sq.PhextName, n int) {
		snapshot, err := s.Snapshot(ctx, name)
		if err != nil {
			b.Fatal(err)
		}
		defer snapshot.Close()
		if _, ok, err := snapshot.Get(nil, nth(rand.IntN(n))); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(sq.PhextName, int)
	}{{"put", put}, {"get", get}} {
		b.Run(c.name, func(b *testing.B) {
			var small, large time.Duration
			for b.Loop() {
				small += timed(func() { c.do("small", 1000) })
				large += timed(func() { c.do("large", 1_000_000) })
			}
			b.ReportMetric(float64(large)/float64(small), "large/small")
		})
	}
}

// BenchmarkAppend shows what the size of a scroll costs an append of 100 bytes:
// the ratio of a scroll of 10 MB to a small one. One is ideal.
func BenchmarkAppend(b *testing.B) {
	ctx, dir := context.Background(), b.TempDir()
	e := New(Options{})
	defer e.Close(ctx)
	s, text := e.Store(dir), bytes.Repeat([]byte("x"), 100)
	add := func(c phext.Coordinate, text []byte) {
		if _, err := s.Apply(ctx, "notes", sq.Batch{{Kind: sq.Append, Coordinate: c, Text: text}}); err != nil {
			b.Fatal(err)
		}
	}
	add(nth(1), bytes.Repeat(text, 100_000))
	var small, large time.Duration
	for b.Loop() {
		large += timed(func() { add(nth(1), text) })
		small += timed(func() { add(nth(rand.IntN(1000)+2), text) })
	}
	b.ReportMetric(float64(large)/float64(small), "large/small")
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// BenchmarkWriters shows what writers share: the rate of 64 writers to that of
// one is far above one when they share their syncs.
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			ctx := context.Background()
			e := New(Options{})
			defer e.Close(ctx)
			s, text := e.Store(b.TempDir()), bytes.Repeat([]byte("x"), 1024)
			b.SetParallelism(writers / 2)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					op := sq.Op{Kind: sq.Put, Coordinate: nth(rand.IntN(10000)), Text: text}
					if _, err := s.Apply(ctx, "notes", sq.Batch{op}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
