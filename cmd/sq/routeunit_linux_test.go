package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRouteUnit: systemd finds nothing to complain about in the unit of the router,
// and little that it could do beside its work.
func TestRouteUnit(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "sq-route.service")
	text := read(t, filepath.Join(deploy, "systemd/sq-route.service"))
	put(t, unit, strings.NewReplacer("=/usr/local/bin/sq ", "="+pretender(t, "sq")+" ", "Documentation=https://github.com/wbic16/sq-go", "").Replace(text))
	if text, err := output(analyze, "verify", "--man=no", unit); err != nil || text != "" {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := output(analyze, "security", "--offline=true", "--threshold=20", unit); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
