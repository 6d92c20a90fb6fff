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
	process *process     // the server
}

// score is what a contender came to, in each round.
type score struct {
	perSecond []float64
	micros    []float64 // of the server's CPU time for a request, where the system tells
}

// scores are those of the contenders, by name.
type scores map[string]*score

// contest measures contenders in turn, in rounds. They begin when what the one before
// has left to be done is done, and in another order each time, since it may have left
// something else behind.
func (b *bench) contest(clients int, contenders map[string]contender) (scores, error) {
	names := slices.Collect(maps.Keys(contenders))
	all := scores{}
	for _, name := range names {
		// What is opened and filled at first use is no part of the first round.
		if err := b.once(clients, contenders[name], min(b.seconds, time.Second), &score{}); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = &score{}
	}
	for range b.rounds {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if err := b.once(clients, contenders[name], b.seconds, all[name]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return all, nil
}

func (b *bench) once(clients int, c contender, d time.Duration, s *score) error {
	if c.before != nil {
		if err := c.before(); err != nil {
			return err
		}
	}
	b.quiet()
	workers := c.workers(clients, rand.Uint64())
	before, err := c.process.cpu()
	result := load.Run(b.ctx, load.Options{For: d}, workers)
	after, _ := c.process.cpu()
	for _, w := range workers {
		w.Close()
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if n := result.Failed(); n > 0 {
		return fmt.Errorf("%d requests failed: %w", n, result.First)
	}
	s.perSecond = append(s.perSecond, result.PerSecond())
	if err == nil {
		s.micros = append(s.micros, (after-before).Seconds()*1e6/float64(result.Reads.Done+result.Writes.Done))
	}
	return nil
}

// String says what is in the middle of all rounds.
func (s *score) String() string {
	text := fmt.Sprintf("%.0f/s", median(s.perSecond))
	if len(s.micros) > 0 {
		text += fmt.Sprintf(" at %.0f µs of CPU", median(s.micros))
	}
	return text
}

// match is a row that compares two contenders.
type match struct {
	row
	of, against string
}

// ratios makes figures of what contenders did: the ratio in each round.
func ratios(matches []match, all scores, missing map[string]string) []figure {
	var figures []figure
	for _, m := range matches {
		f := figure{row: m.row, missing: missing[m.against]}
		if of, against := all[m.of], all[m.against]; f.missing == "" {
			for i, n := range of.perSecond {
				f.values = append(f.values, n/against.perSecond[i])
			}
			f.note = fmt.Sprintf("%s, %s %s", of, m.against, against)
		}
		figures = append(figures, f)
	}
	return figures
}
