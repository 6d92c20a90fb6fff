package tenant

import (
	"context"

	"github.com/wbic16/sq-go/internal/configfile"
)

// Watch reloads when the file has changed, for as long as the configuration in
// force has ReloadOnChange, and logs how that went. It returns when ctx is done;
// the caller runs it in a goroutine of its own and waits for it. What counts as a
// change is said at configfile.Watcher.
func (l *Live) Watch(ctx context.Context) { l.watcher().Watch(ctx) }

func (l *Live) watcher() *configfile.Watcher {
	return &configfile.Watcher{
		Path:     l.path,
		Wanted:   func() bool { return l.path != "" && l.Current().config.ReloadOnChange },
		LastRead: l.lastRead,
		Reload: func() error {
			err := l.Reload()
			if err == nil {
				l.log.Info("configuration reloaded", "file", l.path, "tenants", len(l.Current().tenants))
			}
			return err
		},
		Log: l.log,
	}
}
