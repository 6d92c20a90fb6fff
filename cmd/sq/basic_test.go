package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var editorAt = regexp.MustCompile(`(?m)^Editor on http://(127\.0\.0\.1:\d+)/$`)

// startBasic runs sq basic in this process, in a new folder whose index.phext has a
// text; none where that is empty.
func startBasic(t *testing.T, text string) *server {
	t.Helper()
	files := map[string]string{}
	if text != "" {
		files[basicFile] = text
	}
	inFolder(t, files)
	s := begin(t, nil, "basic", "--port", "0")
	s.address = s.await(s.stdout, editorAt)[1]
	return s
}

// TestBasic: the port has the page and the API, and neither is for the pages of other
// sites, nor is what is the daemon's own for anyone.
func TestBasic(t *testing.T) {
	s := startBasic(t, "one")
	s.want("", "GET", "get?p=index", "", "one")
	if f := found(t); f == nil || f.Web != "http://"+s.address+"/" || f.Phext != "index" {
		t.Errorf("the socket says %+v", f)
	}
	for _, c := range []struct {
		method, path, header, value string
		status                      int
		has                         string
	}{
		{"GET", "/", "", "", 200, `<body data-phext="index"`},
		{"HEAD", "/", "", "", 200, ""},
		{"POST", "/", "", "", 405, "Method Not Allowed"},
		{"GET", "/editor.html", "", "", 404, "Not Found"},
		{"GET", "/assets/editor.js", "", "", 404, "Not Found"},
		{"GET", "/daemon", "", "", 404, "Not Found"},
		{"POST", "/daemon/shutdown", "", "", 404, "Not Found"},
		{"POST", "/daemon/shutdown", "Origin", "https://evil.example", 404, "Not Found"},
		{"POST", "/api/v2/update?p=index&c=" + first + "&s=evil", "Origin", "https://evil.example", 403, "Forbidden"},
		{"GET", "/api/v2/update?p=index&c=" + first + "&s=evil", "Sec-Fetch-Site", "cross-site", 403, "Forbidden"},
		{"GET", "/api/v2/get?p=index", "Host", "evil.example", 403, "Forbidden"},
		{"GET", "/api/v2/get?p=index", "Origin", "http://" + s.address, 200, "one"},
	} {
		request, err := http.NewRequest(c.method, "http://"+s.address+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch c.header {
		case "":
		case "Host":
			request.Host = c.value
		default:
			request.Header.Set(c.header, c.value)
		}
		reply, err := s.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		if reply.StatusCode != c.status || !strings.Contains(string(text), c.has) {
			t.Errorf("%s %s (%s %s): %d %q, want %d %q", c.method, c.path, c.header, c.value, reply.StatusCode, text, c.status, c.has)
		}
	}
	s.stop()
	if text := read(t, basicFile); text != "one" {
		t.Errorf("the file has %q", text)
	}
}

// TestBasicAssets: the page asks for its files by names that change with them, and may
// load nothing else.
func TestBasicAssets(t *testing.T) {
	s := startBasic(t, "")
	reply, err := s.client.Get("http://" + s.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(reply.Body)
	reply.Body.Close()
	if policy := reply.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'; script-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	assets := regexp.MustCompile(`(?:src|href)="([^"#]*)"`).FindAllStringSubmatch(string(page), -1)
	if len(assets) != 7 {
		t.Errorf("the page has %d files: %q", len(assets), assets)
	}
	for _, a := range assets {
		reply, err := s.client.Get("http://" + s.address + a[1])
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		kind := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}[filepath.Ext(a[1])]
		if reply.StatusCode != http.StatusOK || reply.Header.Get("Content-Type") != kind || !strings.Contains(reply.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", a[1], reply.StatusCode, reply.Header)
		}
	}
	s.stop()
}

// TestBasicPortInUse: a port that another program has is told of, with what to do,
// and the folder is left as if nothing had been.
func TestBasicPortInUse(t *testing.T) {
	inFolder(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := begin(t, nil, "basic", "--port", port)
	if status := s.ends(); status != exitFailure {
		t.Errorf("status %d", status)
	}
	s.logs("sq: port "+port+" is in use: ", "sq: hint: stop the program that listens there, or take another port, as in sq basic --port 8080")
	if f := found(t); f != nil {
		t.Errorf("a daemon is found: %+v", f)
	}
	if _, err := os.Lstat(daemonSocket); err == nil {
		t.Error("the socket is there")
	}
}
