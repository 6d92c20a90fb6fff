package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/route"
)

// routeUntilEnd hands requests on until a signal or ctx ends it.
func routeUntilEnd(ctx context.Context, s routeSettings, out outside) error {
	received, stop := out.signals()
	defer stop()
	defer collectLess(out.lookup)()
	log := newLogger(out.stderr, s.door.logFormat, s.door.logLevel)
	door, err := s.door.tls.door(s.door.listen, log)
	if err != nil {
		return err
	}
	defer door.close()
	l, err := s.door.open(out.lookup)
	if err != nil {
		return err
	}
	defer l.Close()
	watched, err := s.listenMetrics()
	if err != nil {
		return err
	}
	defer watched.Close()
	f := &forwarder{settings: s, log: log, door: door, manager: newManager(out.lookup, log), watched: watched}
	if err := f.open(l); err != nil {
		return err
	}
	s.announce(out.stdout, f.router, l, log)
	return f.run(ctx, l, received)
}

// collectLess has garbage collected less often, unless GOGC says how often, and
// returns what undoes it. A router holds a few megabytes and throws away some tens of
// kilobytes with each request: otherwise a fifth of its time goes into looking through
// what little it holds.
func collectLess(lookup func(string) (string, bool)) (undo func()) {
	if _, said := lookup("GOGC"); said {
		return func() {}
	}
	before := debug.SetGCPercent(800)
	return func() { debug.SetGCPercent(before) }
}

// listenMetrics opens the listener for who watches; one that nobody can reach where
// there is none.
func (s *routeSettings) listenMetrics() (net.Listener, error) {
	if s.metricsListen == "" {
		return noListener{}, nil
	}
	l, err := net.Listen("tcp", s.metricsListen)
	if err != nil {
		return nil, hinted(fmt.Errorf("--metrics-listen: %w", err), "name an address of this machine, and a port that is free")
	}
	return l, nil
}

// noListener is a listener that is not there.
type noListener struct{}

func (noListener) Accept() (net.Conn, error) { return nil, http.ErrServerClosed }
func (noListener) Close() error              { return nil }
func (noListener) Addr() net.Addr            { return nil }

// announce prints that the router listens. Programs read the last line.
func (s *routeSettings) announce(w io.Writer, r *route.Router, l net.Listener, log *slog.Logger) {
	tokens, backends := r.Count()
	lines := []string{
		fmt.Sprintf("SQ v%s - Router", sq.Version),
		fmt.Sprintf("Loaded %s for %s from %s", count(tokens, "token"), count(backends, "backend"), s.door.config),
		fmt.Sprintf("Listening on port %d...", l.Addr().(*net.TCPAddr).Port),
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		log.Warn("standard output cannot be written; the router goes on", "error", err)
	}
}

// forwarder is a router with what it stands on, from its start to its end.
type forwarder struct {
	settings  routeSettings
	log       *slog.Logger
	door      *door
	manager   *manager
	watched   net.Listener
	readiness readiness
	router    *route.Router
	front     *api.Front
}

// open introduces router and connections to each other.
func (f *forwarder) open(l net.Listener) (err error) {
	own := []uint16{uint16(l.Addr().(*net.TCPAddr).Port)}
	if addr, ok := f.watched.Addr().(*net.TCPAddr); ok {
		own = append(own, uint16(addr.Port))
	}
	f.router, err = route.Open(f.settings.door.config, route.Options{
		Own:            own,
		Token:          api.TokenOf,
		WrongToken:     func(r *http.Request) bool { return f.front.WrongToken(r) },
		MayAsk:         api.MayAsk,
		Ready:          f.readiness.ready,
		TrustForwarded: f.settings.trustForwarded,
		Logger:         f.log,
		AccessLog:      f.settings.accessLog,
		HealthEvery:    f.settings.healthEvery,
		HealthPatience: f.settings.healthPatience,
		Connections:    func() (open, idle, most int) { return f.front.Connections() },
	})
	if errors.Is(err, os.ErrNotExist) {
		return hinted(err, "sq route CONFIG PORT names the file; sq help route shows what stands in it")
	}
	if err != nil {
		return err
	}
	f.front = api.NewFront(api.FrontOptions{
		Handler: f.router, Refuse: f.router.Refuse, Logger: f.log,
		Limits: api.Limits{GuessDelay: mostGuessDelay},
	})
	return nil
}

// run serves on l until a signal or ctx asks for the end, or serving fails. When it
// returns, all that it started has ended, unless someone was in a hurry.
func (f *forwarder) run(ctx context.Context, l net.Listener, received <-chan os.Signal) error {
	watching, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	defer endWatch()
	metrics := f.metrics()
	var work sync.WaitGroup
	work.Go(func() { f.router.Watch(watching) })
	work.Go(func() { f.door.keep(watching) })
	work.Go(func() { f.manager.guard(watching, l) })
	work.Go(func() { metrics.Serve(f.watched) })
	served := make(chan error, 1)
	work.Go(func() { served <- f.front.Serve(f.door.listener(l)) })

	state := "Routing on " + l.Addr().String()
	f.manager.ready(state)
	err := attend(ctx, received, served, f.log, func() { f.hangUp(state) })
	f.manager.ending("finishing requests")
	return errors.Join(err, windUp(received, "requests under way were cut off", func(ctx context.Context) error {
		if err == nil {
			f.settings.door.drain(ctx, &f.readiness, f.log)
		}
		f.finishRequests(ctx)
		metrics.Close()
		endWatch()
		work.Wait()
		f.router.Close()
		f.log.Info("ended")
		return nil
	}))
}

// metrics is the server for who watches.
func (f *forwarder) metrics() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", f.router.Metrics())
	return &http.Server{
		Handler: mux, ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
		ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
}

// hangUp is SIGHUP: all that people change in files is read again.
func (f *forwarder) hangUp(state string) {
	f.manager.reloading()
	f.door.renew()
	if err := f.router.Reload(); err != nil {
		f.log.Error("configuration not reloaded; what was loaded before stays in force", "error", err)
		state += "; the configuration was not reloaded, see the log"
	}
	f.manager.ready(state)
}

// finishRequests lets the requests under way end, and streams at once: they would
// go on for as long as somebody listens.
func (f *forwarder) finishRequests(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, requestsEnd)
	defer cancel()
	f.router.EndStreams()
	if err := f.front.Shutdown(ctx); err != nil {
		f.log.Warn("requests were cut off", "after", requestsEnd, "error", err)
	}
}
