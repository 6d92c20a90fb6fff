package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery is how often Watch looks. A change is seen at the first look and read
// at the next, so within about four seconds.
const pollEvery = 2 * time.Second

// Files is a certificate and its key in two files that somebody renews.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu     sync.Mutex // one reading at a time; guards what follows
	read   look       // what the files looked like when current was read
	ending ending
}

// Open reads the files. What is worth a warning is logged: a certificate that
// ends soon or is not valid yet, a key that others may read. Errors say which file
// is wrong, and in what.
func Open(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log}
	if err := f.load(); err != nil {
		return nil, err
	}
	leaf := f.current.Load().Leaf
	if time.Now().Before(leaf.NotBefore) {
		log.Warn("the certificate is not valid yet: clients refuse it", "begins", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	f.warnOfOthers()
	return f, nil
}

// warnOfOthers says that the key is no secret on this machine. A group may have
// it, as that of Debian's ssl-cert.
func (f *Files) warnOfOthers() {
	if mode := f.read.key.Mode().Perm(); mode&0o007 != 0 && runtime.GOOS != "windows" {
		f.log.Warn("every user of this machine has the key of the certificate: chmod o-rwx takes it away", "key", f.keyFile, "mode", fmt.Sprintf("%04o", mode))
	}
}

// Config returns a configuration of TLS whose handshakes show the certificate in
// force.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil },
	}
}

// Protocols is what TLS speaks for the certificate's sake: nothing.
func (f *Files) Protocols() []string { return nil }

// Expiry returns when the certificate in force ends. It costs an atomic load.
func (f *Files) Expiry() (end time.Time, ok bool) { return f.current.Load().Leaf.NotAfter, true }

// Reload reads the files again, and puts a pair that is sound in force. After an
// error the one before stays; the caller logs it. A pair that has ended does not
// take the place of one that has not.
func (f *Files) Reload() error { return f.load() }

func (f *Files) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Looked at first: what changes while it is read looks different afterwards.
	seen, err := lookAt(f.certFile, f.keyFile)
	if err != nil {
		return err
	}
	next, err := readPair(f.certFile, f.keyFile)
	if err != nil {
		return err
	}
	was := f.current.Load()
	if now := time.Now(); was != nil && stageOf(next.Leaf, now) == over && stageOf(was.Leaf, now) != over {
		return fmt.Errorf("the certificate %q ended at %s", f.certFile, next.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	f.current.Store(next)
	if f.read = seen; was == nil || !bytes.Equal(was.Leaf.Raw, next.Leaf.Raw) {
		f.log.Info("certificate in force", about(next.Leaf)...)
	}
	f.ending.warn(next.Leaf, f.log)
	return nil
}

// Watch reloads when the files have changed, and warns when the end is near, until
// ctx is done; the caller runs it in a goroutine of its own and waits for it.
//
// Names are followed to where they lead, so that links that are swapped are
// noticed. The files change one after the other: a pair is read once it looked
// the same twice, and one that does not fit is read again at every look and
// logged once.
func (f *Files) Watch(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	w := watcher{files: f}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.poll()
		}
	}
}

// watcher is what Watch remembers from one look to the next.
type watcher struct {
	files   *Files
	pending look   // a change that was seen once
	said    string // the error that was logged last
}

// poll is one look.
func (w *watcher) poll() {
	now, err := lookAt(w.files.certFile, w.files.keyFile)
	before := w.pending
	w.pending = now
	switch {
	case err == nil && now.same(w.files.lastRead()):
	case err == nil && !now.same(before):
		return // it may change further
	case err == nil:
		err = w.files.load()
	case before.cert != nil:
		return // the moment between two renames
	}
	w.say(err)
	w.files.warn()
}

// say logs an error, unless it did so last.
func (w *watcher) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if was := w.said; text != "" && text != was {
		w.files.log.Error("certificate not reloaded; the one before stays in force", "error", err)
	}
	w.said = text
}

func (f *Files) lastRead() look {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

func (f *Files) warn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ending.warn(f.current.Load().Leaf, f.log)
}
