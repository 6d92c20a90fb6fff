package founding

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go/internal/vfs"
)

// SiteOptions is what a Site may be told. All of it is optional.
type SiteOptions struct {
	// PaymentLink is where the page's button leads. Without it there is none.
	PaymentLink string
	// LinkID is Stripe's name of the payment link: payments by others are ignored.
	// Empty: each payment that Stripe tells of is for a slot.
	LinkID string
	// Secrets are those that Stripe signs with. Without them every message of
	// Stripe's is refused.
	Secrets []string
	// Listeners is how many may listen to events at once; 0 stands for 1,000, or
	// an eighth of the files that the process may have open where that is less.
	Listeners int
	// Heartbeat is how often a stream says that it lives; 0 stands for 10 s. It
	// must be shorter than a reply may stand still.
	Heartbeat time.Duration
	// Record does what an administrator asks for, and keeps that it was done or refused,
	// and for which tenant. What it returns an error for was not done, or is that error.
	Record func(r *http.Request, claim func() (tenant string, err error)) error
	// Logger gets what an operator should know.
	Logger *slog.Logger
}

// Site is a Programme in HTTP. Its methods that take a request answer it, or return
// an error of package sq before anything was sent. Goroutines share it; it
// starts none.
type Site struct {
	SiteOptions
	programme *Programme
	secrets   atomic.Pointer[[]string]
	complaint atomic.Int64 // when a message that does not verify was logged, in Unix seconds
}

// NewSite returns the site of a programme, which it does not close.
func NewSite(p *Programme, o SiteOptions) *Site {
	o.Listeners = cmp.Or(o.Listeners, min(1000, max(vfs.MaxOpenFiles()/8, 1)))
	o.Heartbeat = cmp.Or(o.Heartbeat, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Record == nil {
		o.Record = func(_ *http.Request, claim func() (string, error)) error { _, err := claim(); return err }
	}
	s := &Site{SiteOptions: o, programme: p}
	s.SetSecrets(o.Secrets)
	return s
}

// SetSecrets has messages be verified with other secrets from now on.
func (s *Site) SetSecrets(secrets []string) { s.secrets.Store(&secrets) }

// The values of headers.
const (
	jsonType   = "application/json"
	eventsType = "text/event-stream"
)

// sendJSON answers with a value as JSON.
func sendJSON(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	_, err = w.Write(append(text, '\n'))
	return err
}
