//go:build unix

package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginx is an nginx in front of a server. It keeps connections to it, and sends
// the requests of all its clients through them.
type nginx struct {
	t         *testing.T
	addr      string
	impatient string // another address, where nobody is waited for
	dir       string
	cmd       *exec.Cmd
}

const nginxConfig = `daemon off; worker_processes 1; pid nginx.pid; error_log error.log warn; %s
events { worker_connections 256; }
http {
	log_format what '$upstream_addr $request_method $uri $upstream_status';
	access_log access.log what;
	client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
	proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host localhost;
	proxy_next_upstream off; proxy_read_timeout 10s; %s
	lingering_close off;
	upstream sq { server %s; keepalive 1; }
	server { listen %s; location / { proxy_pass http://sq; } }
	server { # whoever waits here for more than he sent is let go soon
		listen %s; client_header_timeout 100ms; client_body_timeout 100ms; keepalive_timeout 100ms;
		location / { proxy_pass http://sq; }
	}
}
`

// program finds nginx, which not every machine has. Where nobody reads what was
// skipped it must be there.
func program(t *testing.T) string {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx") // which is not in everybody's PATH
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("needs nginx; scripts/install-test-tools installs it")
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startNginx starts nginx in front of a server until the test ends. It is given
// its listeners, which hold connections for it from the beginning.
func startNginx(t *testing.T, upstream, directives string) *nginx {
	t.Helper()
	path, dir := program(t), t.TempDir()
	var files []*os.File
	var addrs []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files, addrs = append(files, file), append(addrs, l.Addr().String())
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // or it could not write into our folder
	}
	config := fmt.Sprintf(nginxConfig, user, directives, upstream, addrs[0], addrs[1])
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &nginx{t: t, addr: addrs[0], impatient: addrs[1], dir: dir, cmd: exec.Command(path, "-p", dir, "-c", "nginx.conf", "-e", "error.log")}
	n.cmd.ExtraFiles = files
	n.cmd.Env = append(os.Environ(), "NGINX=3;4;")
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n.cmd.ProcessState == nil {
			syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
			n.cmd.Wait()
		}
	})
	return n
}

// passed is a request as nginx passed it on and as the server answered it. The
// status is "-" where nginx did not wait for one.
type passed struct{ method, name, status string }

// stop has nginx finish, and returns the requests that it passed on.
func (n *nginx) stop() (list []passed) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Wait(); err != nil {
		n.t.Fatalf("nginx: %v\n%s", err, n.read("error.log"))
	}
	for line := range strings.Lines(n.read("access.log")) {
		part := strings.Fields(line)
		if name, under := strings.CutPrefix(part[2], prefix); part[0] != "-" && under {
			list = append(list, passed{part[1], name, part[3]})
		}
	}
	return list
}

func (n *nginx) read(name string) string {
	text, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

var requestLine = regexp.MustCompile(`msg=request .*method=(\S+) endpoint=(\S+) .*status=(\d+)`)

// answered ends the server and returns the requests that it answered.
func (r *rig) answered() (list []passed) {
	r.t.Helper()
	if err := r.server.Shutdown(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, m := range requestLine.FindAllStringSubmatch(r.log.String(), -1) {
		list = append(list, passed{m[1], m[2], m[3]})
	}
	return list
}

// checkPassed holds what was answered to what was passed on: each of those once.
func checkPassed(t *testing.T, sent, answered []passed) {
	t.Helper()
	open := map[passed]int{}
	for _, p := range sent {
		open[p]++
	}
	for _, p := range answered {
		given := p
		if open[p] == 0 {
			p.status = "-"
		}
		if open[p]--; open[p] < 0 {
			t.Errorf("nginx did not pass on %v, and it was answered", given)
		}
	}
	for p, n := range open {
		if p.status != "-" && n > 0 {
			t.Errorf("nginx passed on %d times %v, and it was not answered", n, p)
		}
	}
}

// TestSmugglingThroughNginx: behind a proxy that sends the requests of all its
// clients through one connection, bob's tricks give him nothing of alice's, she
// gets her own answers, and the server answers just the requests that nginx sent.
func TestSmugglingThroughNginx(t *testing.T) {
	for what, directives := range map[string]string{"bodies are read first": "", "bodies pass through": "proxy_request_buffering off; proxy_buffering off;"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, twoTenants, Options{Many: true})
			n := startNginx(t, r.addr, directives)
			victim := &rig{t: t, addr: n.addr, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
			want := ""
			for i, x := range tricks() {
				for _, hidden := range []string{secret, greedy} {
					n.attack(x.text(hidden))
					text := fmt.Sprintf("alice %d\n", i)
					reply, got := victim.send(post("/api/v2/insert?p=notes"+at, text))
					if want += text; reply.StatusCode != http.StatusOK || got != fmt.Sprintf("Inserted %d bytes", len(text)) {
						t.Errorf("%q: alice is answered %d %q", x.what, reply.StatusCode, got)
					}
				}
				if reply, got := victim.send(get("/api/v2/select?p=notes" + at)); got != want || reply.StatusCode != http.StatusOK {
					t.Errorf("%q: alice reads %d %q", x.what, reply.StatusCode, got)
				}
			}
			sent := n.stop()
			checkPassed(t, sent, r.answered())
			r.holdsOnlyBobs(t)
			t.Logf("%d tricks, twice each; nginx sent %d requests", len(tricks()), len(sent))
		})
	}
}

// attack sends bytes to nginx and waits until it closes the connection.
func (n *nginx) attack(text string) {
	n.t.Helper()
	c, err := net.Dial("tcp", n.impatient)
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, text) // nginx may have refused it before it was there
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
		n.t.Fatalf("nginx does not let go of %.300q", text)
	}
}

// holdsOnlyBobs holds what bob has to what bob may have sent: nothing of alice's.
func (r *rig) holdsOnlyBobs(t *testing.T) {
	t.Helper()
	names, err := r.store("bob").List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s, err := r.store("bob").Snapshot(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_, err = s.WriteTo(&text)
		if s.Close(); err != nil || strings.Contains(text.String(), "alice") || name == "loot" {
			t.Errorf("bob's %s holds %q, %v", name, text.String(), err)
		}
	}
	if names, err := r.store("alice").List(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("alice has %q, %v", names, err)
	}
}

// TestNginxIsNotTheMachine: what comes through a proxy that says so reloads
// nothing, although it comes from this machine.
func TestNginxIsNotTheMachine(t *testing.T) {
	reloaded := false
	r := newRig(t, twoTenants, Options{Reload: func(*http.Request) error { reloaded = true; return nil }})
	n := startNginx(t, r.addr, "proxy_set_header X-Real-IP $remote_addr;")
	through := &rig{t: t, addr: n.addr, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	reply, text := through.send(with(post("/api/v2/reload", ""), "Authorization: "))
	if n.stop(); reloaded || reply.StatusCode != http.StatusForbidden {
		t.Errorf("reloaded: %v, %d %q", reloaded, reply.StatusCode, text)
	}
}
