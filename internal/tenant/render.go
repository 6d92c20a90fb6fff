package tenant

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/wbic16/sq-go/internal/configfile"
)

// render returns the text of the file as the edit leaves it. It costs a copy of
// the text.
func (e *Edit) render() []byte {
	d := e.doc
	var out bytes.Buffer
	out.Grow(len(e.text) + 256*len(e.fresh) + 64*len(e.touched))
	if d.marked {
		out.Write(configfile.ByteOrderMark)
	}
	out.Write(e.text[:d.within.from])
	w := writer{out: &out, lead: e.lead(), between: e.between()}
	behind := e.behind()
	before := d.within.from // where the one before ends
	for i, s := range d.spans {
		if it := e.touched[i]; it == nil {
			w.item(e.text[before:s.from], s.of(e.text))
		} else if !it.gone {
			w.item(e.text[before:s.from], e.changed(it))
		}
		before = s.to
		for _, it := range behind[i] {
			w.item(w.between, e.whole(it))
		}
	}
	for _, it := range behind[atEnd] {
		w.item(w.between, e.whole(it))
	}
	out.Write(e.tail(before))
	out.Write(e.text[d.within.to:])
	return out.Bytes()
}

// writer writes the entries of a file.
type writer struct {
	out           *bytes.Buffer
	lead, between []byte
	some          bool // the first is written
}

// item writes an entry, with what separates it from the one before.
func (w *writer) item(separator, text []byte) {
	if !w.some {
		separator = w.lead
	}
	w.some = true
	w.out.Write(separator)
	w.out.Write(text)
}

// lead is what stands before the first entry.
func (e *Edit) lead() []byte {
	if len(e.doc.spans) == 0 {
		return []byte("\n    ")
	}
	return e.text[e.doc.within.from:e.doc.spans[0].from]
}

// between is what separates a new entry from the one before: what separates the
// last two.
func (e *Edit) between() []byte {
	switch n := len(e.doc.spans); {
	case n >= 2:
		return e.text[e.doc.spans[n-2].to:e.doc.spans[n-1].from]
	case len(e.lead()) == 0:
		return []byte(", ")
	}
	return append([]byte(","), e.lead()...)
}

// tail is what stands behind the last entry, which ends at an offset.
func (e *Edit) tail(last int) []byte {
	if len(e.doc.spans) == 0 && len(e.fresh) > 0 {
		return []byte("\n  ")
	}
	return e.text[last:e.doc.within.to]
}

// behind sorts the new entries by the one that they come after.
func (e *Edit) behind() map[int][]*item {
	m := map[int][]*item{}
	for _, it := range e.fresh {
		m[it.at] = append(m[it.at], it)
	}
	return m
}

// whole returns the text of an entry that is new.
func (e *Edit) whole(it *item) []byte {
	var b bytes.Buffer
	if !e.doc.list {
		b.WriteString(quote(it.entry.Token.String()) + ": ")
	}
	b.WriteByte('{')
	for i, v := range it.fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(v.key) + ": " + v.raw)
		if e.doc.list && i == 0 {
			b.WriteString(`, "api_key": ` + quote(it.entry.Token.String()))
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// changed returns the text of an entry of the file as the edit leaves it.
func (e *Edit) changed(it *item) []byte {
	s := e.doc.spans[it.at]
	fields := e.read(s)
	var b bytes.Buffer
	pos := s.from
	put := func(from, to int, text string) {
		b.Write(e.text[pos:from])
		b.WriteString(text)
		pos = to
	}
	if it.token && !e.doc.list {
		put(s.from, e.keyEnd(s), quote(it.entry.Token.String()))
	}
	for _, f := range fields {
		if v := it.newValue(f.Key); v != "" {
			put(f.At, f.End, v)
		}
	}
	put(fields[len(fields)-1].End, fields[len(fields)-1].End, e.added(it, fields))
	b.Write(e.text[pos:s.to])
	return b.Bytes()
}

// newValue returns what a field of the entry is set to; "" when it is not.
func (it *item) newValue(key string) string {
	for _, list := range [][]value{it.fields, it.there} {
		if i := slices.IndexFunc(list, value{key: key}.sameKey); i >= 0 {
			return list[i].raw
		}
	}
	return ""
}

// added returns the fields that the entry gets, written as its last one is.
func (e *Edit) added(it *item, fields []configfile.Field) string {
	var b strings.Builder
	last, before := fields[len(fields)-1], fields[len(fields)-2] // name and directory are there
	for _, v := range it.fields {
		if slices.ContainsFunc(fields, func(f configfile.Field) bool { return f.Key == v.key }) {
			continue
		}
		b.Write(e.text[before.End:last.KeyAt])
		b.WriteString(quote(v.key))
		b.Write(e.text[last.KeyEnd:last.At])
		b.WriteString(v.raw)
	}
	return b.String()
}

// fields returns the fields of an entry as the edit leaves them, but not its
// token.
func (e *Edit) fields(it *item) []value {
	if it.fresh {
		return slices.Clone(it.fields)
	}
	var list []value
	for _, f := range e.read(e.doc.spans[it.at]) {
		v := value{f.Key, string(e.text[f.At:f.End])}
		if set := it.newValue(f.Key); set != "" {
			v.raw = set
		}
		if f.Key != "api_key" {
			list = append(list, v)
		}
	}
	for _, v := range it.fields {
		if v.key != "api_key" && !slices.ContainsFunc(list, v.sameKey) {
			list = append(list, v)
		}
	}
	return list
}

// read returns the fields of an entry as they stand in the text.
func (e *Edit) read(s span) []configfile.Field {
	r := configfile.Reader{Data: e.text, Off: s.from}
	if !e.doc.list {
		r.Next() // the token
	}
	r.Next()
	return r.Fields()
}

// keyEnd returns where the token of an entry in the map form ends.
func (e *Edit) keyEnd(s span) int {
	r := configfile.Reader{Data: e.text, Off: s.from}
	r.Next()
	return r.Off
}

// quote returns a string as JSON.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is no page
	_ = enc.Encode(s)        // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
