package api

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/wbic16/sq-go"
)

// Route is a path that is served beside the phexts of tenants: health, the
// administration, pages. It takes none of the slots, unless its Right is EachTenant.
type Route struct {
	// Path is a pattern of http.ServeMux without a method, such as
	// /api/v2/admin/tenants/{id}. A request has its wildcards as PathValue.
	Path string
	// Name is what logs and metrics call it: few, and none of it the client's.
	Name string
	// Right is who may ask.
	Right Right
	// Quiet keeps requests to the path out of the access log and from Observe: they
	// come every few seconds from whoever watches.
	Quiet bool
	// Methods has an action for each method. GET stands for HEAD too, where there
	// is none.
	Methods map[string]Action
	// MostBody is how many bytes the body of a request may have; 0: a megabyte. More than
	// Limits.BodyBytes are never taken.
	MostBody int64
}

// Action answers a request. The body of the request ends with an error of ours
// after Route.MostBody, and when nothing comes for too long; deadlines of the reply
// move on as it is taken. An error is answered in the form that the client
// accepts, or breaks the connection when a part of an answer was sent. The default of
// Cache-Control is no-store.
type Action func(w http.ResponseWriter, r *http.Request) error

// Right is who may use a route.
type Right int

// The rights. To who shows the token of a tenant, the administration's paths are
// Forbidden; to who shows none that is known, Unauthorized, as all others. Where there
// is no administration they do not exist.
const (
	Anyone Right = iota
	Administration
	// AnyTenant is who may read and write as a tenant, whichever it is.
	AnyTenant
	// EachTenant is who may read as a tenant. The request is one of that tenant's: it
	// counts, takes a slot, and TenantOf has the tenant, which may be ReadOnly.
	EachTenant
)

type tenantKey struct{}

// TenantOf returns the tenant whose request it is, from the context of a request to a
// route for EachTenant; false in any other.
func TenantOf(ctx context.Context) (t sq.Tenant, ok bool) {
	t, ok = ctx.Value(tenantKey{}).(sq.Tenant)
	return t, ok
}

// routeBody is how long the body of a request to a route may be, where that says
// nothing else.
const routeBody = 1 << 20

// routes finds routes by path.
type routes struct {
	mux *http.ServeMux // of routes: it only finds, and sets path values
	any bool
}

// newRoutes panics when two patterns say the same, as http.ServeMux does.
func newRoutes(list []Route) *routes {
	r := &routes{mux: http.NewServeMux(), any: len(list) > 0}
	for i := range list {
		route := &list[i]
		r.mux.HandleFunc(route.Path, func(w http.ResponseWriter, _ *http.Request) { w.(*visitor).route = route })
	}
	return r
}

// visitor is what the mux hands a request on to. A redirect to another spelling
// of the path is lost in it.
type visitor struct{ route *Route }

func (v *visitor) Header() http.Header         { return http.Header{} }
func (v *visitor) Write(p []byte) (int, error) { return len(p), nil }
func (v *visitor) WriteHeader(int)             {}

// find returns the route of a request; nil when there is none. The request has
// the path values afterwards.
func (r *routes) find(request *http.Request) *Route {
	if !r.any {
		return nil
	}
	var v visitor
	r.mux.ServeHTTP(&v, request)
	return v.route
}

// visit answers a request to a route.
func (c *call) visit(route *Route, tenants Tenants) error {
	c.name, c.quiet = route.Name, route.Quiet
	if err := c.mayVisit(route, tenants); err != nil {
		return err
	}
	if route.Right != EachTenant {
		return c.act(c.request.Context(), route)
	}
	if err := c.meter(); err != nil {
		return err
	}
	if err := c.takeSlot(); err != nil {
		return err
	}
	defer c.server.slots.give(c.served)
	return c.act(context.WithValue(c.request.Context(), tenantKey{}, c.tenant), route)
}

// act does what a request to a route asks for.
func (c *call) act(ctx context.Context, route *Route) error {
	action := route.action(c.request.Method)
	if action == nil {
		c.reply.Header().Set("Allow", route.allow())
		return errMethod
	}
	c.body.most = min(c.body.most, cmp.Or(route.MostBody, routeBody))
	if err := c.body.checkLength(); err != nil {
		return err
	}
	c.body.limit()
	c.reply.Header()["Cache-Control"] = noStore
	r := c.request.WithContext(ctx)
	r.Body = routeReader{&c.body, c.request.Body}
	return action(&c.reply, r)
}

// routeReader is the body of a request as an action reads it.
type routeReader struct {
	io.Reader
	io.Closer
}

// mayVisit checks the right to a route.
func (c *call) mayVisit(route *Route, tenants Tenants) error {
	switch route.Right {
	case Anyone:
		return nil
	case AnyTenant:
		return c.mayWrite(tenants)
	case EachTenant:
		return c.authenticate(tenants)
	}
	token, _ := tokenOf(c.request.Header)
	switch {
	case tenants.IsAdmin(token):
		return nil
	case c.authenticate(tenants) != nil:
		return errUnauthorized
	case !tenants.HasAdmin():
		return errNotFound
	}
	return sq.Errorf(sq.Forbidden, "Forbidden: this needs the key of the administration")
}

// mayWrite checks that a tenant asks, with a token that is not for reading alone.
func (c *call) mayWrite(tenants Tenants) error {
	if err := c.authenticate(tenants); err != nil {
		return err
	}
	if c.tenant.ReadOnly {
		return errReadOnly
	}
	return nil
}

func (r *Route) action(method string) Action {
	if a := r.Methods[method]; a != nil || method != http.MethodHead {
		return a
	}
	return r.Methods[http.MethodGet]
}

// allow returns the methods of the route, as the header Allow lists them.
func (r *Route) allow() string {
	var methods []string
	for m := range r.Methods {
		methods = append(methods, m)
	}
	if r.Methods[http.MethodGet] != nil && r.Methods[http.MethodHead] == nil {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
