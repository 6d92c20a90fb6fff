package tenant

import (
	"slices"

	"github.com/wbic16/sq-go"
)

// Rotation is how a tenant's token is exchanged.
type Rotation struct {
	// Now takes the old tokens out of force at once; otherwise they stay beside
	// the new one until Finish.
	Now bool
	// ReadOnly exchanges the tokens for reading only, of a tenant that has others
	// too.
	ReadOnly bool
}

// Rotate gives a tenant a new token: for writing, unless it is for reading only
// or all the tenant has are. Tokens of the other kind are left alone. It returns
// how many old ones stay in force.
//
// NotFound: there is no such tenant. Conflict: it is disabled, has no token of that
// kind, or the file is in the list form, in which a tenant has one token, and Now
// was not asked for.
func (e *Edit) Rotate(name string, token TokenHash, r Rotation) (old int, err error) {
	items, err := e.rotated(name, r.ReadOnly)
	if err != nil {
		return 0, err
	}
	newest := items[len(items)-1]
	if r.Now {
		e.keepLimits(name, newest, items[:len(items)-1])
		newest.entry.Token, newest.token = token, true
		if e.doc.list {
			newest.set(value{"api_key", quote(token.String())})
		}
		e.changes++
		return 0, nil
	}
	if e.doc.list {
		return 0, sq.Errorf(sq.Conflict, "tenant %q: the list form of the configuration has one token a tenant; exchange it at once, or write the map form", name)
	}
	it := &item{entry: newest.entry, at: newest.at, fresh: true, fields: e.fields(newest)}
	it.entry.Token = token
	it.fields = slices.DeleteFunc(it.fields, func(v value) bool { return v.key == "enabled" })
	e.insert(it, newest)
	return len(items), nil
}

// Finish ends an exchange: of the tenant's tokens of a kind, as for Rotate, the
// newest stays and the others are taken out of the file. It returns how many
// those were. NotFound and Conflict as for Rotate.
func (e *Edit) Finish(name string, readOnly bool) (dropped int, err error) {
	items, err := e.rotated(name, readOnly)
	if err != nil {
		return 0, err
	}
	last := len(items) - 1
	e.keepLimits(name, items[last], items[:last])
	return last, nil
}

// rotated returns the enabled entries of a tenant that are of one kind; there is
// one at least, and the newest is the last.
func (e *Edit) rotated(name string, readOnly bool) ([]*item, error) {
	all, err := e.tenant(name)
	if err != nil {
		return nil, err
	}
	var reading, writing []*item
	for _, it := range all {
		switch {
		case !it.entry.Enabled:
		case it.entry.Tenant.ReadOnly:
			reading = append(reading, it)
		default:
			writing = append(writing, it)
		}
	}
	switch {
	case len(reading)+len(writing) == 0:
		return nil, sq.Errorf(sq.Conflict, "tenant %q is disabled; enable it first", name)
	case readOnly && len(reading) == 0:
		return nil, sq.Errorf(sq.Conflict, "tenant %q has no token that is for reading only", name)
	case readOnly || len(writing) == 0:
		return reading, nil
	}
	return writing, nil
}

// keepLimits drops entries, of which the one that stays takes over the limits:
// each stands perhaps in one entry for all.
func (e *Edit) keepLimits(name string, stays *item, dropped []*item) {
	isNull := func(v value) bool { return v.raw == "null" }
	has := slices.DeleteFunc(e.fields(stays), isNull)
	for _, it := range dropped {
		for _, v := range e.fields(it) {
			if isLimit(v.key) && !isNull(v) && !slices.ContainsFunc(has, v.sameKey) {
				stays.set(v)
				has = append(has, v)
			}
		}
	}
	if len(dropped) > 0 {
		e.drop(name, dropped)
	}
}
