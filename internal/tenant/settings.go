package tenant

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/wbic16/sq-go"
)

// Settings are what an administrator may set of a tenant. A field that is nil is
// left as it is. ReadOnly and Enabled speak of the tenant as a whole: it is
// read-only when all its tokens are, and enabled when one of them is.
type Settings struct {
	QuotaMB           *int64   // megabytes of 1,048,576 bytes, 0 to 2^43-1; 0 means no limit
	RequestsPerSecond *float64 // 0 (no limit), or 0.000001 to 1,000,000,000
	RequestsPerDay    *int64   // 0 means no limit
	ReadOnly          *bool
	Enabled           *bool
	Durability        *string // Fsync or Relaxed
}

// IsZero reports whether nothing is set.
func (s Settings) IsZero() bool { return s == Settings{} }

// check returns an Invalid error for a value that a configuration may not hold,
// by the rules of the file.
func (s Settings) check() error {
	for _, v := range s.values() {
		complaint := ""
		switch v.key {
		case "quota_mb":
			_, complaint = whole(json.Number(v.raw), maxQuotaMB)
		case "requests_per_second":
			_, complaint = rate(json.Number(v.raw))
		case "requests_per_day":
			_, complaint = whole(json.Number(v.raw), maxPerDay)
		case "durability":
			_, complaint = durability(*s.Durability)
		}
		if complaint != "" {
			return sq.Errorf(sq.Invalid, "%s %s", v.key, complaint)
		}
	}
	return nil
}

// value is a field as the file has it.
type value struct{ key, raw string }

// values returns the fields that are set, in the order of the documentation.
func (s Settings) values() []value {
	var list []value
	add := func(key string, raw any) { list = append(list, value{key, fmt.Sprint(raw)}) }
	if s.QuotaMB != nil {
		add("quota_mb", *s.QuotaMB)
	}
	if s.RequestsPerSecond != nil {
		add("requests_per_second", strconv.FormatFloat(*s.RequestsPerSecond, 'f', -1, 64))
	}
	if s.RequestsPerDay != nil {
		add("requests_per_day", *s.RequestsPerDay)
	}
	if s.ReadOnly != nil {
		add("read_only", *s.ReadOnly)
	}
	if s.Enabled != nil {
		add("enabled", *s.Enabled)
	}
	if s.Durability != nil {
		add("durability", quote(*s.Durability))
	}
	return list
}

// isLimit reports whether a field belongs to the tenant and not to the token.
func isLimit(key string) bool {
	switch key {
	case "quota_mb", "requests_per_second", "requests_per_day", "durability":
		return true
	}
	return false
}
