package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const healthLong = `Ask a server whether it is ready, for those who start it anew when it is not.

URL is where the server is: its path /readyz is asked, which needs no token. A
server that has no such path is well when it answers at all. Without URL it is
the server of this machine, at the port in SQ_PORT, or 1337.

Nothing secret is sent. With --insecure the certificate may be that of another
name, as where the server is asked by its address.

Exit status: 0 when the server is ready, 1 when it is not or does not answer, 2
for wrong usage.`

const healthExample = `  sq health                                http://127.0.0.1:1337
  sq health https://sq.example.org         with its certificate
  sq health --insecure https://127.0.0.1   whatever its certificate says`

// healthFlags are what the command line of health says.
type healthFlags struct {
	insecure bool
	timeout  time.Duration
	json     bool
}

func newHealth(out outside) *cobra.Command {
	var f healthFlags
	cmd := &cobra.Command{
		Use:     "health [URL]",
		Short:   "ask whether a server is ready",
		Long:    healthLong,
		Example: healthExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := f.server(args, out.lookup)
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), f.ask(cmd.Context(), server))
		},
	}
	cmd.Flags().BoolVar(&f.insecure, "insecure", false, "take any certificate")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the answer, such as 5s")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object")
	return cmd
}

// server returns where the server is.
func (f *healthFlags) server(args []string, lookup func(string) (string, bool)) (*url.URL, error) {
	if len(args) > 1 {
		return nil, usage("sq health https://sq.example.org", "one URL is wanted, and %d arguments were given", len(args))
	}
	if f.timeout <= 0 {
		return nil, usage("such as 5s", "--timeout is %v; more than nothing is wanted", f.timeout)
	}
	if len(args) == 0 {
		port, ok := lookup("SQ_PORT")
		if !ok || port == "" {
			port = "1337"
		}
		args = []string{"http://" + loopback + ":" + port}
	}
	u, err := url.Parse(args[0])
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, usage("give scheme, host and port, such as http://127.0.0.1:1337", "%q is not the URL of a server", args[0])
	}
	return u, nil
}

// health is what a server says of itself, as --json prints it.
type health struct {
	Server string `json:"server"`
	Ready  bool   `json:"ready"`
	Status int    `json:"status,omitempty"` // of the answer; 0: there was none
	Error  string `json:"error,omitempty"`
}

// ask asks a server once.
func (f *healthFlags) ask(ctx context.Context, server *url.URL) health {
	h := health{Server: server.String()}
	client := &http.Client{
		Timeout:       f.timeout,
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: f.insecure}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("readyz").String(), nil)
	if err != nil {
		h.Error = err.Error()
		return h
	}
	reply, err := client.Do(request)
	if err != nil {
		h.Error = "does not answer: " + errors.Unwrap(err).Error()
		return h
	}
	defer reply.Body.Close()
	h.Status = reply.StatusCode
	// One that knows no /readyz says 404; where it is somebody else's path, 401 or 403.
	h.Ready = h.Status < 300 || h.Status == http.StatusNotFound || h.Status == http.StatusUnauthorized || h.Status == http.StatusForbidden
	if !h.Ready {
		text, _ := io.ReadAll(io.LimitReader(reply.Body, 200)) // the status says enough
		h.Error = strings.TrimSpace(fmt.Sprintf("is not ready: %d %s", h.Status, printable(strings.TrimSpace(string(text)))))
	}
	return h
}

func (f *healthFlags) print(w io.Writer, h health) error {
	if f.json {
		if err := json.NewEncoder(w).Encode(h); err != nil {
			return err
		}
	} else if h.Ready {
		fmt.Fprintln(w, "ready")
	}
	if h.Ready {
		return nil
	}
	return fmt.Errorf("%s %s", h.Server, h.Error)
}
