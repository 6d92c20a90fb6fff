//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOperations: the commands of doc/operations.md are commands of a shell, what
// they name of this project is there, and so are the flags of the server.
func TestOperations(t *testing.T) {
	text := read(t, root+"/doc/operations.md")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```\n").FindAllStringSubmatch(text, -1)
	if len(blocks) < 20 {
		t.Fatalf("there are %d blocks of commands", len(blocks))
	}
	for _, block := range blocks {
		shell := exec.Command("sh", "-n")
		shell.Stdin = strings.NewReader(block[1])
		if out, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, block[1])
		}
	}
	for _, path := range regexp.MustCompile(`deploy/[a-zA-Z0-9./_-]*[a-zA-Z]`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Error(err)
		}
	}
	help, err := exec.Command("sq", "help", "host").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range regexp.MustCompile(`(--(?:(?:tls|acme)[a-z-]*|listen|config))[^a-z-]`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(help), flag[1]+" ") {
			t.Errorf("sq host has no %s", flag[1])
		}
	}
	existingFlags(t, blocks)
	for _, link := range regexp.MustCompile(`\]\(([a-z./]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, "doc", link[1])); err != nil {
			t.Error(err)
		}
	}
}

// existingFlags holds what follows a command of sq, up to the end of the command, to
// the flags that the help of that command lists.
func existingFlags(t *testing.T, blocks [][]string) {
	t.Helper()
	found := 0
	for _, block := range blocks {
		for _, line := range regexp.MustCompile(`(?m)(?:^|[ (])sq ((?:tenants|config) )?([a-z]+)([^|&;\n]*)`).FindAllStringSubmatch(strings.ReplaceAll(block[1], "sudo -u sq ", ""), -1) {
			help, err := exec.Command("sq", strings.Fields("help "+line[1]+line[2])...).CombinedOutput()
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line[3], -1) {
				if found++; err != nil || !strings.Contains(string(help), flag+" ") {
					t.Errorf("sq %s%s has no %s", line[1], line[2], flag)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d flags were found", found)
	}
}

// blocksBetween returns the commands of doc/operations.md that stand between two of
// its texts.
func blocksBetween(t *testing.T, from, to string) (blocks []string) {
	t.Helper()
	_, text, found := strings.Cut(read(t, root+"/doc/operations.md"), from)
	text, _, ends := strings.Cut(text, to)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```\n").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, block[1])
	}
	if !found || !ends || len(blocks) == 0 {
		t.Fatalf("there is nothing between %q and %q", from, to)
	}
	return blocks
}

// TestOperationsOfTokens: with the commands of doc/operations.md a token is exchanged
// without a gap, and one that leaked is dead.
func TestOperationsOfTokens(t *testing.T) {
	sq, err := exec.LookPath("sq")
	if err != nil {
		t.Fatal(err)
	}
	withoutStandIns(t)
	tool(t, "curl")
	config, _ := managed(t, "")
	s := start(t, "--config", config)
	token := s.newToken("POST", "admin/tenants/add", `{"tenant_id": "carol"}`)
	exchange := blocksBetween(t, "**Exchange a token**", "**Remove a customer.**")
	leaked := blocksBetween(t, "**A token leaked.**", "**The key of the administration leaked.**")
	commands := regexp.MustCompile(`(?m)^(admin|sudo -u sq sq) .*$`)
	steps := commands.FindAllString(strings.Join(append(exchange, leaked...), ""), -1)
	olds := []int{200, 401, 200, 401, 401, 401}
	if len(steps) != len(olds) {
		t.Fatalf("there are %d commands: %q", len(steps), steps)
	}
	before := ""
	for i, command := range steps {
		out := s.asPrinted(t, config, strings.Replace(command, "sudo -u sq sq", sq, 1))
		s.want(tokenOfAdmin, "POST", "reload", "", "Config reload triggered") // as the page has systemctl do
		if shown := regexp.MustCompile(`pmb-v1-[0-9a-f-]+`).FindString(out); shown != "" {
			before, token = token, shown
		}
		if status, _ := s.call(before, "GET", "version", ""); status != olds[i] {
			t.Errorf("after %s the old token gets %d, want %d", command, status, olds[i])
		}
		if status, _ := s.call(token, "GET", "version", ""); status != 200 {
			t.Errorf("after %s the new token gets %d", command, status)
		}
	}
	s.stop()
}

// asPrinted has a shell run a command of doc/operations.md with what the page takes
// for granted, on this server, and returns what it shows.
func (s *server) asPrinted(t *testing.T, config, command string) string {
	t.Helper()
	shell := exec.Command("sh", "-c", blocksBetween(t, "take these for granted:", "## The first hour")[0]+command)
	for _, exchange := range [][2]string{{"/var/lib/sq/tenants.json", config}, {"/var/lib/sq/audit.log", config + ".audit"}, {"http://127.0.0.1:1337", "http://" + s.address}, {"$(sudo cat /etc/sq/admin-key)", tokenOfAdmin}} {
		shell.Args[2] = strings.ReplaceAll(shell.Args[2], exchange[0], exchange[1])
	}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}
