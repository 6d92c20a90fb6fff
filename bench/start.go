package main

import (
	"path/filepath"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// collected are the values of rows, by the rows' names, round after round.
type collected struct {
	values map[string][]float64
	notes  map[string]string
}

func newCollected() *collected {
	return &collected{values: map[string][]float64{}, notes: map[string]string{}}
}

func (c *collected) add(name string, value float64) { c.values[name] = append(c.values[name], value) }

// figures returns those of the rows that are wanted.
func (c *collected) figures(want []row) (figures []figure) {
	for _, r := range want {
		f := figure{row: r, values: c.values[r.name], note: c.notes[r.name]}
		if len(f.values) == 0 {
			f.missing = "not measured"
		}
		figures = append(figures, f)
	}
	return figures
}

// startSuite measures how long it takes from the start of the process to the
// first scroll that it answers, with so many tenants.
func startSuite(tenants int, rows ...row) suite {
	return suite{rows, func(b *bench, want []row) ([]figure, error) {
		config, err := b.tenants(b.data, b.scaled(tenants))
		if err != nil {
			return nil, err
		}
		if err := makePhext(filepath.Join(b.data, tenantName(0)), "notes", 100); err != nil {
			return nil, err
		}
		c := newCollected()
		for range b.rounds {
			took, memory, err := b.startOnce(config)
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				switch r.unit {
				case millis:
					c.add(r.name, took.Seconds()*1000)
				case seconds:
					c.add(r.name, took.Seconds())
				case megabytes:
					c.add(r.name, memory/mega)
				}
			}
		}
		return c.figures(want), nil
	}}
}

func (b *bench) startOnce(config string) (took time.Duration, memory float64, err error) {
	h, err := b.host(config)
	if err != nil {
		return 0, 0, err
	}
	defer h.kill()
	if err := h.ask(b, "select?p=notes&c=1.1.1/1.1.1/1.1.1"); err != nil {
		return 0, 0, err
	}
	took = time.Since(h.begun)
	memory, _, err = h.memory()
	return took, memory, err
}

// ask makes one request of the first tenant.
func (h *hosted) ask(b *bench, what string) error {
	_, err := load.Call(b.ctx, h.server, tenantToken(0), "GET", what)
	return err
}
