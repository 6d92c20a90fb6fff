package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Act is something that an administrator did, or was refused. It holds no token.
type Act struct {
	Time      time.Time `json:"time"`
	Remote    string    `json:"remote"`                  // the address that asked, or the user of this machine
	Forwarded string    `json:"forwarded_for,omitempty"` // for whom, as the one that asked says
	Action    string    `json:"action"`                  // add, set, disable, rotate, finish rotation, reload, backup, claim
	Tenant    string    `json:"tenant,omitempty"`        // empty where there is none of that name, or all are meant
	Change    any       `json:"change,omitempty"`        // what was asked for, unless it makes no sense
	Result    string    `json:"result"`                  // done, or the code of the error
}

// Do does what a request asks for and records it, done or refused. What cannot be
// recorded is not done.
func (a *Audit) Do(r *http.Request, action, id string, change any, do func() error) error {
	return a.DoFor(r, action, change, func() (string, error) { return id, do() })
}

// DoFor is Do for what only turns out to be about a tenant when it is done.
func (a *Audit) DoFor(r *http.Request, action string, change any, do func() (id string, err error)) error {
	if err := a.ready(); err != nil {
		return err
	}
	id, err := do()
	a.record(newAct(r.RemoteAddr, forwarded(r.Header), action, id, change, err))
	return err
}

// DoHere is Do for what somebody does at the command line of this machine to some
// tenants, all or none.
func (a *Audit) DoHere(action string, ids []string, change any, do func() error) error {
	if err := a.ready(); err != nil {
		return err
	}
	err := do()
	for _, id := range ids {
		a.record(newAct(fmt.Sprintf("command line, uid %d", os.Getuid()), "", action, id, change, err))
	}
	return err
}

// Settings returns settings as an act has them.
func Settings(s tenant.Settings) any { return settings(s) }

// Exchange returns the exchange of a token as an act has it.
func Exchange(how tenant.Rotation, finish bool) any { return exchange{how.Now, finish, how.ReadOnly} }

func newAct(remote, forwarded, action, id string, change any, err error) Act {
	a := Act{time.Now().UTC(), remote, forwarded, action, id, change, "done"}
	if err != nil {
		a.Result = string(sq.ErrorCode(err))
	}
	switch sq.ErrorCode(err) {
	case sq.NotFound, sq.Invalid:
		a.Tenant, a.Change = "", nil // a slip may have put a token there
	}
	return a
}

// forwarded returns the addresses that a proxy tells of, if it tells of addresses.
func forwarded(h http.Header) string {
	const most = 200
	text := h.Get("X-Forwarded-For")
	if len(text) > most || strings.Trim(text, "0123456789abcdefABCDEF.:, ") != "" {
		return ""
	}
	return text
}

// Audit records what administrators do: as a line of the log with audit=true and,
// where there is a file, as a line of JSON there, which is on the disk before the
// act is answered. Goroutines share it.
//
// The file is opened for each line, so that it may be moved away at any time. A
// line that could not be written is kept, and until it is written no other act is
// done: at the most one is missing in the file, and the log has it.
type Audit struct {
	log  *slog.Logger
	path string // empty where there is no file

	mu   sync.Mutex
	owed []byte // lines that are not in the file yet
}

// NewAudit returns an audit that appends to the file at path, which is made if need
// be, mode 0600; with an empty path it has only the log. The error is that the file
// cannot be appended to.
func NewAudit(log *slog.Logger, path string) (*Audit, error) {
	a := &Audit{log: log, path: path}
	return a, a.append(nil)
}

// ready returns an error when nothing can be recorded.
func (a *Audit) ready() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.owed) == 0 {
		return nil
	}
	return a.payLocked()
}

func (a *Audit) record(act Act) {
	line, err := json.Marshal(act)
	a.log.Info("administration", "audit", true, "remote", act.Remote, "forwarded_for", act.Forwarded,
		"action", act.Action, "tenant", act.Tenant, "result", act.Result)
	if err != nil {
		a.log.Error("an act of the administration cannot be recorded", "error", err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed = append(append(a.owed, line...), '\n')
	if err := a.payLocked(); err != nil {
		a.log.Error("an act of the administration is not in the audit log yet, and no other will be done before", "error", err)
	}
}

func (a *Audit) payLocked() error {
	if err := a.append(a.owed); err != nil {
		return err
	}
	a.owed = nil
	return nil
}

// append adds lines to the file, all of them or none. They survive the loss of
// power when it returns nil.
func (a *Audit) append(lines []byte) error {
	if a.path == "" {
		return nil
	}
	_, err := os.Lstat(a.path)
	absent := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(a.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(appendTo(f, lines), f.Close())
	}
	if err == nil && absent {
		err = syncDir(filepath.Dir(a.path))
	}
	if err != nil {
		return sq.Wrap(err, sq.Internal, "cannot write the audit log; check the disk and the rights on it")
	}
	return nil
}

func appendTo(f *os.File, lines []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Sync()); err != nil {
		_ = f.Truncate(info.Size()) // half a line would spoil the next one
	}
	return err
}

func syncDir(name string) error {
	dir, err := vfs.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.SyncDir("."), dir.Close())
}
