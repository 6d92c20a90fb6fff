package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tokenOfAdmin = "invented-token-of-the-administration"

// managed makes a configuration with alice and an administration, and returns its
// path and the folder of the tenants.
func managed(t *testing.T, more string) (config, dir string) {
	dir = t.TempDir()
	return write(t, "managed.json", fmt.Sprintf(`{"tenants": {
  %q: {"name": "alice", "data_dir": "%s/alice"}
}, "admin_key": %q, "data_root": "%s"%s}`, tokenOfAlice, dir, tokenOfAdmin, dir, more)), dir
}

// token makes a request to the administration, and returns the token it shows.
func (s *server) newToken(method, what, body string) string {
	s.t.Helper()
	status, text := s.call(tokenOfAdmin, method, what, body)
	var reply struct {
		Token string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(text), &reply); status != http.StatusOK || err != nil || reply.Token == "" {
		s.t.Fatalf("%s %s: %d %s", method, what, status, text)
	}
	return reply.Token
}

// TestAdministration through the door: who may, and that it is in force at once.
func TestAdministration(t *testing.T) {
	config, dir := managed(t, "")
	audit := filepath.Join(t.TempDir(), "audit.log")
	s := start(t, "--config", config, "--audit-log", audit)
	for _, row := range []struct {
		token  string
		status int
	}{{"", 401}, {"invented-but-wrong", 401}, {tokenOfAlice, 403}} {
		for _, what := range []string{"admin/tenants", "admin/tenants/alice/stats"} {
			if status, text := s.call(row.token, "GET", what, ""); status != row.status || strings.Contains(text, "alice") {
				t.Errorf("%s with %q: %d %s", what, row.token, status, text)
			}
		}
		if status, _ := s.call(row.token, "DELETE", "admin/tenants/alice", ""); status != row.status {
			t.Errorf("DELETE with %q: %d", row.token, status)
		}
	}
	if status, _ := s.call(tokenOfAdmin, "PUT", "admin/tenants/alice", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", status)
	}

	token := s.newToken("POST", "admin/tenants/add", `{"tenant_id": "carol"}`)
	s.want(token, "POST", "update"+at("notes", first), "of carol", "Updated 8 bytes")
	if status, text := s.call(tokenOfAdmin, "GET", "admin/tenants/carol/stats", ""); status != 200 ||
		!regexp.MustCompile(`^\{"tenant_id":"carol","storage_used_mb":[0-9.]+,"quota_mb":0,"api_calls_today":1,"last_active":"20[^"]+Z"\}`).MatchString(text) ||
		strings.Contains(text, `"storage_used_mb":0,`) {
		t.Errorf("stats: %d %s", status, text)
	}
	if status, _ := s.call(tokenOfAdmin, "DELETE", "admin/tenants/carol", ""); status != 200 {
		t.Errorf("DELETE: %d", status)
	}
	if status, _ := s.call(token, "GET", "select"+at("notes", first), ""); status != 401 {
		t.Errorf("the token of a tenant that was removed gets %d", status)
	}
	if status, text := s.call(tokenOfAdmin, "POST", "admin/tenants/add", `{"tenant_id": "dave", "secret": 1}`); status != 400 || text != `the body has an unknown field "secret"` {
		t.Errorf("%d %s", status, text)
	}
	put(t, config, strings.Replace(read(t, config), "\n", "\n\n", 1))
	if status, _ := s.call(tokenOfAdmin, "POST", "admin/tenants/add", `{"tenant_id": "dave"}`); status != 409 {
		t.Errorf("after a change by hand: %d, want 409", status)
	}
	s.want(tokenOfAdmin, "POST", "reload", "", "Config reload triggered")
	s.newToken("POST", "admin/tenants/add", `{"tenant_id": "dave"}`)
	s.stop()

	if got := read(t, filepath.Join(dir, "carol", "notes.phext")); got != "of carol" {
		t.Errorf("the file of a tenant that was removed holds %q", got)
	}
	record := read(t, audit)
	if n := strings.Count(record, "\n"); n != 5 || !strings.Contains(record, `"action":"reload","result":"done"}`) {
		t.Errorf("%d acts were recorded, want 5, a reload among them:\n%s", n, record)
	}
	s.logs("audit=true", "action=disable tenant=carol result=done")
	for _, secret := range []string{tokenOfAdmin, tokenOfAlice, token} {
		if strings.Contains(record+s.stderr.String(), secret) {
			t.Errorf("%q was logged", secret)
		}
	}
	// What was changed is what the next start serves.
	s = start(t, "--config", config)
	if status, _ := s.call(token, "GET", "version", ""); status != 401 {
		t.Errorf("after a restart the token of a removed tenant gets %d", status)
	}
	s.stop()
}

// acts returns what was recorded, an act a line, as action, tenant and result.
func acts(t *testing.T, audit string) (list []string) {
	t.Helper()
	for line := range strings.Lines(read(t, audit)) {
		var act struct{ Remote, Action, Tenant, Result string }
		if err := json.Unmarshal([]byte(line), &act); err != nil || !strings.HasPrefix(act.Remote, "127.0.0.1:") {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, strings.Join([]string{act.Action, act.Tenant, act.Result}, " "))
	}
	return list
}

// TestBackupsAreRecorded: whoever takes the texts of tenants away leaves a line, also who
// was refused. What cannot be recorded is not handed out.
func TestBackupsAreRecorded(t *testing.T) {
	config, _ := managed(t, "")
	audit := filepath.Join(t.TempDir(), "audit.log")
	s := start(t, "--config", config, "--audit-log", audit)
	for _, row := range []struct {
		method, query, body string
		status              int
	}{
		{"GET", "", "", 200}, {"GET", "?tenant=alice", "", 200}, {"HEAD", "", "", 200},
		{"GET", "?tenant=" + tokenOfAlice, "", 404}, {"GET", "?tenants=alice", "", 400}, {"POST", "", "no manifest", 400},
	} {
		if status, text := s.call(tokenOfAdmin, row.method, "admin/backup"+row.query, row.body); status != row.status {
			t.Errorf("%s %s: %d %q", row.method, row.query, status, text)
		}
	}
	want := []string{"backup  done", "backup alice done", "backup  not_found", "backup  invalid", "backup  invalid"}
	if got := acts(t, audit); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || strings.Contains(read(t, audit), tokenOfAlice) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
	if err := os.Remove(audit); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(audit, 0o700); err != nil {
		t.Fatal(err)
	}
	s.call(tokenOfAdmin, "GET", "admin/backup", "") // the one that may be missing
	if status, text := s.call(tokenOfAdmin, "GET", "admin/backup", ""); status != 500 || len(text) > 100 {
		t.Errorf("what cannot be recorded: %d with %d bytes", status, len(text))
	}
	s.stop()
}

// TestClaimsAreRecorded: who is given a slot's token by hand leaves a line, and no token
// or buyer in it.
func TestClaimsAreRecorded(t *testing.T) {
	audit := filepath.Join(t.TempDir(), "audit.log")
	h := startFounding(t, 1, "--audit-log", audit)
	h.claim(1)
	h.claim(1)
	h.claim(2)
	h.ask("POST", "/api/claim-instance", "{}", "Authorization: "+foundersKey)
	want := []string{"claim founding-001 done", "claim founding-001 done", "claim  gone", "claim  invalid"}
	if got := acts(t, audit); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
	if text := read(t, audit) + h.stderr.String(); strings.Contains(text, "example.com") || strings.Contains(text, "cus_") || strings.Contains(text, foundingToken(1)) {
		t.Errorf("the record tells too much:\n%s", text)
	}
	h.stop()
}

func TestNoAdministration(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config)
	if status, _ := s.call(tokenOfAlice, "GET", "admin/tenants", ""); status != http.StatusNotFound {
		t.Errorf("without a key of the administration: %d, want 404", status)
	}
	s.stop()
	for args, want := range map[string]string{
		"--data-dir x --audit-log y":           "sq: --audit-log goes with --config",
		"--config " + config + " --audit-log ": "sq: --audit-log is empty",
	} {
		s := begin(t, nil, append([]string{"host", "0"}, strings.Split(args, " ")...)...)
		if status := s.ends(); status != exitUsage {
			t.Errorf("%s: exit status %d", args, status)
		}
		s.logs(want)
	}
	s = begin(t, nil, "host", "0", "--config", config, "--audit-log", filepath.Join(t.TempDir(), "nowhere", "audit"))
	if status := s.ends(); status != exitFailure {
		t.Errorf("an audit log that cannot be written: exit status %d", status)
	}
	s.logs("cannot write the audit log")
	if _, err := os.Stat("x"); err == nil {
		t.Error("a directory was made")
	}
}

// TestNothingToRecordIn: a daemon, which has no administration, reads again as well.
func TestNothingToRecordIn(t *testing.T) {
	done := 0
	if err := new(adminFlags).recorded("reload", func() error { done++; return nil })(nil); err != nil || done != 1 {
		t.Errorf("done %d times, %v", done, err)
	}
}
