//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// deploy is where what is tested here lies.
const deploy = "../../deploy"

// tool finds a program that not every machine has. Where nobody reads what was
// skipped it must be there.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	if os.Getenv("CI") == "" {
		t.Skipf("needs %s, which scripts/install-test-tools installs", name)
	}
	t.Fatalf("there is no %s", name)
	return ""
}

// install runs deploy/install.sh below a folder, with the program that the test
// binary stands in for.
func install(t *testing.T, root string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(deploy, "install.sh"), append([]string{"--root", root}, args...)...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// pretender is a program that says of itself what it is.
func pretender(t *testing.T, says string) string {
	t.Helper()
	path := write(t, "sq", "#!/bin/sh\necho "+says+"\n")
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// below returns what is below a folder: the mode and the text of each file.
func below(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, text := strings.TrimPrefix(path, root), []byte(nil)
		if !d.IsDir() {
			text, err = os.ReadFile(path)
		}
		found[name] = fmt.Sprintf("%v %s", info.Mode(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestInstall: a program is installed, once more without any change, and then a
// newer one, which keeps the one before. Removing it keeps what is the owner's.
func TestInstall(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new root")
	first, second := pretender(t, "first"), pretender(t, "second")
	out, err := install(t, root, "--binary", first)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	installed := below(t, root)
	for name, mode := range map[string]string{
		"/usr/local/bin/sq": "-rwxr-xr-x", "/usr/local/lib/sq/backup": "-rwxr-xr-x", "/etc/sq": "drwxr-x---", "/etc/sq/admin-key": "-rw-------", "/etc/sq/environment": "-rw-r-----",
		"/var/lib/sq": "drwxr-x---", "/var/lib/sq/tenants.json": "-rw-------", "/var/backups/sq": "drwx------",
		"/etc/systemd/system": "drwxr-xr-x", "/etc/systemd/system/sq.service": "-rw-r--r--", "/etc/systemd/system/sq.socket": "-rw-r--r--",
		"/etc/systemd/system/sq-backup.service": "-rw-r--r--", "/etc/systemd/system/sq-backup.timer": "-rw-r--r--",
	} {
		if !strings.HasPrefix(installed[name], mode+" ") {
			t.Errorf("%s is %.40q, want %s", name, installed[name], mode)
		}
	}
	again, err := install(t, root, "--binary", first)
	if got := below(t, root); err != nil || !mapsEqual(got, installed) {
		t.Errorf("installed again, something changed: %v\n%s", err, again)
	}
	if regexp.MustCompile(`pmb-v1-`).MatchString(again) {
		t.Errorf("the token is shown twice:\n%s", again)
	}
	if out, err := install(t, root, "--binary", second); err != nil || !strings.Contains(out, "sq.previous") {
		t.Errorf("%v\n%s", err, out)
	}
	after := below(t, root)
	if after["/usr/local/bin/sq.previous"] != installed["/usr/local/bin/sq"] || !strings.Contains(after["/usr/local/bin/sq"], "second") {
		t.Errorf("the program is %q, before it %q", after["/usr/local/bin/sq"], after["/usr/local/bin/sq.previous"])
	}
	if out, err := install(t, root, "--uninstall"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	left := below(t, root)
	for name, text := range installed {
		stays := strings.HasPrefix(name, "/etc/sq") || strings.HasPrefix(name, "/var/")
		if got, there := left[name]; stays && got != text || !stays && there && !strings.HasPrefix(text, "d") {
			t.Errorf("after removing it, %s is %q, was %q", name, got, text)
		}
	}
}

func mapsEqual(a, b map[string]string) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestInstalledConfigurationServes: with the flags that are installed and the token that
// was shown, and with nothing secret in the file. What administrators do is recorded.
func TestInstalledConfigurationServes(t *testing.T) {
	root := t.TempDir()
	out, err := install(t, root, "--binary", pretender(t, "sq"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	token := regexp.MustCompile(`pmb-v1-001-[0-9a-f]{24}`).FindString(out)
	config := filepath.Join(root, "var/lib/sq/tenants.json")
	text := read(t, config)
	if token == "" || strings.Contains(text, token) {
		t.Fatalf("the token is %q\n%s", token, text)
	}
	put(t, config, strings.ReplaceAll(text, "/var/lib/sq", root+"/var/lib/sq"))
	flags := regexp.MustCompile(`SQ_OPTIONS="(.*)"`).FindStringSubmatch(read(t, filepath.Join(root, "etc/sq/environment")))[1]
	if unit := read(t, filepath.Join(deploy, "systemd/sq.service")); !strings.Contains(unit, "SQ_OPTIONS="+flags+"\"") {
		t.Errorf("the unit has other flags than %s", flags)
	}
	s := start(t, strings.Fields(strings.ReplaceAll(flags, "/var/lib/sq", root+"/var/lib/sq"))...)
	s.want(token, "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	key := strings.TrimSpace(read(t, filepath.Join(root, "etc/sq/admin-key")))
	s.want(key, "POST", "reload", "", "Config reload triggered")
	if got := acts(t, filepath.Join(root, "var/lib/sq/audit.log")); len(got) != 1 || got[0] != "reload  done" {
		t.Errorf("recorded: %q", got)
	}
	s.stop()
}

func TestInstallMistakes(t *testing.T) {
	root := t.TempDir()
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"--binary", filepath.Join(root, "none")}, "there is no program"},
		{[]string{"--binary", write(t, "sq", "\x7fELF for another machine")}, "does not run on this machine"},
		{[]string{"--prefix", "opt"}, "does not begin with /"},
		{[]string{"--binary"}, "--binary needs a value"},
		{[]string{"--quietly"}, "there is no --quietly"},
	} {
		if out, err := install(t, root, row.args...); err == nil || !strings.Contains(out, row.want) {
			t.Errorf("%q: %v\n%s", row.args, err, out)
		}
	}
	if left := below(t, root); len(left) > 1 {
		t.Errorf("something was made: %q", left)
	}
}

// TestBackupScript: a backup gets its name when it is whole, and then the old ones
// go; one that fails leaves all as it was.
func TestBackupScript(t *testing.T) {
	dir, keys := t.TempDir(), t.TempDir()
	put(t, filepath.Join(keys, "admin-key"), "invented-key\n")
	put(t, filepath.Join(dir, "sq-20200101T000000Z.tar"), "old")
	put(t, filepath.Join(dir, "mine.tar"), "of somebody")
	for _, name := range []string{"sq-20200101T000000Z.tar", "mine.tar"} {
		if err := exec.Command("touch", "-d", "2020-01-01", filepath.Join(dir, name)).Run(); err != nil {
			t.Fatal(err)
		}
	}
	run := func(program string) error {
		sq := write(t, "sq", "#!/bin/sh\n"+program)
		if err := os.Chmod(sq, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(deploy, "backup.sh"), dir)
		cmd.Env = append(os.Environ(), "SQ_PROGRAM="+sq, "CREDENTIALS_DIRECTORY="+keys)
		return cmd.Run()
	}
	names := func() (names []string) {
		for name := range below(t, dir) {
			names = append(names, strings.TrimPrefix(name, "/"))
		}
		slices.Sort(names)
		return names[1:] // the folder itself
	}
	var exit *exec.ExitError
	if err := run("echo half >$4; exit 1"); !errors.As(err, &exit) || fmt.Sprint(names()) != "[mine.tar sq-20200101T000000Z.tar]" {
		t.Errorf("%v, %q", err, names())
	}
	if err := run(`echo "$@ $SQ_ADMIN_KEY" >$4`); err != nil {
		t.Fatal(err)
	}
	got := names()
	if len(got) != 2 || got[0] != "mine.tar" || !regexp.MustCompile(`^sq-20\d{6}T\d{6}Z\.tar$`).MatchString(got[1]) {
		t.Fatalf("%q", got)
	}
	if text := read(t, filepath.Join(dir, got[1])); !regexp.MustCompile(`^backup --server http://127.0.0.1:1337 \S+\.part invented-key\n$`).MatchString(text) {
		t.Errorf("it was asked for with %q", text)
	}
}

// TestBackupScriptWithTheProgram: what the script makes is a backup, which the
// program itself finds sound.
func TestBackupScriptWithTheProgram(t *testing.T) {
	dir := t.TempDir()
	config := write(t, "tenants.json", `{"tenants": {"invented": {"name": "alice", "data_dir": "`+dir+`/alice"}}, "admin_key": "invented-key"}`)
	s := start(t, "--config", config)
	s.want("invented", "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	program, err := exec.LookPath("sq")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(deploy, "backup.sh"), dir)
	cmd.Env = append(os.Environ(), "SQ_PROGRAM="+program, "SQ_ADMIN_KEY=invented-key", "SQ_BACKUP_SERVER=http://"+s.address)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "sq-*.tar"))
	if err != nil || len(made) != 1 {
		t.Fatalf("%q, %v", made, err)
	}
	if out, err := exec.Command(program, "restore", "--verify-only", made[0]).CombinedOutput(); err != nil || !strings.Contains(string(out), "sound, 1 phext of 1 tenant, 4 bytes") {
		t.Errorf("%v\n%s", err, out)
	}
	s.stop()
}

func TestShellcheck(t *testing.T) {
	if text, err := exec.Command(tool(t, "shellcheck"), filepath.Join(deploy, "install.sh"), filepath.Join(deploy, "backup.sh"), "../../scripts/install-test-tools", "../../scripts/operators-day", "../../.ci/run", "../../.ci/nightly").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// instruction is a line of a Dockerfile, those that go on joined.
type instruction struct{ name, args string }

func dockerfile(t *testing.T) (list []instruction) {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(read(t, filepath.Join(deploy, "Dockerfile")), "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			name, args, _ := strings.Cut(line, " ")
			list = append(list, instruction{name, args})
		}
	}
	return list
}

// TestDockerfile: what it copies is there, its stages follow each other, and what it
// runs are commands of the program, as a user who is not root. Docker itself is not
// asked: few test machines have it.
func TestDockerfile(t *testing.T) {
	known := strings.Fields("FROM WORKDIR COPY RUN USER VOLUME ENV EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD")
	stages, last := 0, map[string]string{}
	for _, i := range dockerfile(t) {
		if !slices.Contains(known, i.name) {
			t.Errorf("there is no instruction %s", i.name)
		}
		if i.name == "FROM" {
			stages++
			last = map[string]string{}
		}
		if last[i.name] = i.args; i.name != "COPY" || strings.HasPrefix(i.args, "--from") {
			continue
		}
		words := strings.Fields(i.args)
		for _, from := range words[:len(words)-1] {
			if _, err := os.Stat(filepath.Join("../..", from)); err != nil {
				t.Errorf("COPY %s: %v", i.args, err)
			}
		}
	}
	if user := last["USER"]; !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER is %q, want numbers that are not root's", user)
	}
	if last["FROM"] != "scratch" || stages != 2 || last["VOLUME"] != "/data" {
		t.Errorf("%d stages, the last of %q, with the volume %q", stages, last["FROM"], last["VOLUME"])
	}
	_, health, _ := strings.Cut(last["HEALTHCHECK"], "CMD ")
	for _, form := range []string{health, last["ENTRYPOINT"], last["CMD"]} {
		var words []string
		if err := json.Unmarshal([]byte(form), &words); err != nil {
			t.Errorf("%s needs a shell, and there is none: %v", form, err)
			continue
		}
		if words = slices.DeleteFunc(words, func(w string) bool { return w == "/sq" }); len(words) == 0 {
			continue
		}
		if text, err := exec.Command("sq", "help", words[0]).CombinedOutput(); err != nil {
			t.Errorf("sq %q: %v\n%s", words, err, text)
		}
	}
}

// buildLine returns how the image builds the program, with another place for it.
func buildLine(t *testing.T, out string) string {
	t.Helper()
	for _, i := range dockerfile(t) {
		if i.name == "RUN" && strings.Contains(i.args, "go build") {
			return strings.Replace(i.args, "/out/sq", out, 1)
		}
	}
	t.Fatal("no line builds the program")
	return ""
}

// TestStaticProgram: the program of the image needs nothing of the system that it
// runs on.
func TestStaticProgram(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sq")
	build := exec.Command("sh", "-c", buildLine(t, out))
	build.Dir = "../.."
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if here, err := filepath.Abs("../.."); err != nil || bytes.Contains(text, []byte(here)) {
		t.Errorf("%v, or the program knows where it was built", err)
	}
	runInEmptyRoot(t, out)
}
