package main

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// odyssey is a real phext that others made. It stands beside the project where its
// continuous integration runs, and is not needed elsewhere.
func odyssey(t *testing.T) string {
	text, err := os.ReadFile("../../../shared/data/the-odyssey.phext")
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("needs shared/data/the-odyssey.phext beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOdyssey serves a real phext: its checksum and its table of contents are
// those that other tools find.
func TestOdyssey(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "odyssey.phext"), odyssey(t))
	s := start(t, "--data-dir", dir)
	s.want("", http.MethodGet, "checksum?p=odyssey", "", "9dd0ca3402f6f9e6ee5ecdee786664f9")
	_, toc := s.call("", http.MethodGet, "toc?p=odyssey", "")
	digest := md5.Sum([]byte(toc))
	if strings.Count(toc, "\n") != 52 || hex.EncodeToString(digest[:]) != "953ae7bc34034572b452dd4879499cdf" {
		t.Errorf("toc of %d lines, %x", strings.Count(toc, "\n"), digest)
	}
}
