package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/backup"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

// restorable says whether a configuration would load.
func restorable(text []byte, path string) error {
	_, err := tenant.Parse(text, path)
	return err
}

// destination is where a tenant of the backup goes.
type destination struct {
	listed *backup.Listed
	dir    string
	placer *disk.Placer
	same   map[sq.PhextName]bool // there already
	report restoredTenant
}

// toPlaces restores phexts. Until the last of them is staged nothing changes but for
// journals that are folded.
func (x *restorer) toPlaces(ctx context.Context) (err error) {
	all, registry, err := x.destinations()
	if err != nil {
		return err
	}
	if !x.dryRun {
		if err := tenant.PrepareDirs(registry, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	defer func() {
		for _, d := range all {
			if d.placer != nil {
				err = errors.Join(err, d.placer.Close())
			}
		}
	}()
	if err := x.lookAll(ctx, all); err != nil || x.dryRun {
		return err
	}
	if err := x.stageAll(ctx, all); err != nil {
		return hinted(err, "no phext was changed")
	}
	return x.placeAll(all)
}

// destinations returns where each tenant goes, and a registry of those.
func (x *restorer) destinations() ([]*destination, *tenant.Registry, error) {
	chosen := x.chain.Last().Tenants
	if x.tenant != "" {
		one := x.chain.Last().Tenant(x.tenant)
		if one == nil {
			return nil, nil, fmt.Errorf("the backup has no tenant %q; it has %s", x.tenant, names(chosen))
		}
		chosen = []backup.Listed{*one}
	}
	if x.dataDir != "" {
		if len(chosen) != 1 {
			return nil, nil, usage("pick one with --tenant", "--data-dir is for one tenant, and the backup has %d: %s", len(chosen), names(chosen))
		}
		return []*destination{{listed: &chosen[0], dir: x.dataDir}}, tenant.Single("", x.dataDir), nil
	}
	return x.configured(chosen)
}

func names(tenants []backup.Listed) string {
	const most = 10
	var all []string
	for _, t := range tenants[:min(len(tenants), most)] {
		all = append(all, t.Name)
	}
	if len(tenants) > most {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

// configured finds the directories in the configuration.
func (x *restorer) configured(chosen []backup.Listed) ([]*destination, *tenant.Registry, error) {
	config, err := tenant.Load(x.config)
	if err != nil {
		return nil, nil, err
	}
	dirs := map[string]configuredTenant{}
	for _, t := range eachTenant(config) {
		dirs[t.Name] = t
	}
	var all []*destination
	used := &tenant.Config{}
	for i := range chosen {
		t, ok := dirs[chosen[i].Name]
		if !ok {
			return nil, nil, hinted(fmt.Errorf("the configuration has no tenant %q, which the backup has", chosen[i].Name),
				"add it, or pick a tenant with --tenant; --config-out writes the configuration that the backup has")
		}
		if chosen[i].Absent {
			continue
		}
		all = append(all, &destination{listed: &chosen[i], dir: t.DataDir})
		used.Entries = append(used.Entries, tenant.Entry{Token: tenant.HashToken(t.Name), Tenant: t.Tenant, Enabled: true})
	}
	return all, tenant.New(used), nil
}

// lookAll opens the directories, and looks at what is in the places of the phexts.
func (x *restorer) lookAll(ctx context.Context, all []*destination) error {
	var conflicts []string
	for _, d := range all {
		if err := x.open(ctx, d); err != nil {
			return fmt.Errorf("tenant %q: %w", d.listed.Name, err)
		}
		differ, err := x.look(ctx, d)
		if err != nil {
			return fmt.Errorf("tenant %q: %w", d.listed.Name, err)
		}
		conflicts = append(conflicts, differ...)
	}
	if len(conflicts) == 0 || x.force || x.dryRun {
		return nil
	}
	const most = 10
	what := strings.Join(conflicts[:min(len(conflicts), most)], ", ")
	if len(conflicts) > most {
		what += fmt.Sprintf(" and %d more", len(conflicts)-most)
	}
	return hinted(fmt.Errorf("there already, and not as in the backup: %s; nothing was changed", what),
		"--force replaces them, and keeps the old ones in .sq/trash")
}

func (x *restorer) open(ctx context.Context, d *destination) (err error) {
	if x.dryRun {
		d.placer, err = disk.PeekPlacer(d.dir)
	} else {
		d.placer, err = disk.OpenPlacer(ctx, d.dir)
	}
	return err
}

// look returns the paths of the phexts that differ from those in the backup.
func (x *restorer) look(ctx context.Context, d *destination) (differ []string, err error) {
	d.same = map[sq.PhextName]bool{}
	d.report = restoredTenant{Name: d.listed.Name, Dir: d.dir}
	for i, p := range d.listed.Phexts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in, err := d.placer.Look(p.Name)
		switch {
		case err != nil:
			return nil, err
		case !in.Exists:
			d.report.New++
		case !in.Pending && in.Bytes == p.Bytes && in.Checksum == p.Checksum:
			d.same[p.Name] = true
			d.report.Same++
			continue
		default:
			d.report.Replaced++
			differ = append(differ, d.listed.Name+"/"+string(p.Name))
		}
		d.report.Bytes += p.Bytes
		x.bar.show("looking at %s: %d of %d phexts", d.dir, i+1, len(d.listed.Phexts))
	}
	if x.dryRun {
		x.report.Tenants = append(x.report.Tenants, d.report)
	}
	return differ, nil
}

// stageAll writes the phexts beside their places.
func (x *restorer) stageAll(ctx context.Context, all []*destination) error {
	byName := map[string]*destination{}
	for _, d := range all {
		byName[d.listed.Name] = d
	}
	want := func(name string, p backup.Phext) (io.Writer, func() error, error) {
		d := byName[name]
		if d == nil || d.same[p.Name] {
			return nil, nil, nil
		}
		s, err := d.placer.Stage(p.Name, x.force)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Done, nil
	}
	for i, a := range x.archives {
		err := a.read(func(r io.Reader, done *atomic.Int64) error {
			return x.chain.Extract(ctx, i, r, want, a.shows(x.bar, "restoring from", done))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// placeAll puts the phexts in their places.
func (x *restorer) placeAll(all []*destination) error {
	for i, d := range all {
		if err := d.placer.Place(); err != nil {
			return hinted(fmt.Errorf("tenant %q: %d of its phexts are restored, and no more: %w", d.listed.Name, d.placer.Placed(), err),
				"run it again: what is restored stays, and the rest follows")
		}
		x.report.Tenants = append(x.report.Tenants, d.report)
		x.bar.show("restoring: %d of %s", i+1, count(len(all), "tenant"))
	}
	return nil
}
