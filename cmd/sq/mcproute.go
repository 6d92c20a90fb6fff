package main

import (
	"net/http"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/mcp"
)

// mcpRoute serves a tenant's phexts to agents, with the tenant's token. One that is for
// reading alone has no tools that write.
//
//	POST /mcp
func (v *service) mcpRoute() api.Route {
	return api.Route{
		Path: "/mcp", Name: "mcp", Right: api.EachTenant, MostBody: mcp.MostBody,
		Methods: map[string]api.Action{http.MethodPost: func(w http.ResponseWriter, r *http.Request) error {
			tenant, _ := api.TenantOf(r.Context()) // that is the right
			return mcp.New(mcp.Options{Store: v.durable(tenant, v.storeOf(tenant)), ReadOnly: tenant.ReadOnly, Logger: v.log}).Answer(w, r)
		}},
	}
}
