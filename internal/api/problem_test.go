package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// refusing is a store that answers every write with an error.
type refusing struct {
	sq.Store
	err error
}

func (s refusing) Apply(context.Context, sq.PhextName, sq.Batch) ([]sq.Result, error) {
	return nil, s.err
}

// TestStatuses: what each code is in HTTP, and what the caller is told: the
// message, in one line, without its cause.
func TestStatuses(t *testing.T) {
	for code, status := range map[sq.Code]int{
		sq.Invalid: 400, sq.Unauthorized: 401, sq.Forbidden: 403, sq.NotFound: 404, sq.Gone: 410, sq.Conflict: 409, sq.Precondition: 412,
		sq.TooLarge: 413, sq.Full: 507, sq.Limited: 429, sq.Busy: 503, sq.Closed: 503, sq.Unreadable: 500, sq.Uncertain: 500, sq.Internal: 500,
	} {
		t.Run(string(code), func(t *testing.T) {
			err := fmt.Errorf("apply: %w", sq.Wrap(errors.New("/srv/secret"), code, "what went\nwrong"))
			r := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return refusing{nil, err} }})
			reply, text := r.send(post("/api/v2/insert?p=notes"+at, "x"))
			want := "what went wrong"
			if code == sq.Internal {
				want = "internal error"
			}
			if reply.StatusCode != status || text != want {
				t.Errorf("%d %q, want %d %q", reply.StatusCode, text, status, want)
			}
			if again := reply.Header.Get("Retry-After"); (again == "1") != (status == 503) {
				t.Errorf("Retry-After is %q", again)
			}
			if reply.Header.Get("Cache-Control") != "no-store" {
				t.Error("may be stored")
			}
			if told := strings.Contains(r.log.String(), "/srv/secret"); told != (status >= 500) {
				t.Errorf("the cause is in the log: %v", told)
			}
		})
	}
}

// TestProblemDocument is RFC 9457, for those who accept JSON, 404 and 401
// included.
func TestProblemDocument(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	for _, c := range []struct {
		request
		status int
		code   sq.Code
		detail string
	}{
		{get("/api/v2/select?p=a/b"), 403, sq.Forbidden, "Forbidden: Invalid phext path"},
		{with(get("/api/v2/version"), "Authorization: "), 401, sq.Unauthorized, "Unauthorized"},
		{get("/api/v2/none"), 404, "", "Not Found"},
		{post("/api/v2/toc", ""), 405, "", "Method Not Allowed"},
	} {
		reply, text := r.send(with(c.request, "Accept: application/json, text/plain, */*"))
		var got problem
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := problem{"about:blank", http.StatusText(c.status), c.status, c.detail, c.code, 0}
		if got != want || reply.StatusCode != c.status || reply.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v: %d %+v, want %+v", c.path, reply.StatusCode, got, want)
		}
	}
}
