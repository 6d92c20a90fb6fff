package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/mesh"
)

// meshAsk is what the commands share that ask a running node.
type meshAsk struct {
	server, token string
	json          bool

	config *mesh.Config // nil where the server is named
}

func (a *meshAsk) register(f *pflag.FlagSet) {
	f.StringVar(&a.server, "server", "", "the `URL` of the node (SQ_SERVER; default this machine, at the port of the configuration)")
	f.StringVar(&a.token, "token", "", "its `token`; others see it with ps, so prefer SQ_TOKEN (default the key of the configuration)")
	f.BoolVar(&a.json, "json", false, "print a JSON object")
}

// settle finds out whom to ask.
func (a *meshAsk) settle(cmd *cobra.Command, args []string, lookup func(string) (string, bool)) error {
	variable := func(name string) string { text, _ := lookup(name); return text }
	a.server, a.token = cmp.Or(a.server, variable("SQ_SERVER")), cmp.Or(a.token, variable("SQ_TOKEN"))
	if a.server != "" {
		if len(args) > 0 {
			return usage("the server knows its configuration", "a server was named: leave %q out", args[0])
		}
		u, err := url.Parse(a.server)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return usage("give scheme, host and port, such as http://127.0.0.1:1337", "%q is not the URL of a server", a.server)
		}
		return nil
	}
	path, err := oneFile(cmd, args)
	if err != nil {
		return err
	}
	if a.config, err = mesh.Load(path); err != nil {
		return err
	}
	if !a.config.Inbound.Enabled || a.config.Inbound.Port == 0 {
		return usage("--server URL names the node, and SQ_TOKEN its token", "%s has no inbound port, so where the node is it does not say", path)
	}
	a.server, a.token = meshServer(a.config), cmp.Or(a.token, a.config.Inbound.Key)
	return nil
}

// errNobody says that no server listens there.
var errNobody = errors.New("no server answers")

// ask asks the node, and reads its status from the reply.
func (a *meshAsk) ask(ctx context.Context, method, path string, query url.Values) (s mesh.Status, err error) {
	target := strings.TrimSuffix(a.server, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return s, err
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	reply, err := client.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return s, fmt.Errorf("%w at %s", errNobody, a.server)
	case err != nil:
		return s, fmt.Errorf("%s does not answer: %w", a.server, errors.Unwrap(err))
	}
	defer reply.Body.Close()
	return s, a.read(reply, &s)
}

// read reads the reply to a question.
func (a *meshAsk) read(reply *http.Response, s *mesh.Status) error {
	const most = 64 << 20
	text, err := io.ReadAll(io.LimitReader(reply.Body, most))
	switch {
	case err != nil:
		return fmt.Errorf("the connection to %s was lost: %w", a.server, err)
	case reply.StatusCode == http.StatusNotFound && string(text) == "Not Found":
		return hinted(fmt.Errorf("%s has no mesh", a.server), "start it with sq host --mesh-config FILE")
	case reply.StatusCode != http.StatusOK:
		line, _, _ := strings.Cut(string(text[:min(len(text), 1000)]), "\n")
		return fmt.Errorf("%s: %s", a.server, printable(line))
	}
	if err := json.Unmarshal(text, s); err != nil {
		return fmt.Errorf("%s is no node of a mesh: %w", a.server, err)
	}
	return nil
}
