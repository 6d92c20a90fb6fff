package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/metrics"
	"github.com/wbic16/sq-go/internal/tenant"
)

// How long the end may take: requests under way, then folding the journals.
const (
	requestsEnd = 30 * time.Second
	foldingEnd  = 30 * time.Second
)

// service is a server with what it stands on, from its start to its end.
type service struct {
	log       *slog.Logger
	live      *tenant.Live
	engine    *disk.Engine
	api       *api.Server
	usage     *usageFile
	door      *door
	manager   *manager
	readiness readiness
	metrics   *metrics.Metrics
	founding  *foundingProgramme
	hangUp    func() // at SIGHUP; nil: all that people change in files is read again
	mesh      *meshHost
	lost      func(context.Context) error // nil, or waits for a reason to end; none when its context ends
	observed
	durability durabilitySettings
}

// run serves on listeners until a signal or ctx asks for the end, or serving fails.
// When it returns, all that it started has ended, unless someone was in a hurry.
func (v *service) run(ctx context.Context, listeners []net.Listener, received <-chan os.Signal) error {
	watching, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	defer endWatch()
	var work sync.WaitGroup
	work.Go(func() { v.live.Watch(watching) })
	work.Go(func() { v.keepUsage(watching) })
	work.Go(func() { v.mesh.run(watching) })
	served := make(chan error, len(listeners)+1)
	work.Go(func() { v.door.keep(watching) })
	work.Go(func() { v.manager.guard(watching, listeners[0]) })
	for _, l := range listeners {
		work.Go(func() { served <- v.api.Serve(v.door.listener(l)) })
	}

	state := "Serving on " + listeners[0].Addr().String()
	v.manager.ready(state)
	if v.hangUp == nil {
		v.hangUp = func() { v.renew(state) }
	}
	attending, endAttention := context.WithCancel(ctx)
	work.Go(func() {
		if v.lost == nil {
			return
		}
		if err := v.lost(attending); err != nil {
			served <- err
		}
	})
	err := attend(ctx, received, served, v.log, v.hangUp)
	endAttention()
	v.manager.ending("finishing requests and folding journals")
	return errors.Join(err, windUp(received, "nothing that was answered is lost; the next start folds the journals", func(ctx context.Context) error {
		if err == nil {
			v.drain(ctx, &v.readiness, v.log)
		}
		v.finishRequests(ctx)
		endWatch()
		work.Wait()
		err := v.fold(ctx)
		v.log.Info("ended")
		return err
	}))
}

// attend handles signals until one asks for the end: hangUp is what SIGHUP asks
// for. The error is that of serving.
func attend(ctx context.Context, received <-chan os.Signal, served <-chan error, log *slog.Logger, hangUp func()) error {
	for {
		select {
		case s := <-received:
			if s != syscall.SIGHUP {
				log.Info("ending", "signal", s.String())
				return nil
			}
			hangUp()
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// renew reads all again that people change in files. The state is what a service
// manager is told.
func (v *service) renew(state string) {
	v.manager.reloading()
	v.door.renew()
	if err := v.reload(); err != nil {
		v.log.Error("configuration not reloaded; what was loaded before stays in force", "error", err)
		state += "; the configuration was not reloaded, see the log"
	}
	v.manager.ready(state)
}

// reload reads the configuration again. The caller logs its error.
func (v *service) reload() error {
	if err := v.live.Reload(); err != nil {
		return err
	}
	v.founding.reread()
	v.log.Info("configuration reloaded", "tenants", len(v.live.Current().Tenants()))
	return nil
}

// windUp has work done at the end of a server, and does not wait for it when
// another signal asks to leave at once. The hint says what becomes of the rest.
func windUp(received <-chan os.Signal, hint string, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-received:
			if s != syscall.SIGHUP {
				return hinted(fmt.Errorf("left at once after a second signal (%v)", s), hint)
			}
		}
	}
}

// finishRequests lets the requests under way end.
func (v *service) finishRequests(ctx context.Context) {
	v.founding.endStreams()
	ctx, cancel := context.WithTimeout(ctx, requestsEnd)
	defer cancel()
	if err := v.api.Shutdown(ctx); err != nil {
		v.log.Warn("requests were cut off", "after", requestsEnd, "error", err)
	}
}

// fold closes the engine. What it has no time for is folded by the next start.
func (v *service) fold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, foldingEnd)
	defer cancel()
	err := v.engine.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		v.log.Warn("journals are left to be folded by the next start", "after", foldingEnd, "error", err)
		return nil
	}
	if err != nil {
		return hinted(fmt.Errorf("fold the journals: %w", err), "nothing that was answered is lost; the next start folds them")
	}
	return nil
}
