package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a certificate and its key, as PEM.
type made struct {
	serial    int64
	cert, key []byte
}

// maker makes certificates for sq.example.
type maker struct {
	t       *testing.T
	serials int64
}

// make returns a certificate that begins and ends so long from now.
func (m *maker) make(begins, ends time.Duration) made {
	m.t.Helper()
	m.serials++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(m.serials), DNSNames: []string{"sq.example"}, NotBefore: time.Now().Add(begins), NotAfter: time.Now().Add(ends)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		m.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		m.t.Fatal(err)
	}
	return made{m.serials, block("CERTIFICATE", der), block("PRIVATE KEY", private)}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// logbook is what was logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// count returns how many lines have a text.
func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// folder is where the files of a test are.
type folder struct {
	*maker
	dir string
	log logbook
}

func newFolder(t *testing.T) *folder { return &folder{maker: &maker{t: t}, dir: t.TempDir()} }

func (f *folder) cert() string { return filepath.Join(f.dir, "cert.pem") }
func (f *folder) key() string  { return filepath.Join(f.dir, "key.pem") }

func (f *folder) put(path string, text []byte) {
	f.t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// swap puts a link to a text in the place of a name, by rename.
func (f *folder) swap(path string, text []byte) {
	f.t.Helper()
	f.serials++
	target := filepath.Join(f.dir, "archive"+big.NewInt(f.serials).String())
	f.put(target, text)
	if err := os.Symlink(target, path+".new"); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) open() *Files {
	f.t.Helper()
	files, err := Open(f.cert(), f.key(), f.log.logger())
	if err != nil {
		f.t.Fatal(err)
	}
	return files
}

// shown returns the serial number of what a client is shown.
func shown(t *testing.T, files *Files) int64 {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tls.Server(there, files.Config()).Handshake()
		there.Close()
	}()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, client)
	<-done
	return client.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestMistakesAtTheStart(t *testing.T) {
	m := &maker{t: t}
	a, b := m.make(-time.Hour, 90*day), m.make(-time.Hour, 90*day)
	for what, row := range map[string]struct {
		cert, key []byte
		want      string
	}{
		"no certificate":      {nil, a.key, `cert.pem" cannot be read: no such file or directory`},
		"no key":              {a.cert, nil, `key.pem" cannot be read: no such file or directory`},
		"another's key":       {a.cert, b.key, "the key is that of another certificate"},
		"exchanged":           {a.key, a.cert, "they are each other's: exchange the two"},
		"two certificates":    {a.cert, a.cert, "the second holds no key"},
		"two keys":            {a.key, a.key, "the first holds no certificate"},
		"empty":               {[]byte{}, a.key, "the first holds no certificate"},
		"no PEM":              {[]byte("nothing"), a.key, "the first holds no certificate"},
		"a secret key":        {a.cert, block("ENCRYPTED PRIVATE KEY", []byte("x")), "the key is encrypted"},
		"a secret key of old": {a.cert, []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), "the key is encrypted"},
		"a broken key":        {a.cert, block("PRIVATE KEY", []byte("x")), "failed to parse private key"},
	} {
		f := newFolder(t)
		if row.cert != nil {
			f.put(f.cert(), row.cert)
		}
		if row.key != nil {
			f.put(f.key(), row.key)
		}
		_, err := Open(f.cert(), f.key(), f.log.logger())
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", what, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "BEGIN EC") {
			t.Errorf("%s: tells the key: %v", what, err)
		}
	}
}

func TestWarningsAtTheStart(t *testing.T) {
	for what, row := range map[string]struct {
		begins, ends time.Duration
		mode         os.FileMode
		want         string
	}{
		"all is well":           {-time.Hour, 90 * day, 0o600, ""},
		"a group has the key":   {-time.Hour, 90 * day, 0o640, ""},
		"others have the key":   {-time.Hour, 90 * day, 0o644, "every user of this machine has the key"},
		"it has ended":          {-90 * day, -time.Minute, 0o600, "the certificate has ended"},
		"it ends in two weeks":  {-76 * day, 14*day - time.Minute, 0o600, "ends soon"},
		"it ends in two days":   {-76 * day, 2 * day, 0o600, "ends soon"},
		"it begins tomorrow":    {day, 90 * day, 0o600, "is not valid yet"},
		"a short life, begun":   {-time.Hour, 6 * day, 0o600, ""},
		"a short life, at last": {-5 * day, day, 0o600, "ends soon"},
	} {
		f := newFolder(t)
		c := f.make(row.begins, row.ends)
		f.put(f.cert(), c.cert)
		f.put(f.key(), c.key)
		if err := os.Chmod(f.key(), row.mode); err != nil {
			t.Fatal(err)
		}
		files := f.open()
		if got := f.log.count("level=WARN"); got > 0 != (row.want != "") || f.log.count(row.want) == 0 {
			t.Errorf("%s: %d warnings:\n%s", what, got, f.log.text.String())
		}
		if end, ok := files.Expiry(); !ok || time.Until(end) > row.ends || time.Until(end) < row.ends-time.Minute {
			t.Errorf("%s: ends %v, want in %v", what, end, row.ends)
		}
		if f.log.count("PRIVATE") > 0 {
			t.Errorf("%s: the key was logged", what)
		}
	}
}

// watched runs a test beside Watch, in a world where only the test lets time pass.
func watched(t *testing.T, test func(*testing.T, *folder, *Files)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		first := f.make(-time.Hour, 90*day)
		f.put(f.cert(), first.cert)
		f.put(f.key(), first.key)
		files := f.open()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { files.Watch(ctx); close(ended) }()
		test(t, f, files)
		cancel()
		<-ended
	})
}

// looks lets time pass for some looks of Watch.
func looks(n int) { time.Sleep(time.Duration(n)*pollEvery + time.Millisecond) }

// TestRenewal: a renewed pair is in force two looks later, however it came there,
// and what is half renewed never is.
func TestRenewal(t *testing.T) {
	for what, put := range map[string]func(*folder, string, []byte){"in place": (*folder).put, "by links": (*folder).swap} {
		t.Run(what, func(t *testing.T) {
			watched(t, func(t *testing.T, f *folder, files *Files) {
				for range 3 {
					before := shown(t, files)
					next := f.make(-time.Hour, 100*day)
					put(f, f.cert(), next.cert)
					looks(5)
					if got := shown(t, files); got != before {
						t.Fatalf("shows %d while the key is the old one, want %d", got, before)
					}
					if n := f.log.count("the key is that of another certificate"); n != 1 {
						t.Errorf("half a renewal is logged %d times", n)
					}
					put(f, f.key(), next.key)
					looks(2)
					if got := shown(t, files); got != next.serial {
						t.Fatalf("shows %d, want %d\n%s", got, next.serial, f.log.text.String())
					}
					f.log.forget()
				}
			})
		})
	}
}

// TestQuickRenewal: who puts both files in place within a moment is not told of
// the moment between them.
func TestQuickRenewal(t *testing.T) {
	watched(t, func(t *testing.T, f *folder, files *Files) {
		looks(1)
		next := f.make(-time.Hour, 100*day)
		f.put(f.key(), next.key)
		looks(1)
		f.put(f.cert(), next.cert)
		looks(3)
		if got := shown(t, files); got != next.serial || f.log.count("level=ERROR") > 0 {
			t.Errorf("shows %d, want %d\n%s", got, next.serial, f.log.text.String())
		}
	})
}

// TestFilesGone: what was shown is shown on, and it is logged once.
func TestFilesGone(t *testing.T) {
	watched(t, func(t *testing.T, f *folder, files *Files) {
		looks(1)
		before := shown(t, files)
		if err := os.Rename(f.key(), f.key()+".away"); err != nil {
			t.Fatal(err)
		}
		looks(1)
		if f.log.count("level=ERROR") != 0 {
			t.Errorf("the moment between two renames is logged\n%s", f.log.text.String())
		}
		looks(5)
		if n := f.log.count("level=ERROR"); n != 1 || shown(t, files) != before {
			t.Errorf("logged %d times, shows %d, want %d", n, shown(t, files), before)
		}
		if err := os.Rename(f.key()+".away", f.key()); err != nil {
			t.Fatal(err)
		}
		next := f.make(-time.Hour, 100*day)
		f.put(f.cert(), next.cert)
		f.put(f.key(), next.key)
		looks(2)
		if shown(t, files) != next.serial {
			t.Errorf("shows %d, want %d", shown(t, files), next.serial)
		}
	})
}

// TestEndIsNear: it is said two weeks before, three days before, and at the end,
// once each, and begins anew with another certificate.
func TestEndIsNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		c, other := f.make(-time.Hour, 90*day), f.make(-time.Hour, 100*day)
		f.put(f.cert(), c.cert)
		f.put(f.key(), c.key)
		files := f.open()
		for _, step := range []struct{ days, soon, over int }{{75, 0, 0}, {2, 1, 0}, {8, 1, 0}, {3, 2, 0}, {1, 2, 0}, {2, 2, 1}, {2, 2, 1}} {
			time.Sleep(time.Duration(step.days) * day)
			files.warn()
			if soon, over := f.log.count("ends soon"), f.log.count("has ended"); soon != step.soon || over != step.over {
				t.Errorf("after %d days more: %d and %d warnings, want %d and %d", step.days, soon, over, step.soon, step.over)
			}
		}
		f.put(f.cert(), other.cert)
		f.put(f.key(), other.key)
		if err := files.Reload(); err != nil || f.log.count("ends soon") != 3 {
			t.Errorf("%v, another that ends soon is not said\n%s", err, f.log.text.String())
		}
	})
}

// TestWatchWarns: nobody has to ask.
func TestWatchWarns(t *testing.T) {
	watched(t, func(t *testing.T, f *folder, files *Files) {
		next := f.make(-80*day, 14*day+5*pollEvery)
		f.put(f.cert(), next.cert)
		f.put(f.key(), next.key)
		looks(3)
		if f.log.count("ends soon") != 0 || shown(t, files) != next.serial {
			t.Errorf("log:\n%s", f.log.text.String())
		}
		looks(9)
		if f.log.count("ends soon") != 1 {
			t.Errorf("log:\n%s", f.log.text.String())
		}
	})
}

// TestReload: asked for, it is done at once. One that has ended takes nobody's
// place that has not.
func TestReload(t *testing.T) {
	f := newFolder(t)
	first := f.make(-time.Hour, 90*day)
	f.put(f.cert(), first.cert)
	f.put(f.key(), first.key)
	files := f.open()
	ended := f.make(-90*day, -day)
	f.put(f.cert(), ended.cert)
	f.put(f.key(), ended.key)
	if err := files.Reload(); err == nil || !strings.Contains(err.Error(), "ended at") || shown(t, files) != first.serial {
		t.Errorf("%v, shows %d", err, shown(t, files))
	}
	next := f.make(-time.Hour, 90*day)
	f.put(f.cert(), next.cert)
	if err := files.Reload(); err == nil || shown(t, files) != first.serial {
		t.Errorf("%v, shows %d", err, shown(t, files))
	}
	f.put(f.key(), next.key)
	if err := files.Reload(); err != nil || shown(t, files) != next.serial {
		t.Errorf("%v, shows %d", err, shown(t, files))
	}
	if err := files.Reload(); err != nil || f.log.count("certificate in force") != 2 {
		t.Errorf("%v, what is the same is called new\n%s", err, f.log.text.String())
	}
}
