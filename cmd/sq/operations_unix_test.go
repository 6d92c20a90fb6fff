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
