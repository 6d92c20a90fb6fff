package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/backup"
)

const (
	// mostBackups is how many backups may be sent at once. Each holds snapshots, and
	// with them files.
	mostBackups = 2
	// sinceBytes is how long the manifest may be that a backup is to be against.
	sinceBytes = 64 << 20
)

// backupRoute serves backups to the administration: GET sends a full one, and POST of
// a MANIFEST.json what changed since that.
//
//	GET /api/v2/admin/backup?tenant=NAME&skip-unreadable=true
//
// Each is recorded, also one that is refused or breaks off.
func (v *service) backupRoute(record recorder) api.Route {
	slots := make(chan struct{}, mostBackups)
	limited := func(w http.ResponseWriter, r *http.Request) error {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			return sq.Errorf(sq.Busy, "%d backups are under way already, try again later", mostBackups)
		}
		return v.sendBackup(w, r)
	}
	action := func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead { // nothing is handed out
			return limited(w, r)
		}
		return record(r, "backup", func() (string, error) { return r.URL.Query().Get("tenant"), limited(w, r) })
	}
	return api.Route{
		Path: "/api/v2/admin/backup", Name: "admin-backup", Right: api.Administration, MostBody: sinceBytes,
		Methods: map[string]api.Action{http.MethodGet: action, http.MethodPost: action},
	}
}

func (v *service) sendBackup(w http.ResponseWriter, r *http.Request) error {
	only, o, err := backupAsked(r)
	if err != nil {
		return err
	}
	config := v.live.Current().Config()
	if _, err := chooseTenants(config, only); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.tar"`, backupName(only, time.Now())))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	// What fails before the first piece is sent is answered as an error.
	sent := &counted{w: w}
	buffered := bufio.NewWriterSize(sent, 64<<10)
	m, err := writeBackup(r.Context(), buffered, config, only, v.storeOf, o)
	if err != nil {
		if sent.n.Load() > 0 && buffered.Flush() == nil {
			http.NewResponseController(w).Flush() // the reason arrives before the connection breaks
		}
		return err
	}
	for _, flaw := range m.Flaws() {
		v.log.Warn("a backup is not complete", "phext", flaw)
	}
	return buffered.Flush()
}

func (v *service) storeOf(t sq.Tenant) sq.Store { return v.engine.Store(t.DataDir) }

// backupName is what a file with the backup may be called. The name of a tenant was
// found in the configuration.
func backupName(only string, now time.Time) string {
	name := "sq-backup"
	if only != "" {
		name += "-" + only
	}
	return name + now.UTC().Format("-20060102T150405Z")
}

// backupAsked returns which tenant is to be backed up, and how.
func backupAsked(r *http.Request) (only string, o backup.Options, err error) {
	query := r.URL.Query()
	for name := range query {
		if name != "tenant" && name != "skip-unreadable" {
			return "", o, sq.Errorf(sq.Invalid, "there is no parameter %q; tenant and skip-unreadable are known", name)
		}
	}
	if only = query.Get("tenant"); only == "" && query.Has("tenant") {
		return "", o, sq.Errorf(sq.Invalid, "tenant: is empty; leave it out for all tenants")
	}
	if skip := query.Get("skip-unreadable"); skip != "" {
		if o.SkipUnreadable, err = strconv.ParseBool(skip); err != nil {
			return "", o, sq.Errorf(sq.Invalid, "skip-unreadable: is %q; true or false is wanted", skip)
		}
	}
	if r.Method == http.MethodPost {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return "", o, err
		}
		if o.Since, err = backup.ParseManifest(text); err != nil {
			return "", o, err
		}
	}
	return only, o, nil
}
