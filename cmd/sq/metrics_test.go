package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const metricsKey = "invented-key-of-the-administration"

// withMetrics makes a configuration of alice, who has a quota, and bob, with a key
// of the administration.
func withMetrics(t *testing.T) (config, dir string) {
	dir = t.TempDir()
	return write(t, "two.json", fmt.Sprintf(`{"admin_key": %q, "tenants": {
		%q: {"name": "bob", "data_dir": "%s/bob"},
		%q: {"name": "alice", "data_dir": "%s/alice", "quota_mb": 1}
	}}`, metricsKey, tokenOfBob, dir, tokenOfAlice, dir)), dir
}

// family is a metric as a server shows it.
type family struct {
	kind, help string
	labels     []string // but those that a histogram has
	samples    map[string]string
}

var (
	sample  = regexp.MustCompile(`^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$`)
	label   = regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	ofParts = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// scrape returns what the metrics of a server are, by name.
func (s *server) scrape() map[string]*family {
	s.t.Helper()
	status, text := s.call(metricsKey, "GET", "metrics", "")
	if status != 200 {
		s.t.Fatalf("metrics: %d %s", status, text)
	}
	families := map[string]*family{}
	of := func(name string) *family {
		if families[name] == nil {
			families[name] = &family{samples: map[string]string{}}
		}
		return families[name]
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.SplitN(line, " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			of(words[2]).help = words[3]
		case strings.HasPrefix(line, "# TYPE "):
			of(words[2]).kind = words[3]
		default:
			m := sample.FindStringSubmatch(line)
			if m == nil {
				s.t.Fatalf("metrics: %q is no sample", line)
			}
			f := families[m[1]]
			if f == nil {
				f = of(ofParts.ReplaceAllString(m[1], ""))
			}
			f.samples[strings.TrimSuffix(m[1]+"{"+m[2]+"}", "{}")] = m[3]
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "le" && l[1] != "quantile" && !slices.Contains(f.labels, l[1]) {
					f.labels = append(f.labels, l[1])
				}
			}
		}
	}
	return families
}

// traffic has a server do some of everything, and returns its metrics.
func (s *server) traffic(dir string) map[string]*family {
	s.t.Helper()
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "text", "Updated 4 bytes")
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "text")
	s.call("guessed-token", "GET", "version", "")
	s.call(tokenOfBob, "GET", "select?p=notes&c=nowhere", "")
	replace(s.t, filepath.Join(dir, "alice", "notes.phext"), "edited") // at once, so that it is one edit
	s.want(tokenOfAlice, "GET", "load?p=notes", "", "Loaded notes.phext")
	return s.scrape()
}

// TestMetrics: a real server shows what it did, to the administration alone.
func TestMetrics(t *testing.T) {
	config, dir := withMetrics(t)
	s := launch(t, nil, "--config", config)
	s.listens()
	families := s.traffic(dir)
	for name, want := range map[string]string{
		`sq_http_requests_total{endpoint="update",status="200",tenant="alice"}`: "1",
		`sq_http_requests_total{endpoint="select",status="400",tenant="bob"}`:   "1",
		`sq_http_requests_total{endpoint="-",status="401",tenant=""}`:           "1",
		`sq_http_requests_refused_total{reason="unauthorized"}`:                 "1",
		`sq_http_request_body_bytes_total{tenant="alice"}`:                      "4",
		`sq_http_requests_in_flight`:                                            "0",
		`sq_tenants`:                                                            "2",
		`sq_tenant_quota_bytes{tenant="alice"}`:                                 "1.048576e+06",
		`sq_open_phexts`:                                                        "1",
		`sq_journal_group_batches_count`:                                        "1",
		`sq_foreign_edits_total`:                                                "1",
		`sq_config_reloads_total{result="success"}`:                             "0",
		`sq_config_last_reload_successful`:                                      "1",
		`sq_disk_errors_total`:                                                  "0",
	} {
		family, _, _ := strings.Cut(name, "{")
		f := families[family]
		if f == nil {
			f = families[ofParts.ReplaceAllString(family, "")]
		}
		if f == nil || f.samples[name] != want {
			t.Errorf("%s is not %s: %+v", name, want, f)
		}
	}
	for token, want := range map[string]int{tokenOfAlice: 403, "guessed-token": 401, "": 401} {
		if status, text := s.call(token, "GET", "metrics", ""); status != want || strings.Contains(text, "sq_") {
			t.Errorf("metrics for the token %q: %d %s", token, status, text)
		}
	}
	replace(t, config, "{")
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`configuration not reloaded`))
	if f := s.scrape()["sq_config_last_reload_successful"]; f.samples["sq_config_last_reload_successful"] != "0" {
		t.Errorf("after a reload that failed: %+v", f)
	}
	replace(t, config, fmt.Sprintf(`{"admin_key": %q, "tenants": {%q: {"name": "bob", "data_dir": "%s/bob"}}}`, metricsKey, tokenOfBob, dir))
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`configuration reloaded`))
	for name := range s.scrape()["sq_http_requests_total"].samples {
		if strings.Contains(name, "alice") {
			t.Errorf("a tenant that was removed has %s", name)
		}
	}
	s.stop()
}
