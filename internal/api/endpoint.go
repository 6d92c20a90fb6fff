package api

import (
	"net/http"
	"slices"
	"strings"
)

// prefix is what all paths of the API begin with.
const prefix = "/api/v2/"

// endpoint is a path of the API and what it does.
type endpoint struct {
	name    string
	methods []string // GET stands for HEAD too, unless it writes
	writes  bool
	body    bool // of a GET matters too
	bare    bool // it needs no phext
	streams bool // it goes on until somebody leaves, and takes no slot
	do      func(*call) error
}

var (
	byGet        = []string{http.MethodGet}
	byPost       = []string{http.MethodPost}
	byDelete     = []string{http.MethodDelete}
	byGetOrPost  = []string{http.MethodGet, http.MethodPost}
	toUpdate     = []string{http.MethodGet, http.MethodPost, http.MethodPut}
	toDelete     = []string{http.MethodGet, http.MethodDelete}
	errNotFound  = &httpError{status: http.StatusNotFound, message: "Not Found"}
	errMethod    = &httpError{status: http.StatusMethodNotAllowed, message: "Method Not Allowed"}
	bodyIsTheWay = []string{http.MethodPost, http.MethodPut}
)

// reloading has no action here: it asks for another right than a tenant's, and
// is answered before tenants are looked for.
var reloading = &endpoint{name: "reload", methods: byPost}

// endpoints is the API, by the path under prefix. The paths are plain names, so a
// map finds them; a ServeMux would run GET for every HEAD, send other spellings
// of a path elsewhere, and answer strangers before their token was asked for.
var endpoints = table(
	&endpoint{name: "version", methods: byGet, bare: true, do: (*call).version},
	&endpoint{name: "load", methods: byGet, do: (*call).load},
	&endpoint{name: "select", methods: byGet, do: (*call).selectScroll},
	&endpoint{name: "insert", methods: byGetOrPost, writes: true, do: (*call).insert},
	&endpoint{name: "update", methods: toUpdate, writes: true, do: (*call).update},
	&endpoint{name: "delete", methods: toDelete, writes: true, do: (*call).remove},
	&endpoint{name: "status", methods: byGet, do: (*call).status},
	&endpoint{name: "checksum", methods: byGet, do: (*call).checksum},
	&endpoint{name: "toc", methods: byGet, do: (*call).toc},
	&endpoint{name: "get", methods: byGet, do: (*call).get},
	&endpoint{name: "delta", methods: byGetOrPost, body: true, do: (*call).delta},
	&endpoint{name: "json-export", methods: byGet, do: (*call).exportJSON},
	&endpoint{name: "list", methods: byGet, bare: true, do: (*call).list},
	&endpoint{name: "watch", methods: byGet, streams: true, do: (*call).watch},
	&endpoint{name: "batch", methods: byPost, writes: true, do: (*call).batch},
	&endpoint{name: "put", methods: bodyIsTheWay, writes: true, do: (*call).put},
	&endpoint{name: "drop", methods: byDelete, writes: true, do: (*call).drop},
	&endpoint{name: "where", methods: byPost, bare: true, do: (*call).where},
	reloading,
)

func table(list ...*endpoint) map[string]*endpoint {
	byName := make(map[string]*endpoint, len(list))
	for _, e := range list {
		byName[e.name] = e
	}
	return byName
}

// find returns the endpoint of a path, nil when there is none, and whether the
// path is the API's at all.
func find(path string) (e *endpoint, under bool) {
	name, under := strings.CutPrefix(path, prefix)
	return endpoints[name], under || path+"/" == prefix
}

// allows reports whether the endpoint has a method, where GET may write or not.
func (e *endpoint) allows(method string, getWrites bool) bool {
	switch {
	case method == http.MethodHead:
		return !e.writes && slices.Contains(e.methods, http.MethodGet)
	case method == http.MethodGet && e.writes && !getWrites:
		return false
	}
	return slices.Contains(e.methods, method)
}

// allow returns the methods that the endpoint has, as the header Allow lists
// them. OPTIONS, which every path has, is not among them.
func (e *endpoint) allow(getWrites bool) string {
	var methods []string
	for _, m := range [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if e.allows(m, getWrites) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}

// getWrites reports whether GET may write, for clients of old that know no other
// way. Without tokens it may only where strangers cannot reach.
func (c *call) getWrites() bool { return !c.keyless || c.server.Loopback }
