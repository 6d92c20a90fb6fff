package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/tenant"
)

// What v0.5.5 says of a daemon.
const (
	shutdownBegun = "Shutdown Initiated."
	shutdownDone  = "SQ Shutdown Complete."
)

// daemon serves the folder of one phext on a socket in the current folder.
type daemon struct {
	settings settings
	file     string // absolute
	phext    sq.PhextName
	web      bool // with the pages, on a port

	about daemonAbout
	end   context.CancelFunc // begins the end

	mu      sync.Mutex // guards what follows
	waiting []net.Conn // of those who asked for the end, and wait for it
}

// newDaemon returns the daemon for a file, which need not exist. A link leads to
// the file that is meant.
func newDaemon(file string) (*daemon, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if meant, err := filepath.EvalSymlinks(path); err == nil {
		path = meant
	}
	folder, base := filepath.Split(path)
	stem, isPhext := strings.CutSuffix(base, ".phext")
	if !isPhext {
		return nil, usage("a phext NAME is the file NAME.phext", "%q does not end in .phext", file)
	}
	name, err := sq.ParsePhextName(stem)
	if err != nil {
		return nil, usage("a phext NAME is the file NAME.phext", "%q: %w", file, err)
	}
	d := &daemon{file: path, phext: name}
	// The key is none: the socket is for its user alone.
	d.settings = settings{dataDir: filepath.Clean(folder), listen: loopback, logFormat: "text", observed: observed{metricsTenants: 1}, more: d.routes()}
	return d, nil
}

// registerDaemonLog registers the flag of the log. A daemon shares the terminal of
// its user, so it says little.
func registerDaemonLog(f *pflag.FlagSet, level *string) {
	f.StringVar(level, "log-level", "warn", "the least `level` that is logged on standard error: debug, info, warn or error")
}

// start runs the daemon with what its command was told.
func (d *daemon) start(ctx context.Context, level string, out outside) error {
	d.settings.logLevel = level
	if err := d.settings.checkLog(nil); err != nil {
		return err
	}
	return d.run(ctx, out)
}

// run serves until a signal, ctx or a request ends it.
func (d *daemon) run(ctx context.Context, out outside) (err error) {
	// nohup(1) has a program go on when its terminal goes.
	stays := signal.Ignored(syscall.SIGHUP)
	received, stop := out.signals()
	defer stop()
	log := newLogger(out.stderr, d.settings.logFormat, d.settings.logLevel)
	ctx, d.end = context.WithCancel(ctx)
	defer d.end()
	if err := d.checkFolder(); err != nil {
		return err
	}
	place, err := takePlace(ctx, d.who())
	if err != nil {
		return err
	}
	defer func() { d.farewell(out.stdout, err) }()
	defer func() { err = errors.Join(err, place.close()) }()
	return d.serve(ctx, place, out, log, received, func() {
		if !stays {
			d.end()
		}
	})
}

// checkFolder refuses a file in a folder that there is none of.
func (d *daemon) checkFolder() error {
	info, err := os.Stat(d.settings.dataDir)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return hinted(err, "the folder has to be there; the file is made by the first write")
}

// who says who has the folder, and who serves the phext, to others who want to.
func (d *daemon) who() string { return fmt.Sprintf("process %d, %s", os.Getpid(), d.file) }

// serve opens what is served, and where, and serves it.
func (d *daemon) serve(ctx context.Context, place *daemonPlace, out outside, log *slog.Logger, received <-chan os.Signal, hangUp func()) error {
	live := tenant.Fixed(tenant.Single("", d.settings.dataDir))
	door, err := d.settings.tls.door("", log)
	if err != nil {
		return err
	}
	defer door.close()
	service := newService(d.settings, live, log, d.who(), true, &foundingProgramme{})
	service.door, service.manager, service.hangUp = door, newManager(out.lookup, log), hangUp
	listeners, err := d.open(ctx, service, place, out, log)
	if err != nil {
		return errors.Join(err, service.fold(ctx))
	}
	service.lost = func(ctx context.Context) error { return place.lost(ctx, d.file) }
	return service.run(ctx, listeners, received)
}

// open opens the phext, and listens. Whoever finds the socket can be served.
func (d *daemon) open(ctx context.Context, service *service, place *daemonPlace, out outside, log *slog.Logger) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	scrolls, err := d.look(ctx, service.engine.Store(d.settings.dataDir))
	if err != nil {
		return nil, err
	}
	if d.web {
		l, err := d.settings.open(func(string) (string, bool) { return "", false })
		if errors.Is(err, syscall.EADDRINUSE) {
			err = hinted(err, "stop the program that listens there, or take another port, as in sq basic --port 8080")
		}
		if err != nil {
			return listeners, err
		}
		listeners = append(listeners, l)
		d.settings.port = uint16(l.Addr().(*net.TCPAddr).Port)
	}
	d.about = daemonAbout{Process: os.Getpid(), Name: string(d.phext), File: d.file, Version: sq.Version, Started: time.Now(), Web: pagesAt(listeners)}
	l, err := place.listen(log)
	if err != nil {
		return listeners, err
	}
	d.announce(out.stdout, scrolls, log)
	return append(listeners, l), nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// pagesAt returns the address of the pages; empty when there are none.
func pagesAt(listeners []net.Listener) string {
	if len(listeners) == 0 {
		return ""
	}
	return "http://" + listeners[0].Addr().String() + "/"
}

// look counts the scrolls of the phext, if it can be read and nobody else serves
// it.
func (d *daemon) look(ctx context.Context, store sq.Store) (scrolls int, err error) {
	s, err := store.Snapshot(ctx, d.phext)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return s.Scrolls(), hinted(s.Err(), "sq check tells more, and sq check --repair mends it, with a copy kept")
}

// announce prints what v0.5.5 does, and where the pages are.
func (d *daemon) announce(w io.Writer, scrolls int, log *slog.Logger) {
	text := fmt.Sprintf("Operating in daemon mode.\nSQ v%s\nLoading %s into memory...\nServing %d scrolls.\n", sq.Version, d.file, scrolls)
	if d.about.Web != "" {
		text += fmt.Sprintf("Listening on port %d...\nEditor on %s\n", d.settings.port, d.about.Web)
	}
	if _, err := io.WriteString(w, text); err != nil {
		log.Warn("standard output cannot be written; the daemon goes on", "error", err)
	}
}

// routes are what a daemon answers beside the phexts: on its socket who it is and
// the request to end.
func (d *daemon) routes() []api.Route {
	return []api.Route{
		{Path: daemonPath, Name: "daemon", Quiet: true, Methods: map[string]api.Action{http.MethodGet: onSocket(d.tell)}},
		{Path: shutdownPath, Name: "daemon-shutdown", Methods: map[string]api.Action{http.MethodPost: onSocket(d.shutdown)}},
	}
}

// onSocket answers on the socket alone. Any page of the web, and any user of the
// machine, can ask on a port.
func onSocket(answer api.Action) api.Action {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); !ok {
			return sq.Errorf(sq.NotFound, "Not Found")
		}
		return answer(w, r)
	}
}

// tell answers what the daemon serves.
func (d *daemon) tell(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(d.about)
}

// shutdown begins the end. The answer ends with the daemon: its last line says how
// that went. The connection is kept out of the requests under way, which are
// finished first.
func (d *daemon) shutdown(w http.ResponseWriter, _ *http.Request) error {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.waiting = append(d.waiting, c)
	d.mu.Unlock()
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"+shutdownBegun+"\n") // who does not read it gets the end all the same
	d.end()
	return nil
}

// farewell tells those who wait for the end how it went.
func (d *daemon) farewell(w io.Writer, err error) {
	text := shutdownDone
	if err == nil && !d.about.Started.IsZero() {
		fmt.Fprintf(w, "Returning to the shell...\n%s\n", shutdownDone) // nobody may be there to read it
	}
	if err != nil {
		text = err.Error()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.waiting {
		c.SetDeadline(time.Now().Add(time.Second))
		io.WriteString(c, text+"\n") // who is gone does not wait
		c.Close()
	}
}
