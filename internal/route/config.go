package route

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strconv"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/configfile"
	"github.com/wbic16/sq-go/internal/tenant"
)

// Entry is a token and where it leads.
type Entry struct {
	Token tenant.TokenHash
	Port  uint16 // of the backend; never 0
}

// The fields of the document and of a tenant.
var (
	topFields    = []string{"tenants"}
	tenantFields = []string{"token", "port", "data_dir"}
)

// Parse reads and checks a configuration. No backend may have a port that is the
// router's own. Errors are sq.Invalid and begin with "NAME:LINE:COLUMN: ", where name
// is what the caller calls the file; the first mistake is reported.
func Parse(data []byte, name string, own ...uint16) ([]Entry, error) {
	r, err := configfile.NewReader(data, name, `{"tenants": []}`)
	if err != nil {
		return nil, err
	}
	p := &parser{Reader: r, own: own, first: map[tenant.TokenHash]int{}}
	if err := p.document(); err != nil {
		return nil, err
	}
	return p.entries, nil
}

// load reads the file at path. The info is nil only where it cannot be opened.
func load(path string, own []uint16) ([]Entry, fs.FileInfo, error) {
	data, info, err := configfile.Read(path, nil)
	if err != nil {
		return nil, info, sq.Wrap(err, sq.Internal, "cannot read the configuration of the router, check its path and mode")
	}
	defer clear(data) // tokens stand in it
	entries, err := Parse(data, path, own...)
	return entries, info, err
}

type parser struct {
	*configfile.Reader
	own     []uint16
	entries []Entry
	first   map[tenant.TokenHash]int // where each token stands
}

func (p *parser) document() error {
	open, at := p.Next()
	if open != json.Delim('{') {
		return p.Errorf(at, `the configuration is %s; write an object: {"tenants": […]}`, configfile.Kind(open))
	}
	seen := false
	for p.More() {
		key, at := p.Next()
		switch {
		case key != "tenants":
			return p.Errorf(at, "%s", configfile.Unknown(key.(string), p.Peek(), topFields))
		case seen:
			return p.Errorf(at, `field "tenants" stands twice; remove one`)
		}
		seen = true
		if err := p.tenants(); err != nil {
			return err
		}
	}
	if !seen {
		return p.Errorf(at, `"tenants" is missing; add "tenants": [] at least`)
	}
	return nil
}

func (p *parser) tenants() error {
	open, at := p.Next()
	switch open {
	case json.Delim('['):
	case json.Delim('{'):
		return p.Errorf(at, `tenants is an object; want a list of {"token", "port", "data_dir"} (what is keyed by tokens is for sq host --config)`)
	default:
		return p.Errorf(at, `tenants is %s; want a list of {"token", "port", "data_dir"}`, configfile.Kind(open))
	}
	for p.More() {
		if err := p.tenant(); err != nil {
			return err
		}
	}
	p.Next()
	return nil
}

// tenant reads one entry. It has no name, so errors call it by its place alone.
func (p *parser) tenant() error {
	open, at := p.Next()
	if open != json.Delim('{') {
		return p.Errorf(at, `a tenant is %s; want an object with "token" and "port"`, configfile.Kind(open))
	}
	var (
		e      Entry
		seen   []string
		fields = p.Fields()
	)
	for _, f := range fields {
		switch {
		case !slices.Contains(tenantFields, f.Key):
			return p.Errorf(f.KeyAt, "%s", configfile.Unknown(f.Key, opening(f.Value), tenantFields))
		case slices.Contains(seen, f.Key):
			return p.Errorf(f.KeyAt, "field %q stands twice; remove one", f.Key)
		}
		seen = append(seen, f.Key)
		if err := p.set(&e, f); err != nil {
			return err
		}
	}
	for _, want := range tenantFields[:2] {
		if !slices.Contains(seen, want) {
			return p.Errorf(at, "%q is missing; add it", want)
		}
	}
	p.entries = append(p.entries, e)
	return nil
}

// opening is the first byte of a value, as far as it is known.
func opening(value json.Token) byte {
	if delim, ok := value.(json.Delim); ok {
		return byte(delim)
	}
	return 0
}

// set understands one field.
func (p *parser) set(e *Entry, f configfile.Field) (err error) {
	complaint := ""
	switch f.Key {
	case "token":
		e.Token, err = p.token(f)
		return err
	case "port":
		e.Port, complaint = port(f.Value)
		if complaint == "" && slices.Contains(p.own, e.Port) {
			complaint = "is the router's own; give the backend another"
		}
	case "data_dir":
		_, complaint = configfile.Text(f.Value)
	}
	if complaint != "" {
		return p.Errorf(f.At, "%s %s", f.Key, complaint)
	}
	return nil
}

func (p *parser) token(f configfile.Field) (tenant.TokenHash, error) {
	text, complaint := configfile.Text(f.Value)
	if complaint != "" {
		return tenant.TokenHash{}, p.Errorf(f.At, "token %s", complaint)
	}
	token, err := tenant.ParseToken(text)
	if err != nil {
		return token, p.Errorf(f.At, "%s", sq.ErrorMessage(err))
	}
	if before, ok := p.first[token]; ok {
		line, _ := p.Position(before)
		return token, p.Errorf(f.At, "the token stands twice, first on line %d; remove one", line)
	}
	p.first[token] = f.At
	return token, nil
}

func port(value json.Token) (n uint16, complaint string) {
	const want = "; want a whole number from 1 to 65535"
	number, ok := value.(json.Number)
	if !ok {
		return 0, "is " + configfile.Kind(value) + want
	}
	parsed, err := strconv.ParseUint(number.String(), 10, 16)
	if err != nil || parsed == 0 {
		return 0, "is out of range or has a fraction or an exponent" + want
	}
	return uint16(parsed), ""
}
