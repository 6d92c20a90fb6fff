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
	for _, flag := range regexp.MustCompile(`--(tls|acme|listen|config)[a-z-]*`).FindAllString(text, -1) {
		if !strings.Contains(string(help), flag+" ") {
			t.Errorf("sq host has no %s", flag)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([a-z./]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, "doc", link[1])); err != nil {
			t.Error(err)
		}
	}
}
