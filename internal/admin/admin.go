package admin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

// Action answers a request; an error is answered by the caller. It is what package
// api serves.
type Action = func(w http.ResponseWriter, r *http.Request) error

// Route is a path of the administration: a pattern of http.ServeMux without a
// method, a name for logs, and an action for each method.
type Route struct {
	Path    string
	Name    string
	Methods map[string]Action
}

// Usage tells what tenants use. Goroutines share it.
type Usage interface {
	// Usage returns what a tenant has stored, how often it has called since
	// midnight UTC, and when it called last, which is zero when it did not since the
	// server began. It may cost a look at all its files.
	Usage(tenantName string) (storageBytes, callsToday int64, lastActive time.Time)
}

// Options is what the administration is made of. All are required.
type Options struct {
	// Config returns the configuration in force.
	Config func() *tenant.Config
	// Change changes it, as (*tenant.Live).Change does.
	Change func(edit func(*tenant.Edit) error) error
	Usage  Usage
	Audit  *Audit
}

// server answers for the administration.
type server struct{ Options }

// Routes returns the paths of the administration. Goroutines share the actions.
func Routes(o Options) []Route {
	s := &server{o}
	const tenants = "/api/v2/admin/tenants"
	return []Route{
		{tenants, "admin-tenants", map[string]Action{http.MethodGet: s.list}},
		{tenants + "/add", "admin-add", map[string]Action{http.MethodPost: s.add}},
		{tenants + "/{id}", "admin-tenant", map[string]Action{http.MethodPatch: s.set, http.MethodDelete: s.remove}},
		{tenants + "/{id}/stats", "admin-stats", map[string]Action{http.MethodGet: s.stats}},
		{tenants + "/{id}/rotate", "admin-rotate", map[string]Action{http.MethodPost: s.rotate}},
	}
}

// Tenant is a tenant as the administration shows it.
type Tenant struct {
	ID                string  `json:"tenant_id"`
	Status            string  `json:"status"` // active or disabled
	DataDir           string  `json:"data_dir"`
	Tokens            int     `json:"tokens"`    // that are let in
	ReadOnly          bool    `json:"read_only"` // all of those are
	QuotaMB           int64   `json:"quota_mb"`  // of 1,048,576 bytes; here and below 0 means no limit
	RequestsPerSecond float64 `json:"requests_per_second"`
	RequestsPerDay    int64   `json:"requests_per_day"`
	Durability        string  `json:"durability,omitempty"` // what it chose
}

// NewTenant returns what is shown of a tenant.
func NewTenant(a tenant.Account) Tenant {
	return Tenant{
		a.Tenant.Name, a.Status(), a.Tenant.DataDir, a.Tokens, a.Tenant.ReadOnly,
		a.QuotaMB(), a.Tenant.RequestsPerSecond, a.Tenant.RequestsPerDay, a.Durability,
	}
}

func (s *server) list(w http.ResponseWriter, _ *http.Request) error {
	accounts := s.Config().Accounts()
	reply := struct {
		Tenants []Tenant `json:"tenants"`
	}{make([]Tenant, len(accounts))}
	for i, a := range accounts {
		reply.Tenants[i] = NewTenant(a)
	}
	return send(w, reply)
}

// stats is what a tenant uses. Megabytes are of 1,048,576 bytes.
type stats struct {
	ID         string     `json:"tenant_id"`
	StorageMB  float64    `json:"storage_used_mb"`
	QuotaMB    int64      `json:"quota_mb"`
	CallsToday int64      `json:"api_calls_today"`
	LastActive *time.Time `json:"last_active"`
}

func (s *server) stats(w http.ResponseWriter, r *http.Request) error {
	a, err := s.account(r)
	if err != nil {
		return err
	}
	bytes, calls, last := s.Usage.Usage(a.Tenant.Name)
	reply := stats{ID: a.Tenant.Name, StorageMB: megabytes(bytes), QuotaMB: a.QuotaMB(), CallsToday: calls}
	if !last.IsZero() {
		last = last.UTC().Truncate(time.Second)
		reply.LastActive = &last
	}
	return send(w, reply)
}

// megabytes rounds to what people read, and shows no file as nothing.
func megabytes(bytes int64) float64 {
	const thousandth = 1 << 20 / 1000.0
	return float64(int64(float64(bytes)/thousandth+0.9999)) / 1000
}

// account returns the tenant that a request is about.
func (s *server) account(r *http.Request) (tenant.Account, error) {
	id := r.PathValue("id")
	a, ok := s.Config().Account(id)
	if !ok {
		return a, sq.Errorf(sq.NotFound, "there is no tenant %q", id)
	}
	return a, nil
}

// send answers with JSON.
func send(w http.ResponseWriter, reply any) error {
	text, err := json.Marshal(reply)
	if err != nil {
		return sq.Wrap(err, sq.Internal, "encode the reply")
	}
	text = append(text, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, err = w.Write(text)
	return err
}
