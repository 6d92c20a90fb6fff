//go:build unix

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// front is nginx with deploy/nginx/sq.conf in front of a server.
type front struct {
	t             *testing.T
	secret, plain string // where it listens, with and without TLS
	id            identity
	dir           string // of its configuration and its logs
	cmd           *exec.Cmd
}

// newFront starts nginx in front of a server, until the test ends.
func newFront(t *testing.T, server string) *front {
	t.Helper()
	nginx, dir, ports := tool(t, "nginx"), t.TempDir(), freePorts(t, 2)
	f := &front{t: t, secret: fmt.Sprint("127.0.0.1:", ports[0]), plain: fmt.Sprint("127.0.0.1:", ports[1]), id: newIdentity(t, dir), dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile(`\n\tlisten \[::\].*`).ReplaceAllString(read(t, filepath.Join(deploy, "nginx/sq.conf")), "")
	config = strings.NewReplacer("listen 443 ", "listen "+f.secret+" ", "listen 80;", "listen "+f.plain+";", "127.0.0.1:1337", server, "/var/log/nginx/", dir+"/",
		"/etc/letsencrypt/live/sq.example.org/fullchain.pem", f.id.certFile, "/etc/letsencrypt/live/sq.example.org/privkey.pem", f.id.keyFile).Replace(config)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // or it could not write into our folder
	}
	put(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`daemon off; worker_processes 1; pid nginx.pid; error_log error.log warn; %s
events { worker_connections 256; }
http {
	access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
	%s
}`, user, config))
	args := []string{"-p", dir, "-c", "nginx.conf", "-e", "error.log"}
	text, err := exec.Command(nginx, append(args, "-t")...).CombinedOutput()
	complaints := regexp.MustCompile(`\[warn\].*`).FindAllString(string(text), -1)
	complaints = slices.DeleteFunc(complaints, func(c string) bool { return strings.Contains(c, "deprecated") }) // of http2, from nginx 1.25.1 on
	if err != nil || len(complaints) > 0 {
		t.Fatalf("nginx -t: %v\n%s", err, text)
	}
	f.cmd = exec.Command(nginx, args...)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
		f.cmd.Wait()
	})
	awaitPort(t, f.secret)
	awaitPort(t, f.plain)
	return f
}

// client returns a client that speaks a version of HTTP.
func (f *front) client(two bool) *http.Client {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.id.pool, ServerName: "sq.example.org"}, ForceAttemptHTTP2: two}}
	f.t.Cleanup(c.CloseIdleConnections)
	return c
}

// ask makes a request, and returns the reply with its text.
func (f *front) ask(c *http.Client, method, path, token string, body io.Reader) (*http.Response, string) {
	f.t.Helper()
	request, err := http.NewRequest(method, "https://"+f.secret+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	request.Host = "sq.example.org"
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := c.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return reply, string(text)
}

// TestBehindNginx: what is asked through the proxy is answered as without it, up to
// the limits of the server, and reloads nothing without a key.
func TestBehindNginx(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config, "--listen", "127.0.0.1")
	f := newFront(t, s.address)
	for _, two := range []bool{false, true} {
		c := f.client(two)
		for _, row := range []struct {
			method, path, token string
			body                int // bytes
			status              int
			text                string
		}{
			{"POST", "/api/v2/update" + at("notes", first), tokenOfAlice, 5, 200, "Updated 5 bytes"},
			{"GET", "/api/v2/select" + at("notes", first), tokenOfAlice, 0, 200, "xxxxx"},
			{"GET", "/api/v2/select" + at("notes", first) + "&more=" + strings.Repeat("x", 7000), tokenOfAlice, 0, 200, "xxxxx"},
			{"GET", "/api/v2/select" + at("notes", first), tokenOfBob, 0, 200, ""},
			{"GET", "/api/v2/version", "", 0, 401, "Unauthorized"},
			{"POST", "/api/v2/reload", "", 0, 403, "Forbidden"},
			{"POST", "/api/v2/reload", tokenOfAlice, 0, 403, "Forbidden"},
			{"POST", "/api/v2/update" + at("large", first), tokenOfAlice, 64 << 20, 200, "Updated 67108864 bytes"},
			{"POST", "/api/v2/update" + at("large", first), tokenOfAlice, 64<<20 + 1, 413, ""},
		} {
			if row.body > 1<<20 && !two {
				continue // once is long enough
			}
			reply, text := f.ask(c, row.method, row.path, row.token, strings.NewReader(strings.Repeat("x", row.body)))
			if reply.StatusCode != row.status || reply.ProtoMajor == 2 != two || !strings.HasPrefix(text, row.text) {
				t.Errorf("%s %.60s over %s: %d %.60q, want %d %q", row.method, row.path, reply.Proto, reply.StatusCode, text, row.status, row.text)
			}
		}
	}
	reply, err := http.Get("http://" + f.plain + "/api/v2/version")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if text, _ := io.ReadAll(reply.Body); reply.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "https://") {
		t.Errorf("plain HTTP: %d %q", reply.StatusCode, text)
	}
	http.DefaultClient.CloseIdleConnections()
	s.stop()
}

// TestNginxHoldsNothingBack: bodies and replies go through the proxy as they come.
func TestNginxHoldsNothingBack(t *testing.T) {
	begun, seen := make(chan struct{}, 2), make(chan struct{}, 2)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.ReadFull(r.Body, make([]byte, 3))
		begun <- struct{}{}
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "one")
		http.NewResponseController(w).Flush()
		<-seen
		io.WriteString(w, "two")
	}))
	t.Cleanup(backend.Close)
	f := newFront(t, backend.Listener.Addr().String())
	for _, two := range []bool{false, true} {
		body, write := io.Pipe()
		go func() {
			io.WriteString(write, "one")
			<-begun
			io.WriteString(write, "two")
			write.Close()
		}()
		reply, err := f.client(two).Post("https://"+f.secret+"/", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 3)
		if _, err := io.ReadFull(reply.Body, text); err != nil || string(text) != "one" {
			t.Errorf("%q, %v", text, err)
		}
		seen <- struct{}{}
		if rest, err := io.ReadAll(reply.Body); err != nil || string(rest) != "two" {
			t.Errorf("%q, %v", rest, err)
		}
		reply.Body.Close()
	}
}

// TestNginxLogsNoQuery: what is secret in an address, or in that of the page before, is
// in none of its logs, also when the server behind it is gone.
func TestNginxLogsNoQuery(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config, "--listen", "127.0.0.1")
	f := newFront(t, s.address)
	c := f.client(false)
	ask := func(address, path string) (status int) {
		r, err := http.NewRequest("GET", address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "sq.example.org"
		r.Header.Set("Referer", "https://sq.example.org/founding/claimed?session_id=invented-secret")
		reply, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply.StatusCode
	}
	paths := []string{"/founding/claimed?session_id=invented-secret", "/api/v2/insert?p=notes&s=invented-secret"}
	for _, path := range paths {
		ask("https://"+f.secret, path)
		ask("http://"+f.plain, path)
	}
	s.stop()
	if status := ask("https://"+f.secret, paths[0]); status != http.StatusBadGateway {
		t.Errorf("without a server: %d", status)
	}
	f.cmd.Process.Signal(syscall.SIGQUIT) // once it has ended the logs are whole
	f.cmd.Wait()
	logs, err := filepath.Glob(filepath.Join(f.dir, "*.log"))
	if err != nil || len(logs) < 3 {
		t.Fatalf("%q, %v", logs, err)
	}
	for _, log := range logs {
		if text := read(t, log); strings.Contains(text, "invented-secret") {
			t.Errorf("%s has a secret:\n%s", log, text)
		}
	}
	access := read(t, filepath.Join(f.dir, "sq.access.log"))
	if n := strings.Count(access, "\n"); n != 5 || !regexp.MustCompile(`(?m)^127\.0\.0\.1 \[.+\] "GET /founding/claimed HTTP/1\.1" 502 \d+ [0-9.]+$`).MatchString(access) {
		t.Errorf("%d lines:\n%s", n, access)
	}
}
