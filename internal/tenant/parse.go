package tenant

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/wbic16/sq-go/internal/configfile"
)

// Parse reads and checks a configuration in either form. Errors are sq.Invalid
// and begin with "NAME:LINE:COLUMN: ", where name is what the caller calls the
// file; the first mistake is reported.
//
// Parse looks at the directories that the configuration names, to follow their
// symbolic links, and changes nothing. It costs a few microseconds a tenant.
func Parse(data []byte, name string) (*Config, error) {
	d, err := parse(data, name)
	if err != nil {
		return nil, err
	}
	return d.config, nil
}

// parse is Parse, with where in the text everything is.
func parse(data []byte, name string) (*document, error) {
	r, err := newReader(data, name)
	if err != nil {
		return nil, err
	}
	// About as many tenants as there are; growing step by step costs a third more.
	tenants := bytes.Count(r.Data, []byte(`"data_dir"`))
	p := &parser{Reader: r, drafts: make([]draft, 0, tenants)}
	if err := p.document(); err != nil {
		return nil, err
	}
	for _, rule := range []func() error{p.checkTokens, p.checkNames, p.checkDirectories} {
		if err := rule(); err != nil {
			return nil, err
		}
	}
	return p.located(p.finish()), nil
}

// newReader returns a reader of a configuration, which is called name in errors.
func newReader(data []byte, name string) (*configfile.Reader, error) {
	return configfile.NewReader(data, name, `{"tenants": {}}`)
}

// parser collects drafts while it reads, since some rules hold between tenants
// and need all of them.
type parser struct {
	*configfile.Reader
	config  Config
	adminAt int // where admin_key's value is
	list    bool
	within  span // what is between the brackets of "tenants"
	drafts  []draft
	byName  map[string]int // the first draft of each tenant; made by checkNames
}

// draft is an entry as it stands in the file, with the places to point at.
type draft struct {
	entry   Entry
	tokenAt int
	nameAt  int
	dirAt   int
	span    span
	masked  bool // the name holds the token, so no error may show it
	limits  limits
}

// limits are what a tenant's entries have to agree on.
type limits struct {
	quota      limit[int64]
	perSecond  limit[float64]
	perDay     limit[int64]
	durability limit[string]
}

// limit is a value and where it was given; 0 when it was not.
type limit[T comparable] struct {
	value T
	at    int
}

// topFields are the fields of the document.
var topFields = []string{"tenants", "admin_key", "reload_on_change", "data_root"}

func (p *parser) document() error {
	open, at := p.Next()
	if open != json.Delim('{') {
		return p.Errorf(at, `the configuration is %s; write an object: {"tenants": {…}}`, configfile.Kind(open))
	}
	seen := map[string]bool{}
	for p.More() {
		key, at := p.Next()
		if err := p.known(key.(string), at, seen); err != nil {
			return err
		}
		if err := p.top(key.(string)); err != nil {
			return err
		}
	}
	if !seen["tenants"] {
		return p.Errorf(at, `"tenants" is missing; add "tenants": {} at least`)
	}
	return nil
}

// known refuses a field of the document that there is not, or that was there.
func (p *parser) known(key string, at int, seen map[string]bool) error {
	if !slices.Contains(topFields, key) {
		return p.Errorf(at, "%s", configfile.Unknown(key, p.Peek(), topFields))
	}
	if seen[key] {
		return p.Errorf(at, "field %q stands twice; remove one", key)
	}
	seen[key] = true
	return nil
}

func (p *parser) top(key string) error {
	value, at := p.Next()
	if key == "tenants" {
		return p.tenants(value, at)
	}
	if value == nil {
		return nil
	}
	complaint := ""
	switch key {
	case "admin_key":
		p.adminAt = at
		complaint = p.setAdmin(value)
	case "reload_on_change":
		p.config.ReloadOnChange, complaint = configfile.Flag(value)
	case "data_root":
		complaint = p.setRoot(value)
	}
	if complaint != "" {
		return p.Errorf(at, "%s %s", key, complaint)
	}
	return nil
}

func (p *parser) setAdmin(value any) (complaint string) {
	key, complaint := configfile.Text(value)
	if complaint == "" && key != "" {
		p.config.AdminKey, complaint = parseToken(key)
	}
	return complaint
}

func (p *parser) setRoot(value any) (complaint string) {
	root, complaint := configfile.Text(value)
	if complaint == "" && root != "" {
		p.config.DataRoot, complaint = directory(root)
	}
	return complaint
}

func (p *parser) tenants(value any, at int) error {
	p.within.from = p.Off
	switch value {
	case json.Delim('{'):
		return p.mapForm()
	case json.Delim('['):
		p.list = true
		return p.listForm()
	}
	return p.Errorf(at, `tenants is %s; want an object keyed by tokens, or a list`, configfile.Kind(value))
}

func (p *parser) mapForm() error {
	for p.More() {
		key, tokenAt := p.Next()
		if err := p.tenant(mapFields, key.(string), tokenAt); err != nil {
			return err
		}
	}
	p.closing()
	return nil
}

// closing reads the bracket that ends the tenants.
func (p *parser) closing() { _, p.within.to = p.Next() }

func (p *parser) listForm() error {
	for p.More() {
		if err := p.tenant(listFields, "", 0); err != nil {
			return err
		}
	}
	p.closing()
	return p.checkIDs()
}

// tenant reads one tenant's object. In the map form its token was read before.
func (p *parser) tenant(form []string, token string, tokenAt int) error {
	open, at := p.Next()
	if open != json.Delim('{') {
		return p.Errorf(at, `a tenant is %s; want an object with %q and "data_dir"`, configfile.Kind(open), form[0])
	}
	o := object{form: form, at: at, token: token, fields: p.Fields()}
	d := draft{entry: Entry{Enabled: true}, tokenAt: tokenAt, span: span{cmp.Or(tokenAt, at), p.Off}}
	o.label(&d)
	if at, complaint := o.fill(&d); complaint != "" {
		return p.Errorf(at, "%s%s", d.subject(": "), complaint)
	}
	p.drafts = append(p.drafts, d)
	return nil
}

// subject names the tenant where it has a name that may be shown.
func (d *draft) subject(after string) string {
	if d.masked || d.entry.Tenant.Name == "" {
		return "a tenant" + after
	}
	return fmt.Sprintf("tenant %q%s", d.entry.Tenant.Name, after)
}

// maxPath is the longest path that the systems we know take, in bytes.
const maxPath = 4096

// directory returns a directory as the server will use it.
func directory(s string) (dir, complaint string) {
	if complaint = unfitPath(s); complaint != "" {
		return "", complaint
	}
	dir, err := filepath.Abs(s)
	if err != nil {
		return "", "is relative and the working directory cannot be told; make it absolute"
	}
	if complaint = unfitPath(dir); complaint != "" { // the working directory counts too
		return "", "is relative, and with the working directory in front " + complaint
	}
	return dir, ""
}

// unfitPath says why a path is not taken, if so.
func unfitPath(s string) (complaint string) {
	switch {
	case s == "":
		return "is empty; name a directory"
	case len(s) > maxPath:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), maxPath)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character; name a directory without"
	}
	return ""
}
