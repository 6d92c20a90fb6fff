package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// TestRoutes: what is served beside the phexts has the same door: rights, errors,
// bodies.
func TestRoutes(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) error {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, r.PathValue("id")+":"+string(text))
		return err
	}
	options := Options{Routes: []Route{
		{Path: "/hello/{id}", Name: "hello", Methods: map[string]Action{"GET": echo, "POST": echo}},
		{Path: "/api/v2/admin/{id}", Name: "admin", Right: Administration, Methods: map[string]Action{"PATCH": echo}},
		{Path: "/api/v2/ours/{id}", Name: "ours", Right: AnyTenant, Methods: map[string]Action{"PATCH": echo}},
		{Path: "/mine", Name: "mine", Right: EachTenant, Methods: map[string]Action{"POST": func(w http.ResponseWriter, r *http.Request) error {
			tenant, ok := TenantOf(r.Context())
			_, err := fmt.Fprintf(w, "%s %v %v", tenant.Name, tenant.ReadOnly, ok)
			return err
		}}},
		{Path: "/not-mine", Name: "not-mine", Methods: map[string]Action{"GET": func(w http.ResponseWriter, r *http.Request) error {
			_, ok := TenantOf(r.Context())
			_, err := fmt.Fprint(w, ok)
			return err
		}}},
		{Path: "/broken", Name: "broken", Methods: map[string]Action{"GET": func(http.ResponseWriter, *http.Request) error {
			return sq.Errorf(sq.Full, "no room")
		}}},
	}}
	who := people{names: []string{"alice"}, admin: "boss"}
	r := newRig(t, who, options)
	patchAt := func(path, token string) request {
		return request{method: "PATCH", path: path, body: "x", header: []string{"Authorization: " + token}}
	}
	mine := func(token string) request {
		return request{method: "POST", path: "/mine", header: []string{"Authorization: " + token}}
	}
	patch := func(token string) request { return patchAt("/api/v2/admin/7", token) }
	r.run([]row{
		{"a path value", get("/hello/you"), 200, "you:", []string{"Cache-Control: no-store", "Access-Control-Allow-Origin: *"}, nil},
		{"HEAD", request{method: "HEAD", path: "/hello/you"}, 200, "", nil, nil},
		{"a body", post("/hello/you", "text"), 200, "you:text", nil, nil},
		{"a body too long", post("/hello/you", strings.Repeat("x", routeBody+1)), 413, "", nil, nil},
		{"another method", request{method: "PUT", path: "/hello/you"}, 405, "Method Not Allowed", []string{"Allow: GET, HEAD, POST"}, nil},
		{"another spelling", get("/hello/%2e%2e/hello/you"), 404, "Not Found", nil, nil},
		{"an error", get("/broken"), 507, "no room", nil, nil},
		{"the key", patch("boss"), 200, "7:x", nil, nil},
		{"a tenant", patch("alice's"), 403, "", nil, nil},
		{"nobody", patch("guess"), 401, "Unauthorized", nil, nil},
		{"any tenant", patchAt("/api/v2/ours/7", "alice's"), 200, "7:x", nil, nil},
		{"any tenant, to read", patchAt("/api/v2/ours/7", "alice's to read"), 403, "", nil, nil},
		{"any tenant, nobody", patchAt("/api/v2/ours/7", "guess"), 401, "Unauthorized", nil, nil},
		{"any tenant, the key", patchAt("/api/v2/ours/7", "boss"), 401, "Unauthorized", nil, nil},
	})
	r.run([]row{
		{"each tenant", mine("alice's"), 200, "alice false true", []string{"Cache-Control: no-store"}, nil},
		{"each tenant, to read", mine("alice's to read"), 200, "alice true true", nil, nil},
		{"each tenant, nobody", mine("guess"), 401, "Unauthorized", nil, nil},
		{"each tenant, the key", mine("boss"), 401, "Unauthorized", nil, nil},
		{"each tenant, another method", request{method: "GET", path: "/mine", header: []string{"Authorization: alice's"}}, 405, "", []string{"Allow: POST"}, nil},
		{"a tenant at a path that is nobody's", request{method: "GET", path: "/not-mine", header: []string{"Authorization: alice's"}}, 200, "false", nil, nil},
	})
	open := newRig(t, people{}, options)
	open.run([]row{
		{"without tokens", request{method: "PATCH", path: "/api/v2/ours/7", body: "x"}, 200, "7:x", nil, nil},
		{"without tokens, from a page", request{method: "PATCH", path: "/api/v2/ours/7", header: []string{"Sec-Fetch-Site: cross-site"}}, 403, "", nil, nil},
	})
	open.run([]row{
		{"each tenant, without tokens", mine(""), 200, " false true", nil, nil},
		{"each tenant, without tokens, from a page", request{method: "POST", path: "/mine", header: []string{"Sec-Fetch-Site: cross-site"}}, 403, "", nil, nil},
	})
	closed := newRig(t, people{names: []string{"alice"}}, options)
	closed.run([]row{{"no administration", patch("alice's"), 404, "Not Found", nil, nil}})
}
