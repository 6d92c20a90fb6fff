package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/backup"
)

// fetch copies a backup from a running server to w, and verifies it on the way.
func (f *backupFlags) fetch(ctx context.Context, w io.Writer, since *backup.Manifest, bar *progress) (*backup.Manifest, error) {
	request, err := f.request(ctx, since)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	defer transport.CloseIdleConnections()
	// The key does not follow to another place.
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(request)
	if err != nil {
		return nil, hinted(err, "sq health URL tells whether a server is there; where none runs, --config or --data-dir back up its directories")
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, refused(reply)
	}
	m, err := backup.Verify(ctx, io.TeeReader(reply.Body, w), func(p backup.Progress) {
		bar.show("fetching %s: %d entries, %s in all", p.Tenant, p.Done, size(p.Bytes))
	})
	switch {
	case sq.ErrorCode(err) == sq.Invalid:
		return nil, hinted(err, "the log of the server may say why; nothing of it was kept")
	case err != nil:
		return nil, err
	case since != nil && m.Since != since.ID() || since == nil && m.Since != (backup.Digest{}):
		return nil, fmt.Errorf("the server sent another backup than was asked for")
	}
	return m, nil
}

func (f *backupFlags) request(ctx context.Context, since *backup.Manifest) (*http.Request, error) {
	u, err := url.Parse(f.server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("such as http://localhost:1337", "--server %q is no address of a server", f.server)
	}
	u = u.JoinPath("/api/v2/admin/backup")
	query := url.Values{}
	if f.tenant != "" {
		query.Set("tenant", f.tenant)
	}
	if f.skip {
		query.Set("skip-unreadable", "true")
	}
	u.RawQuery = query.Encode()
	method, body := http.MethodGet, []byte(nil)
	if since != nil {
		method = http.MethodPost
		if body, err = since.Text(); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+f.key)
	return r, nil
}

// refused says why there is no backup.
func refused(reply *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(reply.Body, 4<<10))
	err := fmt.Errorf("the server answered %d: %s", reply.StatusCode, printable(strings.TrimSpace(string(text))))
	switch reply.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return hinted(err, "SQ_ADMIN_KEY must be the admin key of the server")
	case http.StatusNotFound:
		if strings.HasPrefix(string(text), "there is no tenant") {
			return hinted(err, "the server's administration lists them, at /api/v2/admin/tenants")
		}
		return hinted(err, "a server without an admin key has no backups: stop it, and use --config or --data-dir")
	}
	return err
}
