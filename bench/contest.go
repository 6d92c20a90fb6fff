package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// contender is something whose throughput is measured beside that of others.
type contender struct {
	workers func(n int, seed uint64) []load.Worker
	before  func() error // each round; nil: nothing is to be done
}

// contest measures contenders in turn, in rounds, and returns for each how many
// requests a second it answered in each round. They begin in another order each
// time, since what one leaves behind the next one meets.
func (b *bench) contest(clients int, contenders map[string]contender) (map[string][]float64, error) {
	names := slices.Collect(maps.Keys(contenders))
	perSecond := map[string][]float64{}
	for _, name := range names {
		// What is opened and filled at first use is no part of the first round.
		if _, err := b.once(clients, contenders[name], min(b.seconds, time.Second)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for range b.rounds {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			n, err := b.once(clients, contenders[name], b.seconds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			perSecond[name] = append(perSecond[name], n)
		}
	}
	return perSecond, nil
}

func (b *bench) once(clients int, c contender, d time.Duration) (float64, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return 0, err
		}
	}
	workers := c.workers(clients, rand.Uint64())
	result := load.Run(b.ctx, load.Options{For: d}, workers)
	for _, w := range workers {
		w.Close()
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if n := result.Failed(); n > 0 {
		return 0, fmt.Errorf("%d requests failed: %w", n, result.First)
	}
	return result.PerSecond(), nil
}

// match is a row that compares two contenders.
type match struct {
	row
	of, against string
}

// ratios makes figures of what contenders did: the ratio in each round.
func ratios(matches []match, perSecond map[string][]float64, missing map[string]string) []figure {
	var figures []figure
	for _, m := range matches {
		f := figure{row: m.row, missing: missing[m.against]}
		for i, n := range perSecond[m.of] {
			if against := perSecond[m.against]; i < len(against) {
				f.values = append(f.values, n/against[i])
			}
		}
		if f.missing == "" {
			f.note = fmt.Sprintf("%.0f/s, %s %.0f/s", median(perSecond[m.of]), m.against, median(perSecond[m.against]))
		}
		figures = append(figures, f)
	}
	return figures
}
