package founding_test

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/founding"
	"github.com/wbic16/sq-go/internal/vfs"
)

// serve serves one action until the test ends, and tells what it returned.
func serve(t *testing.T, action func(http.ResponseWriter, *http.Request) error) (url string, returned <-chan error) {
	t.Helper()
	errs := make(chan error, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { errs <- action(w, r) }))
	t.Cleanup(s.Close)
	return s.URL, errs
}

// TestStreamLives: a stream without claims says that it lives, is counted, and
// ends with its client.
func TestStreamLives(t *testing.T) {
	p := open(t, disk(t, slots(2)))
	site := founding.NewSite(p, founding.SiteOptions{Heartbeat: time.Millisecond, Listeners: 1})
	address, returned := serve(t, site.Events)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	lines, beats := bufio.NewScanner(reply.Body), 0
	for beats < 3 && lines.Scan() {
		if lines.Text() == ": heartbeat" {
			beats++
		}
	}
	if beats != 3 {
		t.Errorf("%d heartbeats, %v", beats, lines.Err())
	}
	if err := site.Events(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("one more than there may be: %v", err)
	}
	leave()
	<-returned
	if _, gone, err := p.Subscribe(1); err != nil {
		t.Errorf("the place of who left: %v", err)
	} else {
		gone()
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestShownOnlyWhenNoted: where it cannot be noted that a token was shown, it is
// not sent.
func TestShownOnlyWhenNoted(t *testing.T) {
	full := false
	p := open(t, vfs.NewFault(disk(t, slots(1)), func(c vfs.Call) error {
		if full && c.Op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}))
	site := founding.NewSite(p, founding.SiteOptions{})
	who := founding.Buyer{Session: "cs_test_invented", Event: "evt_1"}
	claim(t, p, who, 1)
	show := func() (*httptest.ResponseRecorder, error) {
		form := url.Values{"session_id": {who.Session}}.Encode()
		r := httptest.NewRequest("POST", "/founding/claimed", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		return w, site.Show(w, r)
	}
	full = true
	if w, err := show(); sq.ErrorCode(err) != sq.Full || w.Body.Len() > 0 {
		t.Errorf("%v\n%s", err, w.Body)
	}
	full = false
	if w, err := show(); err != nil || !strings.Contains(w.Body.String(), tokenOf(1)) {
		t.Errorf("%v\n%s", err, w.Body)
	}
}

// TestPageEscapes what the operator's files say.
func TestPageEscapes(t *testing.T) {
	p := open(t, disk(t, header+`1,"<b>&amp;",<i>name</i>,,,,`+"\n"))
	site := founding.NewSite(p, founding.SiteOptions{PaymentLink: "javascript:alert(1)"})
	w := httptest.NewRecorder()
	if err := site.Page(w, httptest.NewRequest("GET", "/founding", nil)); err != nil || strings.Contains(w.Body.String(), "javascript:") {
		t.Errorf("%v\n%s", err, w.Body)
	}
	if _, err := p.Claim(founding.Buyer{Session: "cs_test_invented"}); err != nil {
		t.Fatal(err)
	}
	w = httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/founding/claimed?session_id=cs_test_invented", nil)
	if err := site.Claimed(w, r); err != nil || strings.Contains(w.Body.String(), "<i>") {
		t.Errorf("%v\n%s", err, w.Body)
	}
}

// TestAssets: each file that a page names is there, and may be kept for ever.
func TestAssets(t *testing.T) {
	p := open(t, disk(t, slots(1)))
	site := founding.NewSite(p, founding.SiteOptions{})
	w := httptest.NewRecorder()
	if err := site.Page(w, httptest.NewRequest("GET", "/founding", nil)); err != nil {
		t.Fatal(err)
	}
	const prefix = `"/founding/assets/`
	found := 0
	for _, part := range strings.Split(w.Body.String(), prefix)[1:] {
		found++
		r := httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("file", part[:strings.IndexByte(part, '"')])
		a := httptest.NewRecorder()
		if err := site.Asset(a, r); err != nil || a.Body.Len() == 0 || !strings.Contains(a.Header().Get("Cache-Control"), "immutable") || a.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %v %v", r.PathValue("file"), err, a.Header())
		}
	}
	if found != 3 {
		t.Errorf("%d files", found)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetPathValue("file", "founding.html")
	if err := site.Asset(httptest.NewRecorder(), r); sq.ErrorCode(err) != sq.NotFound {
		t.Errorf("a template: %v", err)
	}
}

func TestSecretsForOthersAreWarnedOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o644: true} {
		out.Reset()
		if err := os.WriteFile(path, []byte("whsec_invented\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		secrets, err := founding.ReadSecrets(path, log)
		if err != nil || len(secrets) != 1 || strings.Contains(out.String(), "whsec") || strings.Contains(out.String(), "WARN") != warned {
			t.Errorf("%o: %d secrets, %v: %s", mode, len(secrets), err, &out)
		}
	}
}
