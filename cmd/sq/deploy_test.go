package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	dashboardFile = "../../deploy/grafana/sq-dashboard.json"
	alertsFile    = "../../deploy/prometheus/alerts.yml"
	scrapeFile    = "../../deploy/prometheus/scrape.yml"
	metricsPage   = "../../doc/metrics.md"
)

// onlyWithTLS is a metric that a server without a certificate has not.
const onlyWithTLS = "sq_tls_certificate_expiry_timestamp_seconds"

// fromPrometheus are the metrics and labels that Prometheus adds to what it asks for.
var (
	metricsOfPrometheus = []string{"up"}
	labelsOfPrometheus  = []string{"job", "instance"}
)

// shown has the metrics of a real server after some traffic.
type shown struct {
	t        *testing.T
	families map[string]*family
}

func newShown(t *testing.T) *shown {
	config, dir := withMetrics(t)
	s := start(t, "--config", config)
	defer s.stop()
	v := &shown{t, s.traffic(dir)}
	v.families[onlyWithTLS] = &family{kind: "gauge", help: "When the certificate that clients are shown expires, in seconds since 1970. Absent without TLS.", samples: map[string]string{onlyWithTLS: "1"}}
	return v
}

// family returns the metric that a name in a query is of; nil when there is none.
func (v *shown) family(name string) *family {
	if f := v.families[name]; f != nil && f.kind != "histogram" {
		return f
	}
	if f := v.families[ofParts.ReplaceAllString(name, "")]; f != nil && (f.kind == "histogram" || f.kind == "summary") && ofParts.MatchString(name) {
		return f
	}
	if slices.Contains(metricsOfPrometheus, name) {
		return &family{}
	}
	return nil
}

// check holds a query to Prometheus's own grammar, and the names and labels in it to
// what is shown.
func (v *shown) check(where, query string) {
	v.t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		v.t.Errorf("%s: %s: %v", where, query, err)
		return
	}
	var known []string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			known = append(known, v.selector(where, s)...)
		}
		return nil
	})
	if len(known) == 0 {
		v.t.Errorf("%s: %s asks for nothing that is shown", where, query)
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		var used []string
		switch n := n.(type) {
		case *parser.AggregateExpr:
			used = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				used = n.VectorMatching.MatchingLabels
			}
		}
		for _, l := range used {
			if !slices.Contains(known, l) {
				v.t.Errorf("%s: %s: nothing in it has the label %q", where, query, l)
			}
		}
		return nil
	})
}

// selector returns the labels that what is selected has.
func (v *shown) selector(where string, s *parser.VectorSelector) []string {
	v.t.Helper()
	f := v.family(s.Name)
	if f == nil {
		v.t.Errorf("%s: there is no metric %q", where, s.Name)
		return nil
	}
	known := append(slices.Clone(labelsOfPrometheus), f.labels...)
	if strings.HasSuffix(s.Name, "_bucket") {
		known = append(known, "le")
	}
	if f.kind == "summary" {
		known = append(known, "quantile")
	}
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			continue
		}
		if !slices.Contains(known, m.Name) {
			v.t.Errorf("%s: %s has no label %q", where, s.Name, m.Name)
		}
		pair := fmt.Sprintf("%s=%q", m.Name, m.Value)
		if m.Type == labels.MatchEqual && slices.Contains([]string{"reason", "result", "state"}, m.Name) && !f.has(pair) {
			v.t.Errorf("%s: %s never has %s", where, s.Name, pair)
		}
	}
	return known
}

func (f *family) has(pair string) bool {
	for name := range f.samples {
		if strings.Contains(name, pair) {
			return true
		}
	}
	return false
}

// dashboard is what of a dashboard of Grafana this test looks at.
type dashboard struct {
	Title      string
	UID        string
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
	Annotations struct{ List []struct{ Name, Expr string } }
	Panels      []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ H, W, X, Y int }
		Datasource               struct{ Type, UID string }
		Targets                  []struct {
			RefID string
			Expr  string
		}
	}
}

var (
	variable    = regexp.MustCompile(`\$(\w+|\{\w+\})`)
	labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
)

// TestDashboard: each query is one, and asks for what a server shows; each variable
// is one; no panel lies over another.
func TestDashboard(t *testing.T) {
	t.Parallel() // it mostly waits
	v := newShown(t)
	text := read(t, dashboardFile)
	var d dashboard
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	known := []string{"__rate_interval", "__all"}
	for _, variable := range d.Templating.List {
		known = append(known, variable.Name)
	}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if name := strings.Trim(m[1], "{}"); !slices.Contains(known, name) {
			t.Errorf("there is no variable %q", name)
		}
	}
	filled := strings.NewReplacer("$__rate_interval", "5m", "$top", "10")
	for _, a := range d.Annotations.List {
		v.check(a.Name, filled.Replace(a.Expr))
	}
	for _, variable := range d.Templating.List {
		var q struct{ Query string }
		if variable.Type != "query" || json.Unmarshal(variable.Query, &q) != nil {
			continue
		}
		m := labelValues.FindStringSubmatch(q.Query)
		if m == nil {
			t.Errorf("the variable %s asks %q", variable.Name, q.Query)
			continue
		}
		v.check(variable.Name, "count by ("+m[2]+") ("+m[1]+")")
	}
	ids, queries := map[int]bool{}, 0
	for i, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: its number is another's, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range d.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q lies over %q", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || p.Description == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q: %+v", p.Title, p)
		}
		for _, q := range p.Targets {
			queries++
			v.check(p.Title, filled.Replace(q.Expr))
		}
	}
	if queries < 40 {
		t.Errorf("only %d queries were found", queries)
	}
}

// rules are alerts as Prometheus reads them; there are no others in the file.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Alert, Expr         string
	For                 model.Duration
	Labels, Annotations map[string]string
}

// readRules reads the file as strictly as promtool: a field that there is not is an
// error, and so is a duration that is none.
func readRules(t *testing.T) (r rules) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, alertsFile)))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil || len(r.Groups) == 0 {
		t.Fatalf("%s: %d groups, %v", alertsFile, len(r.Groups), err)
	}
	return r
}

// checkForm holds the names of labels and annotations to what Prometheus takes, and
// their texts to templates with the functions that it has.
func (r rule) checkForm(t *testing.T) {
	t.Helper()
	same := func(v any) string { return fmt.Sprint(v) }
	functions := template.FuncMap{"humanize": same, "humanizePercentage": same, "humanizeDuration": same}
	for _, texts := range []map[string]string{r.Labels, r.Annotations} {
		for name, text := range texts {
			if !model.LegacyValidation.IsValidLabelName(name) || name == model.MetricNameLabel {
				t.Errorf("%s: %q is no name", r.Alert, name)
			}
			full := "{{$labels := .Labels}}{{$value := .Value}}" + text
			tmpl, err := template.New(r.Alert).Option("missingkey=error").Funcs(functions).Parse(full)
			if err == nil {
				labels := map[string]string{"job": "sq", "instance": "a:1", "tenant": "alice"}
				err = tmpl.Execute(io.Discard, map[string]any{"Labels": labels, "Value": 1.5})
			}
			if err != nil {
				t.Errorf("%s: %s: %v", r.Alert, name, err)
			}
		}
	}
}

var labelInText = regexp.MustCompile(`\$labels\.(\w+)`)

// TestAlerts: the rules have the form that Prometheus asks for, ask for what a server
// shows, and say what to do.
func TestAlerts(t *testing.T) {
	v := newShown(t)
	names := map[string]bool{}
	for _, g := range readRules(t).Groups {
		if names[g.Name] || g.Name == "" || len(g.Rules) == 0 {
			t.Errorf("the group %q has the name of another, or no rules", g.Name)
		}
		names[g.Name] = true
		for _, r := range g.Rules {
			if names[r.Alert] || !model.LegacyValidation.IsValidLabelName(r.Alert) {
				t.Errorf("%q is no name, or that of another alert", r.Alert)
			}
			names[r.Alert] = true
			r.checkForm(t)
			v.check(r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: the severity is %q", r.Alert, s)
			}
			if len(r.Annotations["summary"]) < 20 || len(r.Annotations["description"]) < 60 {
				t.Errorf("%s: says little: %q", r.Alert, r.Annotations)
			}
			for _, m := range labelInText.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
				if !strings.Contains(r.Expr, m[1]) && (m[1] != "instance" || strings.Contains(r.Expr, " by ") || strings.Contains(r.Expr, "absent")) {
					t.Errorf("%s: tells the label %s, which the alert has not", r.Alert, m[1])
				}
			}
		}
	}
	for _, want := range []string{"SQDown", "SQRestarts", "SQDiskFailing", "SQCheckpointsFailing", "SQJournalDamaged", "SQErrors", "SQSlow", "SQQuotaNear", "SQReloadFailed", "SQCertificateExpires"} {
		if !names[want] {
			t.Errorf("there is no alert %s", want)
		}
	}
}

// TestScrape: the example asks for what there is, and shows a key.
func TestScrape(t *testing.T) {
	text := read(t, scrapeFile)
	for _, want := range []string{"metrics_path: /api/v2/metrics\n", "job_name: sq\n", "type: Bearer\n", "credentials_file: ", "- alerts.yml\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s has not %q", scrapeFile, want)
		}
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (.*?) \\| (.*?) \\| (.*) \\|$")

// TestMetricsPage: doc/metrics.md has a row for each metric of ours, and none that
// is gone. With SQ_WRITE_DOC set it writes the rows.
func TestMetricsPage(t *testing.T) {
	t.Parallel() // it mostly waits
	v := newShown(t)
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(v.families)) {
		if f := v.families[name]; strings.HasPrefix(name, "sq_") {
			ls := slices.Sorted(slices.Values(f.labels))
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", name, f.kind, strings.Join(ls, ", "), f.help))
		}
	}
	page := read(t, metricsPage)
	if os.Getenv("SQ_WRITE_DOC") != "" {
		before, after, _ := strings.Cut(page, "|---|---|---|---|\n")
		after = after[strings.Index(after, "\n\n"):]
		put(t, metricsPage, before+"|---|---|---|---|\n"+strings.Join(rows, "\n")+after)
		return
	}
	have := tableRow.FindAllString(page, -1)
	for _, r := range rows {
		if !slices.Contains(have, r) {
			t.Errorf("%s lacks the row\n%s", metricsPage, r)
		}
	}
	for _, r := range have {
		if !slices.Contains(rows, r) {
			t.Errorf("%s has a row that no server shows:\n%s", metricsPage, r)
		}
	}
}
