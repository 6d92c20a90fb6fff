package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/tenant"
)

const (
	usageSuffix = ".usage" // behind the name of the configuration
	usageEvery  = time.Minute
)

// usageFile is where the requests of a day are kept, so that a restart gives no
// tenant a second day. It is written where a tenant has a limit for the day:
// every minute, and at the end.
type usageFile struct {
	path   string // empty: nothing is kept
	log    *slog.Logger
	failed bool // that was told
}

func registerUsage(f *pflag.FlagSet, path *string) {
	f.StringVar(path, "usage-file", "", "many tenants: the `file` that keeps the requests of the day through a restart (default the name of --config and "+usageSuffix+")")
}

// usageFile returns the file that keeps what tenants use.
func (s *settings) usageKept(log *slog.Logger) *usageFile {
	switch {
	case !s.many():
		return &usageFile{log: log}
	case s.usage != "":
		return &usageFile{path: s.usage, log: log}
	}
	return &usageFile{path: s.config + usageSuffix, log: log}
}

// read returns what was kept. Where nothing can be read tenants begin anew.
func (f *usageFile) read() map[string]api.Usage {
	var used map[string]api.Usage
	if f.path == "" {
		return nil
	}
	text, err := os.ReadFile(f.path)
	if err == nil {
		err = json.Unmarshal(text, &used)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.log.Warn("the requests of the day are counted anew", "file", f.path, "error", err)
		return nil
	}
	return used
}

// keepUsage writes the file every minute until ctx is done, and then once more.
func (v *service) keepUsage(ctx context.Context) {
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for done := false; !done; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			done = true
		}
		v.saveUsage()
	}
}

// saveUsage writes the file, and tells of the first failure in a row.
func (v *service) saveUsage() {
	f, limited := v.usage, false
	registry := v.live.Current()
	for _, t := range registry.Tenants() {
		limited = limited || t.RequestsPerDay > 0
	}
	used := v.api.Used(func(tenant string) bool { _, ok := registry.Tenant(tenant); return ok })
	if f.path == "" || !limited {
		return
	}
	err := f.write(used)
	if err != nil && !f.failed {
		f.log.Warn("the requests of the day would not survive a restart; check the folder, or name another with --usage-file", "file", f.path, "error", err)
	}
	f.failed = err != nil
}

// write puts a new file in the place of the old one.
func (f *usageFile) write(used map[string]api.Usage) error {
	text, err := json.Marshal(used)
	if err != nil {
		return err
	}
	return tenant.WriteFile(f.path, append(text, '\n'), true)
}

// Usage is that of admin.Usage.
func (v *service) Usage(name string) (storage, callsToday int64, last time.Time) {
	if a, ok := v.live.Current().Config().Account(name); ok {
		storage = v.engine.Used(a.Tenant.DataDir)
	}
	callsToday, last = v.api.Usage(name)
	return storage, callsToday, last
}
