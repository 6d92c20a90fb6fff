package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wbic16/sq-go/internal/backup"
	"github.com/wbic16/sq-go/internal/tenant"
	"github.com/wbic16/sq-go/phext"
)

const adminKey = "invented-admin-key"

// administered returns a configuration of two tenants with an admin key.
func administered(t *testing.T) (config, dir string) {
	dir = t.TempDir()
	text := strings.TrimSpace(twoTenantsIn(dir))
	return write(t, "two.json", strings.TrimSuffix(text, "}")+`, "admin_key": "`+adminKey+`"}`), dir
}

// sqRuns runs a command line and returns what it says.
func sqRuns(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	s := begin(t, map[string]string{"SQ_ADMIN_KEY": adminKey}, args...)
	if got := s.ends(); got != status {
		t.Errorf("sq %q: exit status %d, want %d\n%s%s", args, got, status, s.stdout, s.stderr)
	}
	return s.stdout.String(), s.stderr.String()
}

func says(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s says\n%swithout %q", what, text, want)
		}
	}
}

// pairs writes to two scrolls of a phext in turn, the same number, until it is told to
// stop, so that in every state that ever was the first is equal or ahead by one.
func pairs(s *server, token, name string, stop <-chan struct{}) {
	const second = "1.1.1/1.1.1/1.1.2"
	for n := 1; ; n++ {
		for _, c := range []string{first, second} {
			s.want(token, "POST", "update"+at(name, c), strconv.Itoa(n), fmt.Sprintf("Updated %d bytes", len(strconv.Itoa(n))))
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// numbers returns what pairs wrote, as a file has it.
func numbers(t *testing.T, path string) (a, b int) {
	t.Helper()
	scrolls, err := phext.Explode(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	for c, text := range scrolls {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if c == phext.First {
			a = n
		} else {
			b = n
		}
	}
	return a, b
}

// TestBackupUnderLoad: a full backup and incremental ones while others write. What is
// restored is for each phext a state that was, and none older than what was
// answered before the backup began.
func TestBackupUnderLoad(t *testing.T) {
	config, _ := administered(t)
	s := start(t, "--config", config)
	work := t.TempDir()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i := range 2 {
		for _, token := range []string{tokenOfAlice, tokenOfBob} {
			writers.Go(func() { pairs(s, token, fmt.Sprint("pair-", i), stop) })
		}
	}
	s.want(tokenOfBob, "POST", "update"+at("still", first), "still", "Updated 5 bytes")
	var tars []string
	answered := 0
	for i := range 4 {
		answered, _ = strconv.Atoi(s.shows("select" + at("pair-0", first)))
		tar := filepath.Join(work, fmt.Sprint(i, ".tar.zst"))
		args := []string{"backup", "--server", "http://" + s.address, tar}
		if i > 0 {
			args = append(args, "--since", tars[i-1])
		}
		out, _ := sqRuns(t, exitOK, args...)
		says(t, "backup", out, "of 2 tenants")
		tars = append(tars, tar)
	}
	close(stop)
	writers.Wait()
	s.stop()

	restored := filepath.Join(work, "restored")
	there := write(t, "there.json", twoTenantsIn(restored))
	for range 2 { // the second time everything is there
		sqRuns(t, exitOK, append([]string{"restore", "--config", there}, tars...)...)
	}
	for _, path := range []string{"alice/pair-0", "alice/pair-1", "bob/pair-0", "bob/pair-1"} {
		a, b := numbers(t, filepath.Join(restored, path+".phext"))
		if a != b && a != b+1 {
			t.Errorf("%s has %d and %d, which never was", path, a, b)
		}
		if path == "alice/pair-0" && a < answered {
			t.Errorf("%s has %d, and %d was answered before", path, a, answered)
		}
	}
	if got := read(t, filepath.Join(restored, "bob/still.phext")); got != "still" {
		t.Errorf("what did not change is %q", got)
	}
	out, _ := sqRuns(t, exitOK, "check", "--config", there)
	says(t, "check", out, "5 phexts checked, 0 problems")
	_, errors := sqRuns(t, exitFailure, "restore", "--config", there, tars[0], tars[2])
	says(t, "restore", errors, "number 2 is against the one with the id ")
	served := start(t, "--config", there)
	a, _ := numbers(t, filepath.Join(restored, "alice/pair-0.phext"))
	served.want(tokenOfAlice, "GET", "select"+at("pair-0", first), "", strconv.Itoa(a))
	served.stop()
}

// TestBackupRoute: the door of the administration, and what is asked there.
func TestBackupRoute(t *testing.T) {
	config, _ := administered(t)
	s := start(t, "--config", config)
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "of alice", "Updated 8 bytes")
	s.want(tokenOfBob, "POST", "update"+at("notes", first), "of bob", "Updated 6 bytes")
	for _, row := range []struct {
		token, method, query, body string
		status                     int
		says                       string
	}{
		{"", "GET", "", "", 401, "Unauthorized"},
		{tokenOfAlice, "GET", "?tenant=alice", "", 403, "the key of the administration"},
		{adminKey, "PUT", "", "", 405, ""},
		{adminKey, "HEAD", "", "", 200, ""},
		{adminKey, "GET", "?tenant=carol", "", 404, `there is no tenant "carol"`},
		{adminKey, "GET", "?tenant=", "", 400, "leave it out"},
		{adminKey, "GET", "?tenants=alice", "", 400, `no parameter "tenants"`},
		{adminKey, "GET", "?skip-unreadable=perhaps", "", 400, "true or false is wanted"},
		{adminKey, "POST", "", "{}", 400, "the manifest is none"},
	} {
		status, reply := s.call(row.token, row.method, "admin/backup"+row.query, row.body)
		if status != row.status || !strings.Contains(reply, row.says) {
			t.Errorf("%s %q: %d %q", row.method, row.query, status, reply)
		}
	}
	status, tar := s.call(adminKey, "GET", "admin/backup?tenant=alice", "")
	m, err := backup.Verify(context.Background(), strings.NewReader(tar), nil)
	if status != http.StatusOK || err != nil || len(m.Tenants) != 1 || m.Tenant("alice").Phext("notes") == nil {
		t.Fatalf("alice's backup: %d, %+v, %v", status, m, err)
	}
	text, err := backup.ReadConfig(strings.NewReader(tar), m)
	if err != nil || strings.Contains(string(text), "bob") || strings.Contains(tar, tokenOfAlice) || strings.Contains(tar, "admin_key") {
		t.Errorf("alice's configuration: %s, %v", text, err)
	}
	status, tar = s.call(adminKey, "GET", "admin/backup", "")
	if m, err = backup.Verify(context.Background(), strings.NewReader(tar), nil); status != http.StatusOK || err != nil || len(m.Tenants) != 2 {
		t.Fatalf("all: %d, %+v, %v", status, m, err)
	}
	since, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	_, tar = s.call(adminKey, "POST", "admin/backup", string(since))
	next, err := backup.Verify(context.Background(), strings.NewReader(tar), nil)
	if err != nil || next.Since != m.ID() {
		t.Fatalf("incremental: %+v, %v", next, err)
	}
	if listed, stored, _, _ := next.Count(); listed != 2 || stored != 0 {
		t.Errorf("%d of %d are stored", stored, listed)
	}
	for _, secret := range []string{tokenOfAlice, tokenOfBob, adminKey} {
		if strings.Contains(tar+s.stdout.String()+s.stderr.String(), secret) {
			t.Error("a token is in a backup, or in the log")
		}
	}
	s.stop()
}

// TestBackupLeft: whoever leaves in the middle leaves nothing behind.
func TestBackupLeft(t *testing.T) {
	config, dir := administered(t)
	if err := os.Mkdir(filepath.Join(dir, "alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "alice/big.phext"), strings.Repeat("text ", 8<<20))
	s := start(t, "--config", config)
	get := func(ctx context.Context) *http.Response {
		r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.address+"/api/v2/admin/backup", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", adminKey)
		reply, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	var under []func()
	for range mostBackups {
		ctx, cancel := context.WithCancel(context.Background())
		reply := get(ctx)
		if h := reply.Header; h.Get("Content-Type") != "application/x-tar" || !strings.HasPrefix(h.Get("Content-Disposition"), `attachment; filename="sq-backup-20`) {
			t.Errorf("headers: %v", h)
		}
		if _, err := io.ReadFull(reply.Body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		under = append(under, func() { cancel(); reply.Body.Close() })
	}
	if status, reply := s.call(adminKey, "GET", "admin/backup", ""); status != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d %.100q", status, reply)
	}
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "meanwhile", "Updated 9 bytes")
	for _, leave := range under {
		leave()
	}
	for {
		if status, tar := s.call(adminKey, "GET", "admin/backup?tenant=bob", ""); status == http.StatusOK {
			if _, err := backup.Verify(context.Background(), strings.NewReader(tar), nil); err != nil {
				t.Error(err)
			}
			break
		}
	}
	s.stop()
}

// TestBackupUnreadable: a phext with a damaged journal breaks a backup, and is named, whether
// a part was sent or not; left out of it, it is named too.
func TestBackupUnreadable(t *testing.T) {
	config, dir := administered(t)
	s := launch(t, nil, "--config", config)
	s.listens()
	for i := range 4 {
		s.want(tokenOfBob, "POST", "update"+at("notes", first), fmt.Sprint("version ", i), "Updated 9 bytes")
	}
	s.signal(os.Kill)
	s.ends()
	segments, err := filepath.Glob(filepath.Join(dir, "bob/.sq/journal/*"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("%q, %v", segments, err)
	}
	text := []byte(read(t, segments[0]))
	text[bytes.Index(text, []byte("version 1"))] ^= 1
	replace(t, segments[0], string(text))
	work := t.TempDir()
	tar := filepath.Join(work, "b.tar")

	_, errors := sqRuns(t, exitFailure, "backup", "--config", config, tar)
	says(t, "backup", errors, "bob/notes.phext cannot be backed up: ", "is damaged")
	s = start(t, "--config", config)
	_, errors = sqRuns(t, exitFailure, "backup", "--server", "http://"+s.address, tar)
	says(t, "backup of a server", errors, "the server answered 500: bob/notes.phext cannot be backed up: ")
	s.want(tokenOfAlice, "POST", "update"+at("big", first), strings.Repeat("x", 1<<20), "Updated 1048576 bytes")
	_, errors = sqRuns(t, exitFailure, "backup", "--server", "http://"+s.address, tar)
	says(t, "backup that breaks off", errors, "it failed while it was made: bob/notes.phext cannot be backed up: ")
	if body, err := backupBody(t, s); err == nil || !strings.Contains(body, "FAILED") {
		t.Errorf("the connection does not break after %d bytes: %v", len(body), err)
	}
	if left, _ := filepath.Glob(filepath.Join(work, "*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	_, errors = sqRuns(t, exitOK, "backup", "--server", "http://"+s.address, "--skip-unreadable", tar)
	says(t, "backup with less", errors, "sq: bob/notes.phext is as far as its journal could be read: ")
	out, errors := sqRuns(t, exitOK, "restore", "--verify-only", "--json", tar)
	says(t, "restore", out, `"complete":false`)
	says(t, "restore", errors, "bob/notes.phext is as far as its journal could be read")
	_, errors = sqRuns(t, exitFailure, "restore", "--config", config, "--force", tar)
	says(t, "restore beside a server", errors, "is served (process ")
	_, errors = sqRuns(t, exitFailure, "backup", "--config", config, filepath.Join(work, "c.tar"))
	says(t, "backup beside a server", errors, "is served by another program", "sq: hint: to back up while the server runs: sq backup --server URL")
	s.stop()
}

// backupBody returns what a client reads that knows nothing of backups.
func backupBody(t *testing.T, s *server) (string, error) {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+s.address+"/api/v2/admin/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", adminKey)
	reply, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	return string(body), err
}

// TestRestoreInterrupted: a signal while it verifies changes nothing.
func TestRestoreInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir, notes := t.TempDir(), t.TempDir()
	put(t, filepath.Join(notes, "a.phext"), "text")
	tar := filepath.Join(dir, "b.tar")
	sqRuns(t, exitOK, "backup", "--data-dir", notes, tar)
	out := outside{stdin: strings.NewReader(""), stdout: newScreen(), stderr: newScreen(),
		lookup: func(string) (string, bool) { return "", false }, signals: func() (<-chan os.Signal, func()) { return nil, func() {} }}
	if status := run(ctx, []string{"restore", tar, "--data-dir", filepath.Join(dir, "new")}, out); status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a folder was made")
	}
}

// TestRestoreBesideAServer: a restore is refused while a server has the tenants, also
// where it has opened none of their directories, and goes on when the server has ended.
func TestRestoreBesideAServer(t *testing.T) {
	config, dir := administered(t)
	if err := os.Mkdir(filepath.Join(dir, "alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "alice", "notes.phext"), "kept")
	tar := filepath.Join(t.TempDir(), "all.tar")
	sqRuns(t, exitOK, "backup", "--config", config, "--tenant", "alice", tar)
	put(t, filepath.Join(dir, "alice", "notes.phext"), "changed")
	s := start(t, "--config", config)
	_, stderr := sqRuns(t, exitFailure, "restore", tar, "--config", config, "--tenant", "alice", "--force")
	says(t, "a restore beside a server", stderr, config+" is served (process ", "hint: stop the server first")
	if text := read(t, filepath.Join(dir, "alice", "notes.phext")); text != "changed" {
		t.Errorf("the file holds %q", text)
	}
	s.stop()
	sqRuns(t, exitOK, "restore", tar, "--config", config, "--tenant", "alice", "--force")
	if text := read(t, filepath.Join(dir, "alice", "notes.phext")); text != "kept" {
		t.Errorf("the file holds %q", text)
	}
}

// TestServerBesideARestore: while tenants are restored no server starts on them, and no
// other restore; nothing is made before that is known. Where it cannot be known, a line
// of the log says so.
func TestServerBesideARestore(t *testing.T) {
	config, dir := administered(t)
	if err := os.Mkdir(filepath.Join(dir, "alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	tar := filepath.Join(t.TempDir(), "all.tar")
	sqRuns(t, exitOK, "backup", "--config", config, "--tenant", "alice", tar)
	restore, err := tenant.Serve(config, "a restore, process 7")
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, nil, "host", "0", "--config", config)
	if status := s.ends(); status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	s.logs("sq: the tenants of "+config+" are in use (a restore, process 7)", "sq: hint: one server or restore at a time")
	if _, err := os.Stat(filepath.Join(dir, "bob")); err == nil {
		t.Error("a directory was made")
	}
	sqRuns(t, exitFailure, "restore", tar, "--config", config, "--tenant", "alice")
	if err := restore.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, "--config", config).stop()

	if err := errors.Join(os.Remove(config+".served"), os.Mkdir(config+".served", 0o700)); err != nil {
		t.Fatal(err)
	}
	s = start(t, "--config", config)
	s.stop()
	s.logs("level=WARN msg=\"a restore beside this server will not be refused")
}
