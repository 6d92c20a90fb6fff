package main

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const routeLong = `Stand in front of one server per tenant, and hand each request on to the server
that its token leads to. (sq host --config serves many tenants in one process,
which needs less of everything; a router is for servers that are to be apart.)

CONFIG is a JSON file (router-config.json where none is given):

  {"tenants": [{"token": "…", "port": 1338, "data_dir": "/srv/sq/alice"}, …]}

A token may stand as sha256: and the hex of its hash, as sq tenants hash makes it.
The servers are on 127.0.0.1; start each with its token, so that other users of
the machine cannot read it: SQ_KEY=… sq host 1338 --data-dir /srv/sq/alice. The
router reads no data_dir. The file is read again when it has changed and at
SIGHUP: all of it, or, where something is wrong with it, nothing.

PORT is 0 to 65535 (1337 where none is given); 0 lets the system pick one, which
the last line on standard output tells. A number alone is the port.

A request goes on as it came, token included, and once: one that may have been
carried out is never sent again. A server that does not answer is 502, and the
others do not notice. Event streams and WebSocket go through. X-Forwarded-For,
-Host and -Proto are the router's own; with --trust-forwarded what the client
says of them is kept, which is for a proxy of yours in front.

/livez, /readyz and /healthz need no token and are the router's own: /readyz is
503 while it ends and while none of the servers answers. With --metrics-listen
metrics are served as /metrics on that address, to everyone who can connect there.

SIGTERM and SIGINT end the router once the requests under way have finished (30 s
at the most); streams end at once. A second one ends it there and then.

Exit status: 0 after SIGTERM or SIGINT, 1 when it could not start or failed, 2
for wrong usage.`

const routeExample = `  sq route                                 router-config.json, port 1337
  sq route tokens.json 8080 --listen 127.0.0.1 --trust-forwarded    behind a proxy on this machine
  sq route tokens.json 443 --tls-cert fullchain.pem --tls-key privkey.pem
  sq route tokens.json 1337 --metrics-listen 127.0.0.1:9337`

func newRoute(out outside) *cobra.Command {
	var s routeSettings
	cmd := &cobra.Command{
		Use:     "route [CONFIG] [PORT]",
		Short:   "hand requests on to one server per tenant",
		Long:    routeLong,
		Example: routeExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.complete(cmd.Flags(), args); err != nil {
				return err
			}
			return routeUntilEnd(cmd.Context(), s, out)
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// routeSettings are what the command route was told.
type routeSettings struct {
	door           settings // port, address, TLS, log: what host is told too; its config is the router's
	trustForwarded bool
	accessLog      bool
	metricsListen  string // HOST:PORT; empty: nobody is shown metrics
	healthEvery    time.Duration
	healthPatience time.Duration
}

func (s *routeSettings) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&s.door.listen, "listen", "", "the `address` to listen on (default every interface)")
	f.BoolVar(&s.trustForwarded, "trust-forwarded", false, "believe X-Forwarded-For, -Host and -Proto: a proxy of yours stands in front")
	s.door.tls.register(f)
	f.DurationVar(&s.healthEvery, "health-interval", 3*time.Second, "how often each server is asked how it is; `duration`")
	f.DurationVar(&s.healthPatience, "health-timeout", 2*time.Second, "how long for an answer, twice in a row, before a server is held to hang; `duration`")
	f.DurationVar(&s.door.drainDelay, "drain-delay", 0, "for how long /readyz answers 503 at SIGTERM, while requests are still served, before the end begins; `duration` such as 10s")
	f.StringVar(&s.metricsListen, "metrics-listen", "", "serve metrics for Prometheus on this `address`, such as 127.0.0.1:9337")
	f.StringVar(&s.door.logFormat, "log-format", "text", "the `format` of the log on standard error: text or json")
	f.StringVar(&s.door.logLevel, "log-level", "info", "the least `level` that is logged: debug, info, warn or error")
	f.BoolVar(&s.accessLog, "access-log", false, "log a line for each request, health checks left out")
}

// complete takes the arguments and checks everything.
func (s *routeSettings) complete(f *pflag.FlagSet, args []string) error {
	if len(args) > 2 {
		return usage("sq route router-config.json 1337", "a configuration and a port are wanted, and %d arguments were given", len(args))
	}
	s.door.config, s.door.port = "router-config.json", 1337
	if len(args) == 1 && isPort(args[0]) {
		args = []string{s.door.config, args[0]}
	}
	if len(args) > 0 {
		s.door.config = args[0]
	}
	if len(args) > 1 {
		port, err := strconv.ParseUint(args[1], 10, 16)
		if err != nil {
			return usage("sq route router-config.json 1337", "the port is %q; a number from 0 to 65535 is wanted", args[1])
		}
		s.door.port = uint16(port)
	}
	for _, check := range []func(*pflag.FlagSet) error{s.checkGiven, s.door.checkListen, s.door.tls.check, s.door.checkLog, s.checkDurations, s.checkMetrics} {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

// isPort reports whether an argument by itself is meant for the port: a number that
// is no file.
func isPort(arg string) bool {
	_, missing := os.Stat(arg)
	return arg != "" && strings.Trim(arg, "0123456789") == "" && missing != nil
}

// checkGiven refuses empty values: they come from a variable that was not set.
func (s *routeSettings) checkGiven(f *pflag.FlagSet) error {
	if s.door.config == "" {
		return usage("was a variable not set? Leave it out for router-config.json", "the name of the configuration is empty")
	}
	for _, name := range []string{"listen", "metrics-listen"} {
		if f.Changed(name) && f.Lookup(name).Value.String() == "" {
			return usage("was a variable not set? Leave the flag out for its default", "--%s is empty", name)
		}
	}
	return nil
}

func (s *routeSettings) checkDurations(*pflag.FlagSet) error {
	switch {
	case s.door.drainDelay < 0:
		return usage("as long as a load balancer takes to notice, such as 10s, or 0", "--drain-delay is %v; it cannot be negative", s.door.drainDelay)
	case s.healthEvery <= 0:
		return usage("such as 3s", "--health-interval is %v; more than nothing is wanted", s.healthEvery)
	case s.healthPatience <= 0:
		return usage("such as 2s", "--health-timeout is %v; more than nothing is wanted", s.healthPatience)
	}
	return nil
}

func (s *routeSettings) checkMetrics(*pflag.FlagSet) error {
	if s.metricsListen == "" {
		return nil
	}
	if _, port, err := net.SplitHostPort(s.metricsListen); err != nil || port == "" {
		return usage("such as 127.0.0.1:9337", "--metrics-listen %q is no address with a port", s.metricsListen)
	}
	return nil
}
