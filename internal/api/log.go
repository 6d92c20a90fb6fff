package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// id returns the name of the call in the log and in X-Request-Id. It is random: a
// number would tell a tenant how many requests others make. Most calls need none.
func (c *call) id() string {
	if c.named == "" {
		const letters = 16 // of 5 bits each
		c.named = strings.ToLower(rand.Text()[:letters])
	}
	return c.named
}

// logLine writes the line of the call. What the client chose freely is not in
// it: no query, no path, no token, no text.
func (c *call) logLine(duration time.Duration) {
	ctx, l, level := context.Background(), c.server.log, slog.LevelDebug
	if c.server.AccessLog && !c.quiet {
		level = slog.LevelInfo
	}
	if !l.Enabled(ctx, level) {
		return
	}
	l.LogAttrs(ctx, level, "request",
		slog.String("request", c.id()),
		slog.String("method", knownMethod(c.request.Method)),
		slog.String("endpoint", c.name),
		slog.String("tenant", c.tenant.Name),
		slog.Int("status", c.reply.status),
		slog.Int64("bytes", c.reply.bytes),
		slog.Duration("duration", duration),
		slog.String("remote", c.request.RemoteAddr),
		slog.String("client", addressOf(c.request)),
		slog.Bool("broken", c.broken))
}

// addressOf returns the address of the client, as far as it is to be believed (see
// client); empty where there is none, as with a socket in the file system.
func addressOf(r *http.Request) string {
	if a := client(r); a.IsValid() {
		return a.Unmap().WithZone("").String()
	}
	return ""
}

func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions,
		http.MethodPatch, http.MethodTrace, http.MethodConnect:
		return m
	}
	return "other"
}

// errorLog hands net/http's complaints on. They are about clients, who can cause
// as many as they like, except where accepting fails.
type errorLog struct{ to *slog.Logger }

func newErrorLog(to *slog.Logger) *log.Logger { return log.New(errorLog{to}, "", 0) }

func (e errorLog) Write(p []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(p, []byte("http: Accept error")) {
		level = slog.LevelWarn
	}
	e.to.Log(context.Background(), level, "http", slog.String("message", string(bytes.TrimSpace(p))))
	return len(p), nil
}
