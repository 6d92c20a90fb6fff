package tenant

import (
	"bytes"

	"github.com/wbic16/sq-go/internal/configfile"
)

// document is a configuration and where its parts are in the text that it was
// read from, so that a change rewrites what it changes and nothing else. It holds
// no text, and so no token.
type document struct {
	config *Config
	list   bool           // the list form
	marked bool           // the text begins with a byte order mark, which no offset counts
	within span           // what is between the brackets of "tenants"
	spans  []span         // of config.Entries
	first  map[string]int // the first entry of each tenant
	taken  *taken         // what tenants have; made when it is needed
}

// span is a piece of the text: [from, to).
type span struct{ from, to int }

func (s span) of(text []byte) []byte { return text[s.from:s.to] }

// located returns the document of a configuration that was just parsed.
func (p *parser) located(c *Config) *document {
	d := &document{config: c, list: p.list, marked: p.Marked, within: p.within, first: p.byName, spans: make([]span, len(p.drafts))}
	for i := range p.drafts {
		d.spans[i] = p.drafts[i].span
	}
	return d
}

// text returns what the offsets count in.
func (d *document) text(data []byte) []byte {
	if d.marked {
		return bytes.TrimPrefix(data, configfile.ByteOrderMark)
	}
	return data
}
