package tenant

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wbic16/sq-go/internal/configfile"
)

// The fields of a tenant. The first one of each form is its name.
var (
	mapFields  = append([]string{"name", "data_dir"}, optional...)
	listFields = append([]string{"id", "api_key", "data_dir"}, optional...)
	optional   = []string{"quota_mb", "requests_per_second", "requests_per_day", "read_only", "enabled", "durability"}
)

// The ends of the ranges.
const (
	maxQuotaMB = 1<<43 - 1 // in bytes it still is an int64
	maxPerDay  = 1<<63 - 1
)

// object is a tenant's object, read but not understood.
type object struct {
	form   []string
	at     int
	token  string // the plain or hashed token in the map form
	fields []configfile.Field
}

// label finds the name, so that a mistake in a field before it can tell whose
// it is.
func (o *object) label(d *draft) {
	for _, f := range o.fields {
		switch f.Key {
		case o.form[0]:
			name, complaint := parseName(f.Value)
			if complaint == "" {
				d.entry.Tenant.Name = name
			}
		case "api_key":
			o.token, _ = f.Value.(string)
		}
	}
	d.masked = shows(d.entry.Tenant.Name, o.token)
}

// minSecret is the shortest token that is looked for inside other words; it
// would otherwise hide half the names there are, for a secret that is none.
const minSecret = 8

// shows tells whether s would give the token away.
func shows(s, token string) bool {
	return s == token || len(token) >= minSecret && strings.Contains(s, token)
}

// fill understands the fields in their order. A complaint that is not empty
// says what is wrong at an offset.
func (o *object) fill(d *draft) (at int, complaint string) {
	if o.form[0] == "name" {
		if d.entry.Token, complaint = parseToken(o.token); complaint != "" {
			return d.tokenAt, "the token " + complaint
		}
	}
	for i, f := range o.fields {
		if complaint := o.refuse(i); complaint != "" {
			return f.KeyAt, complaint
		}
		if f.Value == nil && slices.Contains(optional, f.Key) {
			continue
		}
		if complaint := d.set(f); complaint != "" {
			return f.At, f.Key + " " + complaint
		}
	}
	return o.at, o.missing()
}

// refuse complains about a field that there is not, or that was there.
func (o *object) refuse(i int) (complaint string) {
	f := o.fields[i]
	if !slices.Contains(o.form, f.Key) {
		if shows(f.Key, o.token) {
			return "unknown field; " + configfile.Choices(o.form)
		}
		return configfile.Unknown(f.Key, opening(f.Value), o.form)
	}
	for _, before := range o.fields[:i] {
		if before.Key == f.Key {
			return fmt.Sprintf("field %q stands twice; remove one", f.Key)
		}
	}
	return ""
}

// missing complains about a required field that is not there.
func (o *object) missing() (complaint string) {
required:
	for _, want := range o.form[:len(o.form)-len(optional)] {
		for _, f := range o.fields {
			if f.Key == want {
				continue required
			}
		}
		return fmt.Sprintf("%q is missing; add it", want)
	}
	return ""
}

// set understands one field that is known.
func (d *draft) set(f configfile.Field) (complaint string) {
	tenant := &d.entry.Tenant
	switch f.Key {
	case "name", "id":
		d.nameAt = f.At
		_, complaint = parseName(f.Value) // label has set it
	case "api_key":
		d.tokenAt = f.At
		d.entry.Token, complaint = tokenValue(f.Value)
	case "data_dir":
		d.dirAt = f.At
		tenant.DataDir, complaint = directoryValue(f.Value)
	case "read_only":
		tenant.ReadOnly, complaint = configfile.Flag(f.Value)
	case "enabled":
		d.entry.Enabled, complaint = configfile.Flag(f.Value)
	default:
		complaint = d.limits.set(f)
	}
	return complaint
}

func (l *limits) set(f configfile.Field) (complaint string) {
	switch f.Key {
	case "quota_mb":
		l.quota.at = f.At
		l.quota.value, complaint = whole(f.Value, maxQuotaMB)
	case "requests_per_second":
		l.perSecond.at = f.At
		l.perSecond.value, complaint = rate(f.Value)
	case "requests_per_day":
		l.perDay.at = f.At
		l.perDay.value, complaint = whole(f.Value, maxPerDay)
	case "durability":
		l.durability.at = f.At
		l.durability.value, complaint = durability(f.Value)
	}
	return complaint
}

// opening is the first byte of a value as far as unknown cares.
func opening(value json.Token) byte {
	if delim, ok := value.(json.Delim); ok {
		return byte(delim)
	}
	return 0
}
