package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wbic16/sq-go/internal/load"
	"github.com/wbic16/sq-go/phext"
)

// size is the number of bytes of a scroll.
const size = 1 << 10

var texts = load.NewTexts(size)

// hosted is a running sq.
type hosted struct {
	*process
	server *load.Server
}

// tenantName names a tenant by its number, and tenantToken is what it shows.
func tenantName(n int) string  { return fmt.Sprintf("tenant-%06d", n) }
func tenantToken(n int) string { return fmt.Sprintf("invented-token-of-%06d", n) }

// tenants writes a configuration of so many tenants, with their directories
// under a folder, and returns its path.
func (b *bench) tenants(folder string, n int) (string, error) {
	type tenant struct {
		Name string `json:"name"`
		Dir  string `json:"data_dir"`
	}
	all := make(map[string]tenant, n)
	for i := range n {
		dir := filepath.Join(folder, tenantName(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		all[tenantToken(i)] = tenant{tenantName(i), dir}
	}
	text, err := json.Marshal(map[string]any{"tenants": all})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "tenants.json")
	return path, os.WriteFile(path, text, 0o644)
}

// host starts sq.
func (b *bench) host(config string) (*hosted, error) {
	p, err := b.listen("sq", nil, b.program, "host", "0", "--config", config, "--listen", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	server, err := load.ParseServer("http://" + p.address)
	return &hosted{p, server}, err
}

// makePhext writes the file of a phext with so many scrolls.
func makePhext(dir, name string, scrolls int) error {
	file, err := os.Create(filepath.Join(dir, name+".phext"))
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	at, buffer := phext.First, []byte(nil)
	for i := range scrolls {
		next := load.At(i)
		buffer = texts.Append(phext.AppendDelimiters(buffer[:0], at, next), i, i)
		at = next
		w.Write(buffer) // Flush tells
	}
	if err := w.Flush(); err != nil {
		return err
	}
	// What is not on the disk yet would be written while something is measured.
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// work returns requests to one phext of the first tenant.
func (h *hosted) work(name string, scrolls int, reads float64) *load.Work {
	return &load.Work{
		Server: h.server, Tables: []load.Table{{Token: tenantToken(0), Phext: name}},
		Scrolls: scrolls, Texts: texts, Reads: reads, Writes: load.Update,
	}
}
