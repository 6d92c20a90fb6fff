package tenant

import (
	"fmt"
	"slices"

	"github.com/wbic16/sq-go"
)

// Edit is a change of a configuration that is being made. It sees what was
// changed so far, and belongs to the function that it was given to. A method that
// fails has changed nothing.
//
// What is changed are values in the text of the file: the other fields, their
// order and all spacing stay. Of new tokens the file gets the hash.
type Edit struct {
	doc     *document
	text    []byte
	touched map[int]*item // by the index of the entry
	fresh   []*item
	byName  map[string][]*item // of tenants that were asked for
	index   map[string][]int   // the entries of each tenant; made when it is needed
	changes int
}

// item is an entry that is changed or new.
type item struct {
	entry  Entry
	at     int     // the index of the entry; of a new one that of the one before it, or atEnd
	fresh  bool    // it is new, and fields is all of it
	fields []value // what is set, in order
	there  []value // what is set where the entry has the field already
	token  bool    // the token is another one
	gone   bool
}

// atEnd is behind the last entry of the file.
const atEnd = -1

func newEdit(d *document, data []byte) *Edit {
	return &Edit{doc: d, text: d.text(data), touched: map[int]*item{}, byName: map[string][]*item{}}
}

// DataRoot returns the directory under which new tenants get theirs; empty where
// there is none.
func (e *Edit) DataRoot() string { return e.doc.config.DataRoot }

// Add adds a tenant with one token. Conflict when there is one of that name,
// disabled ones included; Invalid for a name, a directory or settings that the
// file may not hold. That the directory is no other tenant's is checked with the
// whole.
func (e *Edit) Add(name, dataDir string, token TokenHash, s Settings) error {
	if _, complaint := parseName(name); complaint != "" {
		return sq.Errorf(sq.Invalid, "the tenant's name %s", complaint)
	}
	dir, complaint := directory(dataDir)
	if complaint != "" {
		return sq.Errorf(sq.Invalid, "data_dir %s", complaint)
	}
	if err := s.check(); err != nil {
		return err
	}
	if known := e.items(name); len(known) > 0 {
		return sq.Errorf(sq.Conflict, "there is a tenant %q already%s", name, ifDisabled(known))
	}
	it := &item{entry: Entry{Token: token, Enabled: true, Tenant: sq.Tenant{Name: name, DataDir: dir}}, at: atEnd, fresh: true}
	it.fields = append([]value{{e.nameField(), quote(name)}, {"data_dir", quote(dir)}}, s.values()...)
	for _, v := range it.fields {
		it.follow(v.key, s)
	}
	e.insert(it, nil)
	return nil
}

func ifDisabled(known []*item) string {
	if slices.ContainsFunc(known, (*item).isEnabled) {
		return "; choose another name"
	}
	return ", which is disabled; enable it, or choose another name"
}

// Set changes settings of a tenant. NotFound when there is none, Invalid for
// values that the file may not hold.
//
// To enable a tenant that has an enabled token changes nothing, and neither does
// taking read_only from one that has a token to write with: its other tokens are
// as they were made.
func (e *Edit) Set(name string, s Settings) error {
	if err := s.check(); err != nil {
		return err
	}
	items, err := e.tenant(name)
	if err != nil {
		return err
	}
	for _, v := range s.values() {
		switch {
		case isLimit(v.key):
			setLimit(items, v)
		case v.key == "enabled" && *s.Enabled && slices.ContainsFunc(items, (*item).isEnabled):
		case v.key == "read_only" && !*s.ReadOnly && slices.ContainsFunc(items, func(it *item) bool { return !it.entry.Tenant.ReadOnly }):
		default:
			for _, it := range items {
				it.set(v)
				it.follow(v.key, s)
			}
		}
	}
	e.changes++
	return nil
}

// setLimit sets what the entries of a tenant share: in the first, and in those
// others that say it too.
func setLimit(items []*item, v value) {
	items[0].set(v)
	for _, it := range items[1:] {
		if it.fresh && !slices.ContainsFunc(it.fields, v.sameKey) {
			continue
		}
		it.setIfThere(v)
	}
}

// Disable takes the tokens of a tenant out of force. The entries stay in the
// file, and so do the data. NotFound when there is no such tenant.
func (e *Edit) Disable(name string) error {
	no := false
	return e.Set(name, Settings{Enabled: &no})
}

// nameField is what a tenant's name is called.
func (e *Edit) nameField() string {
	if e.doc.list {
		return listFields[0]
	}
	return mapFields[0]
}

// insert adds an entry behind another, or behind all where that is nil.
func (e *Edit) insert(it, before *item) {
	name := it.entry.Tenant.Name
	e.byName[name] = append(e.items(name), it)
	place := len(e.fresh)
	if before != nil && before.fresh {
		place = 1 + slices.Index(e.fresh, before)
	}
	e.fresh = slices.Insert(e.fresh, place, it)
	e.changes++
}

// tenant returns the entries of a tenant that there is, in the order of the file.
func (e *Edit) tenant(name string) ([]*item, error) {
	items := e.items(name)
	if len(items) == 0 {
		return nil, sq.Errorf(sq.NotFound, "there is no tenant %q", name)
	}
	return items, nil
}

// items returns the entries of a tenant, in the order of the file.
func (e *Edit) items(name string) []*item {
	if items, ok := e.byName[name]; ok {
		return items
	}
	if _, ok := e.doc.first[name]; !ok {
		return nil
	}
	var items []*item
	for _, i := range e.entries(name) {
		it := &item{entry: e.doc.config.Entries[i], at: i}
		e.touched[i] = it
		items = append(items, it)
	}
	e.byName[name] = items
	return items
}

// entries returns the indices of a tenant's entries in the file.
func (e *Edit) entries(name string) []int {
	if len(e.doc.first) == len(e.doc.spans) { // each has one
		return []int{e.doc.first[name]}
	}
	if e.index == nil {
		e.index = make(map[string][]int, len(e.doc.first))
		for i := range e.doc.config.Entries {
			name := e.doc.config.Entries[i].Tenant.Name
			e.index[name] = append(e.index[name], i)
		}
	}
	return e.index[name]
}

// drop removes entries of a tenant.
func (e *Edit) drop(name string, items []*item) {
	for _, it := range items {
		it.gone = true
	}
	e.byName[name] = slices.DeleteFunc(slices.Clone(e.items(name)), func(it *item) bool { return it.gone })
	e.fresh = slices.DeleteFunc(e.fresh, func(it *item) bool { return it.gone })
	e.changes++
}

func (it *item) isEnabled() bool { return it.entry.Enabled }

// set sets a field of the entry.
func (it *item) set(v value) {
	it.there = slices.DeleteFunc(it.there, v.sameKey)
	if i := slices.IndexFunc(it.fields, v.sameKey); i >= 0 {
		it.fields[i] = v
		return
	}
	it.fields = append(it.fields, v)
}

// setIfThere sets a field where the entry has it.
func (it *item) setIfThere(v value) {
	if slices.ContainsFunc(it.fields, v.sameKey) {
		it.set(v)
		return
	}
	it.there = append(slices.DeleteFunc(it.there, v.sameKey), v)
}

func (v value) sameKey(w value) bool { return v.key == w.key }

// follow keeps what later changes of the same Edit ask for, once a field is set.
func (it *item) follow(key string, s Settings) {
	switch key {
	case "enabled":
		it.entry.Enabled = *s.Enabled
	case "read_only":
		it.entry.Tenant.ReadOnly = *s.ReadOnly
	}
}

// String tells nothing of the text, in which tokens may stand.
func (e *Edit) String() string { return fmt.Sprintf("an edit with %d changes", e.changes) }
