// Package admin is the administration of tenants over HTTP: who there is and what
// they use, adding, changing and removing them, and exchanging their tokens. A
// change goes into the configuration file and is in force when it is answered.
//
//	GET    /api/v2/admin/tenants            all tenants
//	POST   /api/v2/admin/tenants/add        a new one, and its token
//	PATCH  /api/v2/admin/tenants/ID         limits, read_only, enabled, durability
//	DELETE /api/v2/admin/tenants/ID         disables it; its files stay
//	GET    /api/v2/admin/tenants/ID/stats   what it uses
//	POST   /api/v2/admin/tenants/ID/rotate  another token
//
// Who may ask is decided before: package api serves these routes to the key of the
// administration alone. Bodies are JSON objects, and a field that there is not is
// an error. Replies are JSON. A token is in the one reply that makes it and in no
// other, nor in any log; the file has its hash.
//
// Each act is recorded, done or refused: see Audit.
package admin
