package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// counted is a worker that counts what was answered well.
type counted struct {
	load.Worker
	n *atomic.Int64
}

func (c counted) Do(ctx context.Context) (load.Kind, error) {
	kind, err := c.Worker.Do(ctx)
	if err == nil {
		c.n.Add(1)
	}
	return kind, err
}

// writtenSuite measures how many bytes go to the disk for each byte that is
// updated, from the end of one checkpoint to the end of the next.
func writtenSuite(r row) suite {
	return suite{[]row{r}, func(b *bench, want []row) ([]figure, error) {
		scrolls := b.scaled(manyScrolls)
		h, bare, err := b.hostScrolls(scrolls)
		if err != nil {
			return nil, err
		}
		bare.kill()
		defer h.kill()
		var updates atomic.Int64
		workers := h.work("many", scrolls, 0).Workers(16, 1)
		for i := range workers {
			workers[i] = counted{workers[i], &updates}
		}
		file := filepath.Join(b.data, tenantName(0), "many.phext")
		c := newCollected()
		err = b.underLoad(load.Options{}, workers, func() error { return b.cycles(h, file, &updates, c, r.name) })
		return c.figures(want), err
	}}
}

// underLoad does something while workers work, and closes them.
func (b *bench) underLoad(o load.Options, workers []load.Worker, do func() error) error {
	_, err := b.resultOf(o, workers, do)
	return err
}

// resultOf is underLoad with the result.
func (b *bench) resultOf(o load.Options, workers []load.Worker, do func() error) (result *load.Result, err error) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	var loading sync.WaitGroup
	loading.Go(func() { result = load.Run(ctx, o, workers) })
	err = do()
	cancel()
	loading.Wait()
	for _, w := range workers {
		w.Close()
	}
	if err == nil && result.Failed() > 0 {
		err = fmt.Errorf("%d requests failed: %w", result.Failed(), result.First)
	}
	return result, err
}

// cycles measures from checkpoint to checkpoint.
func (b *bench) cycles(h *hosted, file string, updates *atomic.Int64, c *collected, name string) error {
	if err := b.replaced(file); err != nil {
		return err
	}
	for range b.rounds {
		n, begun := updates.Load(), time.Now()
		before, err := h.written(b.data)
		if err != nil {
			return err
		}
		if err := b.replaced(file); err != nil {
			return err
		}
		after, err := h.written(b.data)
		if err != nil {
			return err
		}
		n = updates.Load() - n
		c.add(name, (after-before)/float64(n*size))
		c.notes[name] = fmt.Sprintf("a checkpoint every %.1f s, %.0f updates/s", time.Since(begun).Seconds(), float64(n)/time.Since(begun).Seconds())
	}
	return nil
}

// replaced waits until a checkpoint has put another file in place.
func (b *bench) replaced(file string) error {
	before, err := os.Stat(file)
	if err != nil {
		return err
	}
	return b.await("a checkpoint", 5*time.Minute, func() bool {
		now, err := os.Stat(file)
		return err == nil && !os.SameFile(before, now)
	})
}
