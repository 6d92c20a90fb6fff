package tenant

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/configfile"
)

// A change of a few tenants among many does not read all of them again. What was
// not changed was parsed before, byte for byte; what was is parsed by the same
// parser, and held to the rules between tenants by look-ups. The outcome is that of
// parsing the whole, and where it may not be, or anything is wrong, the whole is
// parsed.

// maxAmended is how many entries are few.
const maxAmended = 64

// outcome is what an edit leads to.
type outcome struct {
	text     []byte
	doc      *document
	registry *Registry
	added    []sq.Tenant // whose directories may be missing
	fresh    []int       // the entries that doc.first and doc.taken do not have yet
}

// outcome checks what came of an edit. Errors are those of Parse.
func (e *Edit) outcome(in *Registry, name string) (*outcome, error) {
	if o := e.amend(in); o != nil {
		return o, nil
	}
	o := &outcome{text: e.render()}
	var err error
	if o.doc, err = parse(o.text, name); err != nil {
		clear(o.text)
		return nil, err
	}
	o.registry = New(o.doc.config)
	o.added = added(in, o.registry)
	return o, nil
}

// commit notes what is taken from now on.
func (o *outcome) commit() {
	for _, i := range o.fresh {
		entry := &o.doc.config.Entries[i]
		o.doc.first[entry.Tenant.Name] = i
		o.doc.taken.add(entry)
	}
}

// piece is an entry that is changed or new, with its text.
type piece struct {
	*item
	text []byte
}

// amend returns the outcome of an edit of a few entries, and nil where the whole has
// to be parsed.
func (e *Edit) amend(in *Registry) *outcome {
	if !e.isSmall() {
		return nil
	}
	pieces := e.pieces()
	entries := e.parsePieces(pieces)
	if entries == nil || !e.keepsRules(pieces, entries) {
		return nil
	}
	o := &outcome{doc: e.amended(pieces, entries), text: e.spliced(pieces)}
	changed := make([]int, len(pieces))
	for i, p := range pieces {
		if changed[i] = p.at; p.fresh {
			changed[i] = len(e.doc.spans) + len(o.fresh)
			o.fresh = append(o.fresh, changed[i])
		}
		if t := entries[i].Tenant; entries[i].Enabled && !in.has(t.Name) {
			o.added = append(o.added, t)
		}
	}
	o.registry = in.amended(o.doc.config, changed)
	return o
}

// isSmall reports whether an edit only changes fields of tenants with one entry
// and adds tenants at the end, few of both.
func (e *Edit) isSmall() bool {
	if len(e.doc.spans) == 0 || len(e.touched)+len(e.fresh) > maxAmended {
		return false
	}
	for _, items := range e.byName {
		if len(items) > 1 || len(items) == 1 && items[0].fresh && items[0].at != atEnd {
			return false
		}
	}
	for _, it := range e.touched {
		if it.gone || it.token {
			return false
		}
	}
	return true
}

// pieces returns the entries that are changed, in order, and then the new ones.
func (e *Edit) pieces() []piece {
	var list []piece
	for _, it := range e.touched {
		list = append(list, piece{it, e.changed(it)})
	}
	slices.SortFunc(list, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	for _, it := range e.fresh {
		list = append(list, piece{it, e.whole(it)})
	}
	return list
}

// parsePieces returns the entries that pieces are, and nil when they are none.
func (e *Edit) parsePieces(pieces []piece) []Entry {
	brackets := "{}"
	if e.doc.list {
		brackets = "[]"
	}
	var text bytes.Buffer
	text.WriteString(`{"tenants":` + brackets[:1])
	for i, p := range pieces {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(p.text)
	}
	text.WriteString(brackets[1:] + "}")
	defer clear(text.Bytes())
	r, err := newReader(text.Bytes(), "")
	if err != nil {
		return nil
	}
	p := &parser{Reader: r}
	if p.document() != nil || len(p.drafts) != len(pieces) {
		return nil
	}
	entries := make([]Entry, len(pieces))
	for i := range p.drafts {
		entries[i] = p.drafts[i].complete(&p.drafts[i].limits)
	}
	return entries
}

// keepsRules reports whether entries may stand beside the others: those that are
// changed are whose they were, and what is new is nobody's.
func (e *Edit) keepsRules(pieces []piece, entries []Entry) bool {
	if e.doc.taken == nil {
		e.doc.taken = e.doc.take()
	}
	var fresh []*Entry
	for i, p := range pieces {
		entry := &entries[i]
		if p.fresh {
			fresh = append(fresh, entry)
			continue
		}
		if was := &e.doc.config.Entries[p.at]; entry.Token != was.Token || entry.Tenant.Name != was.Tenant.Name || entry.Tenant.DataDir != was.Tenant.DataDir {
			return false
		}
	}
	return e.doc.accepts(fresh)
}

// accepts reports whether new tenants keep the rules among themselves and beside
// the others.
func (d *document) accepts(fresh []*Entry) bool {
	tokens, names := map[TokenHash]bool{d.config.AdminKey: true}, map[string]bool{}
	var written, real []string
	for _, entry := range fresh {
		name, dir := entry.Tenant.Name, entry.Tenant.DataDir
		_, known := d.first[name]
		if known || names[name] || tokens[entry.Token] || !d.taken.accepts(entry) {
			return false
		}
		tokens[entry.Token], names[name] = true, true
		written, real = append(written, dir), append(real, resolver{}.resolve(dir).path)
	}
	one, _ := overlap(written)
	other, _ := overlap(real)
	return one < 0 && other < 0
}

// amended returns the document as it is with the pieces.
func (e *Edit) amended(pieces []piece, entries []Entry) *document {
	d := *e.doc
	config := *d.config
	d.config = &config
	grown := 0
	if n := len(e.touched); n > 0 {
		// Others look at these. What is behind their end nobody sees.
		config.Entries, d.spans = slices.Clone(config.Entries), slices.Clone(d.spans)
		grown = d.exchange(pieces[:n], entries[:n])
	}
	grown += d.extend(pieces[len(e.touched):], entries[len(e.touched):], len(e.between()))
	d.within.to += grown
	return &d
}

// exchange puts changed entries in their places, and returns how much longer the
// text is.
func (d *document) exchange(pieces []piece, entries []Entry) (grown int) {
	next := 0
	for i := range d.spans {
		s := &d.spans[i]
		size := s.to - s.from
		s.from += grown
		if next < len(pieces) && pieces[next].at == i {
			d.config.Entries[i] = entries[next]
			grown += len(pieces[next].text) - size
			size = len(pieces[next].text)
			next++
		}
		s.to = s.from + size
	}
	return grown
}

// extend puts new entries behind the others.
func (d *document) extend(pieces []piece, entries []Entry, between int) (grown int) {
	last := d.spans[len(d.spans)-1].to
	for _, p := range pieces {
		from := last + grown + between
		grown += between + len(p.text)
		d.spans = append(d.spans, span{from, last + grown})
	}
	d.config.Entries = append(d.config.Entries, entries...)
	return grown
}

// spliced returns the text with the pieces in it.
func (e *Edit) spliced(pieces []piece) []byte {
	size := len(configfile.ByteOrderMark) + len(e.text)
	for _, p := range pieces {
		size += len(p.text) + len(e.between())
	}
	out := bytes.NewBuffer(room(size))
	if e.doc.marked {
		out.Write(configfile.ByteOrderMark)
	}
	pos := 0
	end := e.doc.spans[len(e.doc.spans)-1].to
	for _, p := range pieces {
		if p.fresh {
			out.Write(e.text[pos:end])
			out.Write(e.between())
			pos = end
		} else {
			out.Write(e.text[pos:e.doc.spans[p.at].from])
			pos = e.doc.spans[p.at].to
		}
		out.Write(p.text)
	}
	out.Write(e.text[pos:])
	return out.Bytes()
}

// taken is what no other tenant may have. Live.mu guards it.
type taken struct {
	tokens        map[TokenHash]struct{}
	written, real places
}

// take returns what the tenants of a document have. It costs about as much as the
// rules of Parse.
func (d *document) take() *taken {
	t := &taken{make(map[TokenHash]struct{}, len(d.spans)), newPlaces(), newPlaces()}
	links := resolver{}
	for i := range d.config.Entries {
		entry := &d.config.Entries[i]
		t.tokens[entry.Token] = struct{}{}
		if d.first[entry.Tenant.Name] == i {
			t.written.add(entry.Tenant.DataDir)
			t.real.add(links.resolve(entry.Tenant.DataDir).path)
		}
	}
	return t
}

func (t *taken) accepts(entry *Entry) bool {
	_, known := t.tokens[entry.Token]
	return !known && t.written.accepts(entry.Tenant.DataDir) && t.real.accepts(resolver{}.resolve(entry.Tenant.DataDir).path)
}

func (t *taken) add(entry *Entry) {
	t.tokens[entry.Token] = struct{}{}
	t.written.add(entry.Tenant.DataDir)
	t.real.add(resolver{}.resolve(entry.Tenant.DataDir).path)
}

// places are directories, and those above them.
type places struct{ at, above map[string]struct{} }

func newPlaces() places { return places{map[string]struct{}{}, map[string]struct{}{}} }

// accepts reports whether a directory is none of them, above none and in none.
func (p places) accepts(path string) bool {
	_, at := p.at[path]
	_, above := p.above[path]
	if at || above {
		return false
	}
	for up := filepath.Dir(path); up != path; path, up = up, filepath.Dir(up) {
		if _, in := p.at[up]; in {
			return false
		}
	}
	return true
}

func (p places) add(path string) {
	p.at[path] = struct{}{}
	for up := filepath.Dir(path); up != path; path, up = up, filepath.Dir(up) {
		if _, known := p.above[up]; known {
			return
		}
		p.above[up] = struct{}{}
	}
}
