package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// bigScrolls is how many scrolls of 1 KB the phext has that is large.
const bigScrolls = 1_000_000

// big is what is measured of a large phext in one round.
type big struct {
	*bench
	*collected
	h       *hosted
	scrolls int
	dir     string // of the tenant
	idle    float64
	parts   map[string]bool // the rows that are wanted
}

// bigSuite measures a large phext: what it costs to open, to read and to fold.
func bigSuite(rows ...row) suite {
	return suite{rows, func(b *bench, want []row) ([]figure, error) {
		g := &big{bench: b, collected: newCollected(), scrolls: b.scaled(bigScrolls), dir: filepath.Join(b.data, tenantName(0)), parts: map[string]bool{}}
		for _, r := range want {
			g.parts[r.name] = true
		}
		config, err := b.tenants(b.data, 1)
		if err != nil {
			return nil, err
		}
		if err := makePhext(g.dir, "big", g.scrolls); err != nil {
			return nil, err
		}
		for range b.rounds {
			if err := g.round(config); err != nil {
				return nil, err
			}
		}
		return g.figures(want), nil
	}}
}

func (g *big) round(config string) (err error) {
	if g.h, err = g.host(config); err != nil {
		return err
	}
	defer func() {
		// The file is whole without the journal; so the next round begins as this one.
		g.h.kill()
		err = errors.Join(err, os.RemoveAll(filepath.Join(g.dir, ".sq")))
	}()
	steps := []func() error{g.open, g.streams}
	if g.parts["memory-checkpoint"] || g.parts["checkpoint-p99"] {
		steps = append(steps, g.fold)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// open measures the first select, and the memory from then on.
func (g *big) open() (err error) {
	if err := g.h.ask(g.bench, "version"); err != nil {
		return err
	}
	if g.idle, _, err = g.h.memory(); err != nil {
		return err
	}
	begun := time.Now()
	if err := g.h.ask(g.bench, "select?p=big&c=1.1.1/1.1.1/1.1.1"); err != nil {
		return err
	}
	g.add("first-select", time.Since(begun).Seconds())
	time.Sleep(time.Second) // for what the opening has left behind
	now, peak, err := g.h.memory()
	g.add("memory-loaded", (now-g.idle)/mega)
	g.notes["memory-loaded"] = fmt.Sprintf("at the most %.0f MB while it was opened", (peak-g.idle)/mega)
	return err
}

// streams are the replies about a whole phext.
var streams = []string{"get", "toc", "delta", "json-export"}

// streams measures how long they take, in bytes of the phext.
func (g *big) streams() error {
	info, err := os.Stat(filepath.Join(g.dir, "big.phext"))
	if err != nil {
		return err
	}
	for _, name := range streams {
		if !g.parts[name] {
			continue
		}
		before, _, err := g.h.memory()
		if err := errors.Join(err, g.h.forgetPeak()); err != nil {
			return err
		}
		c := load.NewConn(g.h.server, true)
		begun := time.Now()
		status, n, err := c.Stream(g.ctx, c.Head("GET", "/api/v2/"+name+"?p=big", tenantToken(0)), io.Discard)
		took := time.Since(begun)
		if err != nil || status != 200 || name != "toc" && n < info.Size() {
			return fmt.Errorf("%s: status %d, %d bytes of a phext of %d: %w", name, status, n, info.Size(), err)
		}
		g.add(name, float64(info.Size())/1e9/took.Seconds())
		_, peak, err := g.h.memory()
		if err != nil {
			return err
		}
		g.notes[name] = fmt.Sprintf("%.2f s, %.0f MB sent, memory %+.0f MB at the most", took.Seconds(), float64(n)/mega, (peak-before)/mega)
	}
	return nil
}

// The load while a phext is folded: selects and updates a second.
const (
	foldSelects = 2000
	foldUpdates = 1000
)

// fold measures selects under a steady load without a checkpoint and with one.
func (g *big) fold() error {
	without, err := g.selects(func() error { time.Sleep(g.seconds); return nil })
	if err != nil {
		return err
	}
	if err := g.pump(); err != nil {
		return err
	}
	if err := g.h.forgetPeak(); err != nil {
		return err
	}
	begun := time.Now()
	during, err := g.selects(func() error {
		return g.await("the end of a checkpoint", 5*time.Minute, func() bool { return !g.folding() })
	})
	took := time.Since(begun)
	if err != nil {
		return err
	}
	_, peak, err := g.h.memory()
	p99 := func(h *load.Histogram) float64 { return h.Quantile(0.99).Seconds() * 1000 }
	g.add("memory-checkpoint", (peak-g.idle)/mega)
	g.add("checkpoint-p99", p99(during)/p99(without))
	g.notes["checkpoint-p99"] = fmt.Sprintf("%.2f ms for %.1f s, without %.2f ms; the longest %.0f and %.0f ms", p99(during), took.Seconds(), p99(without), during.Max().Seconds()*1000, without.Max().Seconds()*1000)
	return err
}

// folding reports whether a checkpoint is at work.
func (g *big) folding() bool {
	_, err := os.Stat(filepath.Join(g.dir, ".sq", "tmp", "big.part"))
	return err == nil
}

// selects does something under the steady load, and returns how long selects
// took.
func (g *big) selects(while func() error) (*load.Histogram, error) {
	reads, writes := g.h.work("big", g.scrolls, 1).Workers(8, 1), g.h.work("big", g.scrolls, 0).Workers(8, 2)
	var result *load.Result
	err := g.underLoad(load.Options{Rate: foldUpdates}, writes, func() (err error) {
		result, err = g.resultOf(load.Options{Rate: foldSelects}, reads, while)
		return err
	})
	if err != nil {
		return nil, err
	}
	if result.Reads.Latency.Count() == 0 {
		return nil, errors.New("no select was answered")
	}
	return &result.Reads.Latency, nil
}

// pump updates one scroll behind the numbered ones with large texts until the
// journal is so long that a checkpoint begins.
func (g *big) pump() error {
	w := g.h.work("big", 1, 0)
	w.First, w.Texts = g.scrolls, load.NewTexts(64<<10)
	return g.underLoad(load.Options{}, w.Workers(4, 3), func() error {
		return g.await("a checkpoint", 10*time.Minute, g.folding)
	})
}
