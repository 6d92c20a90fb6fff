package admin

import (
	"net/http"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

// settings are those of a tenant in a body.
type settings struct {
	QuotaMB           *int64   `json:"quota_mb,omitempty"`
	RequestsPerSecond *float64 `json:"requests_per_second,omitempty"`
	RequestsPerDay    *int64   `json:"requests_per_day,omitempty"`
	ReadOnly          *bool    `json:"read_only,omitempty"`
	Enabled           *bool    `json:"enabled,omitempty"`
	Durability        *string  `json:"durability,omitempty"`
}

// newTenant is the body of add.
type newTenant struct {
	ID string `json:"tenant_id"`
	settings
}

// exchange is the body of rotate.
type exchange struct {
	Now      bool `json:"now,omitempty"`       // the old tokens stop at once
	Finish   bool `json:"finish,omitempty"`    // no new token: the old ones beside the newest go
	ReadOnly bool `json:"read_only,omitempty"` // of the tokens for reading only
}

// shown is the reply that shows a token, this once.
type shown struct {
	ID      string `json:"tenant_id"`
	Token   string `json:"api_key"`
	DataDir string `json:"data_dir"`
	Status  string `json:"status"`
	Old     *int   `json:"old_tokens,omitempty"` // that are in force beside it
}

func (s *server) add(w http.ResponseWriter, r *http.Request) error {
	var body newTenant
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.ID == "" {
		return sq.Errorf(sq.Invalid, `"tenant_id" is missing in the body`)
	}
	reply := shown{ID: body.ID, Token: tenant.NewToken(0), Status: "active"}
	err := s.act(r, "add", body.ID, body.settings, func(e *tenant.Edit) (err error) {
		reply.DataDir, err = e.AddUnderRoot(body.ID, tenant.HashToken(reply.Token), tenant.Settings(body.settings))
		return err
	})
	if err != nil {
		return err
	}
	if body.Enabled != nil && !*body.Enabled {
		reply.Status = "disabled"
	}
	return send(w, reply)
}

func (s *server) set(w http.ResponseWriter, r *http.Request) error {
	var body settings
	if err := decode(r, &body); err != nil {
		return err
	}
	if tenant.Settings(body).IsZero() {
		return sq.Errorf(sq.Invalid, "there is nothing to set in the body")
	}
	id := r.PathValue("id")
	err := s.act(r, "set", id, body, func(e *tenant.Edit) error { return e.Set(id, tenant.Settings(body)) })
	if err != nil {
		return err
	}
	return s.show(w, r)
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	err := s.act(r, "disable", id, nil, func(e *tenant.Edit) error { return e.Disable(id) })
	if err != nil {
		return err
	}
	return s.show(w, r)
}

func (s *server) rotate(w http.ResponseWriter, r *http.Request) error {
	var body exchange
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Now && body.Finish {
		return sq.Errorf(sq.Invalid, `"now" and "finish" exclude each other`)
	}
	id := r.PathValue("id")
	if body.Finish {
		err := s.act(r, "finish rotation", id, body, func(e *tenant.Edit) error {
			_, err := e.Finish(id, body.ReadOnly)
			return err
		})
		if err != nil {
			return err
		}
		return s.show(w, r)
	}
	return s.newToken(w, r, id, body)
}

func (s *server) newToken(w http.ResponseWriter, r *http.Request, id string, body exchange) error {
	reply := shown{ID: id, Token: tenant.NewToken(0), Old: new(int)}
	err := s.act(r, "rotate", id, body, func(e *tenant.Edit) (err error) {
		*reply.Old, err = e.Rotate(id, tenant.HashToken(reply.Token), tenant.Rotation{Now: body.Now, ReadOnly: body.ReadOnly})
		return err
	})
	if err != nil {
		return err
	}
	if a, ok := s.Config().Account(id); ok {
		reply.DataDir, reply.Status = a.Tenant.DataDir, a.Status()
	}
	return send(w, reply)
}

// show answers with the tenant as it is now.
func (s *server) show(w http.ResponseWriter, r *http.Request) error {
	a, err := s.account(r)
	if err != nil {
		return err
	}
	return send(w, NewTenant(a))
}

// act changes the configuration and records it.
func (s *server) act(r *http.Request, action, id string, change any, edit func(*tenant.Edit) error) error {
	return s.Audit.Do(r, action, id, change, func() error { return s.Change(edit) })
}
