package route

import "github.com/wbic16/sq-go/internal/tenant"

// table says which token leads to which backend. It never changes.
type table struct {
	byToken  map[tenant.TokenHash]*backend
	backends map[uint16]*backend // by port
}

// find returns the backend of a token; nil when it leads nowhere. Tokens are looked
// up by their hashes, so that how long it takes tells nothing of them.
func (t *table) find(token string) *backend {
	if token == "" {
		return nil
	}
	return t.byToken[tenant.HashToken(token)]
}

// newTable returns the table of a configuration. It takes the backends that old has
// already, and has the others made; gone are those that it does not need any more.
func newTable(entries []Entry, old *table, add func(port uint16) *backend) (t *table, gone []*backend) {
	t = &table{byToken: make(map[tenant.TokenHash]*backend, len(entries)), backends: map[uint16]*backend{}}
	for _, e := range entries {
		b := t.backends[e.Port]
		if b == nil {
			b = old.backends[e.Port]
		}
		if b == nil {
			b = add(e.Port)
		}
		t.backends[e.Port], t.byToken[e.Token] = b, b
	}
	for port, b := range old.backends {
		if t.backends[port] == nil {
			gone = append(gone, b)
		}
	}
	return t, gone
}
