package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"

	"github.com/wbic16/sq-go/internal/load"
)

// The names of the contenders.
const (
	ofSQ     = "sq"
	ofBare   = "bare"
	ofInsert = "insert"
)

// manyScrolls is how many scrolls of 1 KB the phext has that is read and
// written at random.
const manyScrolls = 100_000

// suites is all that is measured, in the order of the table.
var suites = []suite{
	selectSuite(16, false, row{"select-16", "select 1 KB of 100,000 scrolls, 16 clients, against a bare handler", ratio, 0.80, 0.90}),
	selectSuite(64, false, row{"select-64", "the same, 64 clients", ratio, 0.80, 0.90}),
	selectSuite(16, true, row{"select-new-16", "the same, a new connection for each request, 16 clients", ratio, 0.85, 0.92}),
	selectSuite(64, true, row{"select-new-64", "the same, 64 clients", ratio, 0.85, 0.92}),
	updateSuite(16,
		match{row{"update-16", "durable update of 1 KB of 100,000 scrolls, 16 clients, against a bare handler", ratio, 0.33, 0.45}, ofSQ, ofBare},
		match{row{"update-redis-16", "the same, against redis with appendfsync always", ratio, 0.8, 1.2}, ofSQ, ofRedis},
		match{row{"update-etcd-16", "the same, against etcd over HTTP", times, 3, 5}, ofSQ, ofEtcd},
	),
	updateSuite(64,
		match{row{"update-64", "the same, 64 clients, against a bare handler", ratio, 0.55, 0.70}, ofSQ, ofBare},
		match{row{"update-redis-64", "the same, against redis with appendfsync always", ratio, 0.8, 1.2}, ofSQ, ofRedis},
		match{row{"update-etcd-64", "the same, against etcd over HTTP", times, 3, 5}, ofSQ, ofEtcd},
		match{row{"insert-64", "insert of 1 KB into one scroll, 64 clients, against that update", ratio, 0.85, 1.0}, ofInsert, ofSQ},
	),
	sizesSuite(
		match{row{"update-million", "update with 1,000,000 scrolls, 16 clients, against 1,000", ratio, 0.85, 1.0}, "update in 1,000,000", "update in 1,000"},
		match{row{"select-million", "select likewise", ratio, 0.85, 0.95}, "select in 1,000,000", "select in 1,000"},
	),
	tenantsSuite(
		match{row{"update-500", "500 tenants written in turn, 16 clients, against one of them", ratio, 0.5, 0.7}, "update of 500", "update of one"},
		match{row{"select-500", "read in turn likewise", ratio, 0.85, 1.0}, "select of 500", "select of one"},
		match{row{"select-500-large", "the same, against one with as many scrolls as the 500", ratio, 0, 0}, "select of 500", "select of a large one"},
	),
	routeSuite(16, row{"route-16", "select through the router, 16 clients, against asking the server directly", ratio, 0, 0}),
	startSuite(500,
		row{"start-500", "start with 500 tenants, to the first scroll that is answered", millis, 100, 50},
	),
	startSuite(100_000,
		row{"start-100000", "start with 100,000 tenants likewise, directories there", seconds, 1.5, 1},
		row{"start-memory", "memory of the process then", megabytes, 150, 100},
	),
	bigSuite(
		row{"first-select", "first select in a phext of 1 GB (1,000,000 scrolls), file in the page cache", seconds, 0.8, 0.5},
		row{"memory-loaded", "memory of that phext over an idle server", megabytes, 60, 40},
		row{"memory-checkpoint", "memory at the most while it is folded", megabytes, 120, 80},
		row{"get", "get of that phext", perSecond, 1.2, 2},
		row{"toc", "toc of that phext, in bytes of the phext", perSecond, 0, 0},
		row{"delta", "delta likewise", perSecond, 0, 0},
		row{"json-export", "json-export likewise", perSecond, 0, 0},
		row{"checkpoint-p99", "p99 of select while it is folded, under 1,000 updates/s, against p99 without", timesMost, 4, 2},
	),
	writtenSuite(row{"written", "bytes written for each byte updated, phext of 100 MB, checkpoints included", timesMost, 5, 3}),
}

// wanted returns the matches whose rows are wanted, and the names of those who
// take part.
func wanted(matches []match, want []row) (chosen []match, parts map[string]bool) {
	parts = map[string]bool{}
	for _, m := range matches {
		for _, r := range want {
			if r.name == m.name {
				chosen = append(chosen, m)
				parts[m.of], parts[m.against] = true, true
			}
		}
	}
	return chosen, parts
}

func rowsOf(matches []match) (rows []row) {
	for _, m := range matches {
		rows = append(rows, m.row)
	}
	return rows
}

// hostScrolls makes a phext "many" for the first tenant, and starts sq and the
// bare server.
func (b *bench) hostScrolls(scrolls int) (h, bare *hosted, err error) {
	config, err := b.tenants(b.data, 1)
	if err != nil {
		return nil, nil, err
	}
	if err := makePhext(filepath.Join(b.data, tenantName(0)), "many", scrolls); err != nil {
		return nil, nil, err
	}
	if h, err = b.host(config); err != nil {
		return nil, nil, err
	}
	if bare, err = b.bare(h, "many"); err != nil {
		h.kill()
		return nil, nil, err
	}
	return h, bare, nil
}

// selectSuite compares reads with those from the bare server.
func selectSuite(clients int, fresh bool, r row) suite {
	matches := []match{{r, ofSQ, ofBare}}
	return suite{rowsOf(matches), func(b *bench, _ []row) ([]figure, error) {
		scrolls := b.scaled(manyScrolls)
		h, bare, err := b.hostScrolls(scrolls)
		if err != nil {
			return nil, err
		}
		defer h.kill()
		defer bare.kill()
		theirs, ours := bare.work("many", scrolls, 1), h.work("many", scrolls, 1)
		theirs.Loose, theirs.Fresh, ours.Fresh = true, fresh, fresh
		all, err := b.contest(clients, map[string]contender{ofSQ: h.doing(ours), ofBare: bare.doing(theirs)})
		if err != nil {
			return nil, err
		}
		return ratios(matches, all, nil), nil
	}}
}

// updateSuite compares durable writes with others.
func updateSuite(clients int, matches ...match) suite {
	return suite{rowsOf(matches), func(b *bench, want []row) ([]figure, error) {
		chosen, parts := wanted(matches, want)
		scrolls := b.scaled(manyScrolls)
		h, bare, err := b.hostScrolls(scrolls)
		if err != nil {
			return nil, err
		}
		defer h.kill()
		defer bare.kill()
		contenders := map[string]contender{
			ofSQ:     h.doing(h.work("many", scrolls, 0)),
			ofBare:   bare.doing(bare.work("many", scrolls, 0)),
			ofInsert: h.inserting(b.ctx, "many"),
		}
		missing := map[string]string{}
		for name := range peers {
			if !parts[name] {
				continue
			}
			p, c, why, err := b.startPeer(name, scrolls)
			if err != nil {
				return nil, err
			}
			if p != nil {
				defer p.kill()
			}
			contenders[name], missing[name] = c, why
		}
		maps.DeleteFunc(contenders, func(name string, c contender) bool { return !parts[name] || c.workers == nil })
		all, err := b.contest(clients, contenders)
		if err != nil {
			return nil, err
		}
		return ratios(chosen, all, missing), nil
	}}
}

// doing returns a contender of a work.
func (h *hosted) doing(w *load.Work) contender {
	return contender{workers: w.Workers, process: h.process}
}

// inserting returns inserts into one scroll of a phext of the first tenant, which
// before each round are made short again.
func (h *hosted) inserting(ctx context.Context, name string) contender {
	w := h.work(name, 1, 0)
	w.Writes = load.Insert
	c := h.doing(w)
	c.before = func() error { return h.work(name, 10, 0).Fill(ctx, 1, nil) }
	return c
}

// sizesSuite compares a large phext with a small one.
func sizesSuite(matches ...match) suite {
	return suite{rowsOf(matches), func(b *bench, want []row) ([]figure, error) {
		chosen, parts := wanted(matches, want)
		config, err := b.tenants(b.data, 1)
		if err != nil {
			return nil, err
		}
		large, small := b.scaled(1_000_000), 1000
		dir := filepath.Join(b.data, tenantName(0))
		if err := errors.Join(makePhext(dir, "large", large), makePhext(dir, "small", small)); err != nil {
			return nil, err
		}
		h, err := b.host(config)
		if err != nil {
			return nil, err
		}
		defer h.kill()
		writes := map[string]contender{
			"update in 1,000,000": h.doing(h.work("large", large, 0)),
			"update in 1,000":     h.doing(h.work("small", small, 0)),
		}
		reads := map[string]contender{
			"select in 1,000,000": h.doing(h.work("large", large, 1)),
			"select in 1,000":     h.doing(h.work("small", small, 1)),
		}
		came, err := b.contestApart(16, parts, reads, writes)
		if err != nil {
			return nil, err
		}
		return ratios(chosen, came, nil), nil
	}}
}

// contestApart has those who take part contend, one group after the other: what
// writes leave to be done would slow the next reads down.
func (b *bench) contestApart(clients int, parts map[string]bool, groups ...map[string]contender) (scores, error) {
	all := scores{}
	for _, group := range groups {
		maps.DeleteFunc(group, func(name string, _ contender) bool { return !parts[name] })
		some, err := b.contest(clients, group)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, some)
	}
	return all, nil
}

// tenantsSuite compares many tenants with one that has as many scrolls as they have
// together, and with one of themselves, whose few fit into a processor's caches.
func tenantsSuite(matches ...match) suite {
	const many, scrolls = 500, 200
	return suite{rowsOf(matches), func(b *bench, want []row) ([]figure, error) {
		chosen, parts := wanted(matches, want)
		together := b.scaled(many * scrolls)
		config, err := b.tenants(b.data, many+1)
		if err != nil {
			return nil, err
		}
		var all []load.Table
		for i := range many + 1 {
			all = append(all, load.Table{Token: tenantToken(i), Phext: "notes"})
			size := scrolls
			if i == many {
				size = together
			}
			if err := makePhext(filepath.Join(b.data, tenantName(i)), "notes", size); err != nil {
				return nil, err
			}
		}
		h, err := b.host(config)
		if err != nil {
			return nil, err
		}
		defer h.kill()
		of := func(what string, reads float64) map[string]contender {
			work := func(tables []load.Table, scrolls int) contender {
				w := h.work("", scrolls, reads)
				w.Tables = tables
				return h.doing(w)
			}
			return map[string]contender{
				what + " of 500":         work(all[:many], scrolls),
				what + " of one":         work(all[:1], scrolls),
				what + " of a large one": work(all[many:], together),
			}
		}
		reads, writes := of("select", 1), of("update", 0)
		came, err := b.contestApart(16, parts, reads, writes)
		if err != nil {
			return nil, err
		}
		return ratios(chosen, came, nil), nil
	}}
}
