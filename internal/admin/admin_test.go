package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

const tokenOfAlice = "invented-token-of-alice"

// office is an administration of a file in a folder of its own.
type office struct {
	t        *testing.T
	dir      string
	config   string
	live     *tenant.Live
	log      bytes.Buffer
	auditLog string
	mux      *http.ServeMux
	used     usage
}

// usage is what the tenants use.
type usage struct {
	bytes, calls int64
	last         time.Time
}

func (u *usage) Usage(string) (int64, int64, time.Time) { return u.bytes, u.calls, u.last }

// open makes an office with alice and, under the root, room for others.
func open(t *testing.T) *office {
	dir := t.TempDir()
	o := &office{t: t, dir: dir, config: filepath.Join(dir, "tenants.json"), auditLog: filepath.Join(dir, "audit"), mux: http.NewServeMux()}
	if err := os.Mkdir(filepath.Join(dir, "root"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.write(fmt.Sprintf("{\"tenants\": {\n  %q: {\"name\": \"alice\", \"data_dir\": \"%s/alice\"}\n}, \"data_root\": \"%s/root\"}", tokenOfAlice, dir, dir))
	log := slog.New(slog.NewTextHandler(&o.log, nil))
	live, err := tenant.Open(o.config, log)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := NewAudit(log, o.auditLog)
	if err != nil {
		t.Fatal(err)
	}
	o.live = live
	for _, r := range Routes(Options{func() *tenant.Config { return live.Current().Config() }, live.Change, &o.used, audit}) {
		for method, action := range r.Methods {
			o.mux.HandleFunc(method+" "+r.Path, func(w http.ResponseWriter, r *http.Request) { o.answer(w, action(w, r)) })
		}
	}
	return o
}

func (o *office) write(text string) {
	o.t.Helper()
	if err := os.WriteFile(o.config, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// answer stands in for package api: the code and the message of an error.
func (o *office) answer(w http.ResponseWriter, err error) {
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s: %s", sq.ErrorCode(err), sq.ErrorMessage(err))
	}
}

// ask makes a request and returns the reply, and its JSON where it is that.
func (o *office) ask(method, path, body string) (text string, reply map[string]any) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/api/v2/admin/tenants"+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	o.mux.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || w.Header().Get("Content-Type") != "application/json" {
			o.t.Errorf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return strings.TrimSpace(w.Body.String()), reply
}

// want holds the reply to a pattern, whole.
func (o *office) want(method, path, body, pattern string) map[string]any {
	o.t.Helper()
	text, reply := o.ask(method, path, body)
	if !regexp.MustCompile(`^(?s:` + pattern + `)$`).MatchString(text) {
		o.t.Errorf("%s %s %s: %s, want %s", method, path, body, text, pattern)
	}
	return reply
}

func (o *office) knows(token any) bool {
	_, ok := o.live.Current().Find(fmt.Sprint(token))
	return ok
}

func (o *office) text(path string) string {
	o.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(data)
}

func TestATenantsLife(t *testing.T) {
	o := open(t)
	added := o.want("POST", "/add", `{"tenant_id": "carol", "quota_mb": 10}`,
		`\{"tenant_id":"carol","api_key":"pmb-v1-[0-9a-f]{24}","data_dir":".*/root/carol","status":"active"\}`)
	token := added["api_key"]
	if !o.knows(token) {
		t.Error("the token of a new tenant does not work at once")
	}
	if info, err := os.Stat(filepath.Join(o.dir, "root", "carol")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of a new tenant: %v", err)
	}
	o.want("GET", "", "", `\{"tenants":\[\{"tenant_id":"alice",.*\},\{"tenant_id":"carol","status":"active",.*"tokens":1,"read_only":false,"quota_mb":10,.*\}\]\}`)
	o.want("PATCH", "/carol", `{"quota_mb": 20, "requests_per_second": 0.5, "requests_per_day": 9, "read_only": true, "durability": "relaxed"}`,
		`\{"tenant_id":"carol",.*"read_only":true,"quota_mb":20,"requests_per_second":0.5,"requests_per_day":9,"durability":"relaxed"\}`)

	o.used = usage{3<<20 + 1, 42, time.Date(2026, 11, 24, 12, 0, 0, 5, time.UTC)}
	o.want("GET", "/carol/stats", "", `\{"tenant_id":"carol","storage_used_mb":3.001,"quota_mb":20,"api_calls_today":42,"last_active":"2026-11-24T12:00:00Z"\}`)
	o.used = usage{}
	o.want("GET", "/carol/stats", "", `.*"storage_used_mb":0,.*"api_calls_today":0,"last_active":null\}`)

	second := o.want("POST", "/carol/rotate", "", `\{"tenant_id":"carol","api_key":"pmb-v1-[0-9a-f]{24}","data_dir":".*","status":"active","old_tokens":1\}`)["api_key"]
	if !o.knows(token) || !o.knows(second) {
		t.Error("beside a new token the old one does not work, or the new one does not")
	}
	o.want("POST", "/carol/rotate", `{"finish": true}`, `\{"tenant_id":"carol",.*"tokens":1,.*\}`)
	if o.knows(token) || !o.knows(second) {
		t.Error("after the end of an exchange the old token works, or the new one does not")
	}
	third := o.want("POST", "/carol/rotate", `{"now": true}`, `.*"old_tokens":0\}`)["api_key"]
	if o.knows(second) || !o.knows(third) {
		t.Error("a token that leaked works, or the new one does not")
	}

	o.want("DELETE", "/carol", "", `\{"tenant_id":"carol","status":"disabled",.*"tokens":0,.*\}`)
	o.want("DELETE", "/carol", "", `\{"tenant_id":"carol","status":"disabled",.*\}`)
	if _, err := os.Stat(filepath.Join(o.dir, "root", "carol")); err != nil || o.knows(third) {
		t.Errorf("after a tenant was disabled its token works, or its files are gone: %v", err)
	}
	o.want("GET", "/carol/stats", "", `\{"tenant_id":"carol",.*`)
	o.want("PATCH", "/carol", `{"enabled": true}`, `\{"tenant_id":"carol","status":"active",.*`)
	if !o.knows(third) || !o.knows(tokenOfAlice) {
		t.Error("a tenant that was enabled again has not its token")
	}
	o.nothingSecret(token, second, third)
}

// nothingSecret holds all that is kept to having no token in it.
func (o *office) nothingSecret(tokens ...any) {
	o.t.Helper()
	kept := o.log.String() + o.text(o.auditLog) + o.text(o.config)
	for _, token := range tokens {
		if strings.Contains(kept, fmt.Sprint(token)) {
			o.t.Errorf("the token %v is kept in\n%s", token, kept)
		}
	}
}

func TestRefusals(t *testing.T) {
	o := open(t)
	if err := os.MkdirAll(filepath.Join(o.dir, "root", "full", "of"), 0o700); err != nil {
		t.Fatal(err)
	}
	before, registry := o.text(o.config), o.live.Current()
	for _, row := range [][4]string{
		{"POST", "/add", ``, `invalid: "tenant_id" is missing in the body`},
		{"POST", "/add", `{"tenant_id": "carol", "quotaMB": 5}`, `invalid: the body has an unknown field "quotaMB"`},
		{"POST", "/add", `{"tenant_id": "carol", "data_dir": "/etc"}`, `invalid: the body has an unknown field "data_dir"`},
		{"POST", "/add", `{"tenant_id": 7}`, `invalid: the field "tenant_id" of the body is not a string`},
		{"POST", "/add", `{"tenant_id": "carol"} {}`, `invalid: the body goes on behind its JSON object`},
		{"POST", "/add", `{"tenant_id": "carol"`, `invalid: the body is no JSON: unexpected EOF`},
		{"POST", "/add", `["carol"]`, `invalid: the body is no JSON object`},
		{"POST", "/add", `{"tenant_id": "../carol"}`, `invalid: the tenant's name begins with a dot; .*`},
		{"POST", "/add", `{"tenant_id": "carol/.."}`, `invalid: the tenant's name has the character '/'; .*`},
		{"POST", "/add", `{"tenant_id": "carol", "quota_mb": -1}`, `invalid: quota_mb is negative; .*`},
		{"POST", "/add", `{"tenant_id": "carol", "quota_mb": 1e3}`, `invalid: the field "quota_mb" of the body is not a whole number`},
		{"POST", "/add", `{"tenant_id": "carol", "durability": "none"}`, `invalid: durability is something else; .*`},
		{"POST", "/add", `{"tenant_id": "alice"}`, `conflict: there is a tenant "alice" already; choose another name`},
		{"POST", "/add", `{"tenant_id": "full"}`, `conflict: there is something in ".*/root/full" already, .*`},
		{"PATCH", "/alice", `{}`, `invalid: there is nothing to set in the body`},
		{"PATCH", "/alice", `{"tenant_id": "bob"}`, `invalid: the body has an unknown field "tenant_id"`},
		{"PATCH", "/nobody", `{"quota_mb": 1}`, `not_found: there is no tenant "nobody"`},
		{"DELETE", "/nobody", ``, `not_found: there is no tenant "nobody"`},
		{"DELETE", "/..%2falice", ``, `not_found: there is no tenant "../alice"`},
		{"GET", "/nobody/stats", ``, `not_found: there is no tenant "nobody"`},
		{"POST", "/nobody/rotate", ``, `not_found: there is no tenant "nobody"`},
		{"POST", "/alice/rotate", `{"now": true, "finish": true}`, `invalid: "now" and "finish" exclude each other`},
		{"POST", "/alice/rotate", `{"read_only": true}`, `conflict: tenant "alice" has no token that is for reading only`},
	} {
		o.want(row[0], row[1], row[2], row[3])
	}
	if o.text(o.config) != before || o.live.Current() != registry {
		t.Error("a request that was refused changed something")
	}
	o.write(before + "\n")
	for _, row := range [][3]string{{"POST", "/add", `{"tenant_id": "carol"}`}, {"PATCH", "/alice", `{"quota_mb": 1}`}, {"DELETE", "/alice", ""}, {"POST", "/alice/rotate", ""}} {
		o.want(row[0], row[1], row[2], `conflict: the configuration file was changed by others since it was loaded; look at it, reload it, and try again`)
	}
	if o.text(o.config) != before+"\n" || o.live.Current() != registry {
		t.Error("a file that was changed by hand was overwritten")
	}
	if err := o.live.Reload(); err != nil {
		t.Fatal(err)
	}
	o.want("POST", "/add", `{"tenant_id": "carol"}`, `\{.*\}`)
}

// TestAudit: each act is a line, done or refused, and says who did what to whom.
func TestAudit(t *testing.T) {
	o := open(t)
	o.ask("POST", "/add", `{"tenant_id": "carol", "quota_mb": 10}`)
	o.ask("POST", "/add", `{"tenant_id": "carol"}`)
	o.ask("DELETE", "/"+tokenOfAlice, ``)
	o.ask("POST", "/add", `{"tenant_id": "`+tokenOfAlice+`/"}`)
	o.ask("POST", "/carol/rotate", `{"now": true}`)
	o.ask("GET", "/carol/stats", ``)
	want := []string{
		`"action":"add","tenant":"carol","change":{"quota_mb":10},"result":"done"}`,
		`"action":"add","tenant":"carol","change":{},"result":"conflict"}`,
		`"action":"disable","result":"not_found"}`,
		`"action":"add","result":"invalid"}`,
		`"action":"rotate","tenant":"carol","change":{"now":true},"result":"done"}`,
	}
	lines := strings.Split(strings.TrimSpace(o.text(o.auditLog)), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %q", len(lines), len(want), lines)
	}
	for i, line := range lines {
		var act Act
		if err := json.Unmarshal([]byte(line), &act); err != nil || act.Remote != "192.0.2.7:1234" || time.Since(act.Time) > time.Hour || !strings.HasSuffix(line, want[i]) {
			t.Errorf("line %d: %s, %v", i, line, err)
		}
	}
	if n := strings.Count(o.log.String(), "audit=true remote=192.0.2.7:1234"); n != len(want) {
		t.Errorf("the log has %d acts, want %d:\n%s", n, len(want), o.log.String())
	}
	if info, err := os.Stat(o.auditLog); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the audit log's mode: %v, %v", info.Mode(), err)
	}
	if strings.Contains(o.log.String()+o.text(o.auditLog), tokenOfAlice) {
		t.Error("a token that stood for a name was recorded")
	}
}

// TestAuditFails: at the most one act is missing, it comes later, and meanwhile
// nothing is done.
func TestAuditFails(t *testing.T) {
	o := open(t)
	folder := filepath.Join(o.dir, "logs")
	audit := &Audit{log: slog.New(slog.NewTextHandler(&o.log, nil)), path: filepath.Join(folder, "audit")}
	s := &server{Options{func() *tenant.Config { return o.live.Current().Config() }, o.live.Change, &o.used, audit}}
	add := func(id string) error {
		r := httptest.NewRequest("POST", "/", strings.NewReader(`{"tenant_id": "`+id+`"}`))
		return s.add(httptest.NewRecorder(), r)
	}
	if err := add("carol"); err != nil {
		t.Errorf("an act that cannot be recorded any more is not answered: %v", err)
	}
	if err := add("dave"); sq.ErrorCode(err) != sq.Internal {
		t.Errorf("an act beyond one that is not recorded: %v", err)
	}
	if _, ok := o.live.Current().Tenant("dave"); ok {
		t.Error("it was done")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := add("erin"); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(o.text(audit.path)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"carol"`) || !strings.Contains(lines[1], `"erin"`) {
		t.Errorf("the audit log has %q", lines)
	}
	if _, err := NewAudit(slog.New(slog.DiscardHandler), filepath.Join(o.dir, "nowhere", "audit")); sq.ErrorCode(err) != sq.Internal {
		t.Errorf("a file that cannot be made: %v", err)
	}
}

// TestForwarded: a header is only kept when it has addresses in it.
func TestForwarded(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1, 2001:db8::1":     "192.0.2.1, 2001:db8::1",
		"someone <script>":           "",
		strings.Repeat("1", 201):     "",
		"192.0.2.1\nInjected: field": "",
	} {
		if got := forwarded(http.Header{"X-Forwarded-For": {text}}); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// TestManyAtOnce: all are added, each once, and each has its own token.
func TestManyAtOnce(t *testing.T) {
	o := open(t)
	const many = 100
	var wg sync.WaitGroup
	var mu sync.Mutex
	tokens := map[any]bool{}
	for i := range many {
		for range 2 { // of two with one name one is refused
			wg.Go(func() {
				_, reply := o.ask("POST", "/add", fmt.Sprintf(`{"tenant_id": "t%d"}`, i))
				mu.Lock()
				defer mu.Unlock()
				if reply != nil {
					tokens[reply["api_key"]] = true
				}
			})
		}
	}
	wg.Wait()
	for token := range tokens {
		if !o.knows(token) {
			t.Errorf("a token that was given does not work")
		}
	}
	if n := len(o.live.Current().Tenants()); n != many+1 || len(tokens) != many {
		t.Errorf("%d tenants and %d tokens, want %d more", n, len(tokens), many)
	}
	if n := strings.Count(o.text(o.auditLog), "\n"); n != 2*many {
		t.Errorf("%d acts were recorded, want %d", n, 2*many)
	}
}

// TestABodyThatBreaks is the body's error, and nothing is done.
func TestABodyThatBreaks(t *testing.T) {
	broken := errors.New("broken")
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(`{"tenant_id": "carol"}`), failing{broken}))
	if err := (&server{}).add(httptest.NewRecorder(), r); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
