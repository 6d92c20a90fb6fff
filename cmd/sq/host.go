package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

const hostLong = `Serve phexts over HTTP, to many tenants or to one.

Many tenants: --config names a JSON file that says whose tokens there are and
where each tenant's files are. It is read again at SIGHUP, at a POST to
/api/v2/reload and, with "reload_on_change", when it has changed. With an
"admin_key" in it, requests below /api/v2/admin change it; sq tenants does so
without a server, or beside one.

One tenant: the files of --data-dir, which is the current folder where nothing
else is said. A key is best given in SQ_KEY, since other users of the machine
see a command line with ps. Without a key everyone who can connect may read and
write, so the server then listens on this machine alone, unless --listen says
otherwise.

TLS: --tls-cert and --tls-key name the files of a certificate, which are read
again within seconds when they have changed, and at SIGHUP. --acme-domain has
one made by Let's Encrypt, which has to reach the server under that name: as
port 443, or with --acme-http as port 80. HTTP/1.1 is spoken under TLS too.

Durability: a write is answered when it is on the disk. With --durability relaxed,
or "durability": "relaxed" of a tenant, it is answered when the system has it, and
is on the disk within 100 ms: the end of the server, however sudden, loses nothing,
and the loss of power loses at most what was written in the last 100 ms.

Founding programme: --founding names the list of tenants that are for sale. The
page /founding shows how many are claimed; with --stripe-secret-file a payment
at Stripe claims one. doc/founding.md goes through it.

The port is 0 to 65535; 0 lets the system pick one, which the last line on
standard output tells. SIGTERM and SIGINT end the server: it finishes the
requests under way and folds what the journals hold into the files. A second
one ends it at once, and the next start folds.

systemd: the server says when it is ready, reloads or ends, gives signs of life
while it answers, and takes the listener of a socket unit.

For load balancers and whoever else watches: /livez, /readyz and /healthz (both)
need no token. With --drain-delay /readyz answers 503 for that long after
SIGTERM, and requests are still served, so that none is sent here in vain.

Mesh: --mesh-config names a file that says which servers to synchronise with. Its
inbound part stands in for the port, --key and --data-dir where neither those nor
their variables are given; sq help mesh has the rest.

Environment: SQ_PORT, SQ_KEY and SQ_DATA_DIR stand in for the port, --key and
--data-dir where those are not given.

Exit status: 0 after SIGTERM or SIGINT, 1 when it could not start or failed, 2
for wrong usage.`

const hostExample = `  sq host 1337                                  the current folder, this machine alone
  SQ_KEY=$(cat key) sq host 1337 --data-dir /srv/sq    one tenant with a key, every interface
  sq host 1337 --config tenants.json            many tenants
  sq host 1337 --config tenants.json --listen 127.0.0.1    behind a proxy on this machine
  sq host 1337 --mesh-config mesh.json          a node of a mesh
  sq host 443 --config tenants.json --tls-cert fullchain.pem --tls-key privkey.pem
  sq host 443 --config tenants.json --acme-domain sq.example.org --acme-cache /var/lib/sq/acme
  sq host 1337 --config tokens.json --founding tokens.csv --payment-link https://buy.stripe.com/… --stripe-secret-file stripe.secret`

func newHost(out outside) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:     "host <port>",
		Short:   "serve phexts over HTTP",
		Long:    hostLong,
		Example: hostExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.complete(cmd.Flags(), args, out.lookup); err != nil {
				return err
			}
			return host(cmd.Context(), s, out)
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// maxRequests is how many requests may be at work at once.
const maxRequests = 512

// host serves until a signal or ctx ends it.
func host(ctx context.Context, s settings, out outside) error {
	received, stop := out.signals()
	defer stop()
	defer tune(out.lookup)()
	log := newLogger(out.stderr, s.logFormat, s.logLevel)
	live, err := s.tenants(log)
	if err != nil {
		return err
	}
	door, err := s.tls.door(s.listen, log)
	if err != nil {
		return err
	}
	defer door.close()
	l, err := s.open(out.lookup)
	if err != nil {
		return err
	}
	defer l.Close()
	programme, err := s.founding.open(live, owner(l), s.admin.record, log)
	if err != nil {
		return err
	}
	defer programme.close()
	if err := s.admin.open(log); err != nil {
		return err
	}
	endServing, err := s.serving(owner(l), log)
	if err != nil {
		return err
	}
	defer endServing()
	if err := s.prepare(live.Current(), log); err != nil {
		return err
	}
	service := newService(s, live, log, owner(l), isLoopback(l), programme)
	service.door, service.manager = door, newManager(out.lookup, log)
	defer s.mesh.close()
	if err := errors.Join(s.probe(ctx, service.engine), s.mesh.open(service.engine.Store(s.dataDir), s.dataDir, s.key, log)); err != nil {
		return errors.Join(err, service.fold(ctx))
	}
	s.announce(out.stdout, live.Current(), l, log)
	return service.run(ctx, []net.Listener{l}, received)
}

// tenants loads the configuration of many tenants, or makes that of one.
func (s *settings) tenants(log *slog.Logger) (*tenant.Live, error) {
	if s.many() {
		return tenant.Open(s.config, log)
	}
	return tenant.Fixed(tenant.Single(s.key, s.dataDir)), nil
}

// prepare makes the data directories that do not exist.
func (s *settings) prepare(r *tenant.Registry, log *slog.Logger) error {
	if !s.many() {
		if info, err := os.Stat(s.dataDir); err == nil && !info.IsDir() {
			return hinted(fmt.Errorf("the data directory %q is a file", s.dataDir),
				"name the folder that holds the phexts, or one to be made")
		}
	}
	return tenant.PrepareDirs(r, log)
}

// serving tells those who restore tenants that they are served, until it is ended. The
// error is that another process serves or restores them.
func (s *settings) serving(owner string, log *slog.Logger) (end func(), err error) {
	if !s.many() {
		return func() {}, nil
	}
	lock, err := tenant.Serve(s.config, owner)
	switch {
	case sq.ErrorCode(err) == sq.Conflict:
		return nil, hinted(err, "one server or restore at a time; wait until the other one has ended, or stop it")
	case err != nil:
		log.Warn("a restore beside this server will not be refused, since it cannot be told that the tenants are served; check the rights on the folder of the configuration", "error", err)
		return func() {}, nil
	}
	return func() { lock.Close() }, nil
}

// probe opens the directory of an only tenant, so that a second server on it is
// told at once and not at its first request.
func (s *settings) probe(ctx context.Context, engine *disk.Engine) error {
	if s.many() {
		return nil
	}
	_, err := engine.Store(s.dataDir).List(ctx)
	return err
}

// newService introduces tenants, engine and API to each other. No directory is
// opened yet. Its fold must be called, which run does.
func newService(s settings, live *tenant.Live, log *slog.Logger, owner string, loopback bool, programme *foundingProgramme) *service {
	options := s.budget
	options.Logger, options.Owner = log, owner
	engine := disk.New(options)
	v := &service{log: log, live: live, engine: engine, usage: s.usageKept(log), observed: s.observed, founding: programme, durability: s.durability, mesh: s.mesh}
	v.api = api.New(api.Options{
		Tenants:     func() api.Tenants { return programme.tenants(live.Current()) },
		Many:        s.many(),
		Store:       v.store,
		Reload:      s.admin.recorded("reload", v.reload),
		Logger:      log,
		Loopback:    loopback,
		AccessLog:   s.accessLog,
		AllowOrigin: s.allowOrigin,
		AllowHost:   s.allowHost,
		Limits:      api.Limits{Requests: maxRequests, GuessDelay: s.guessDelay},
		Used:        v.usage.read(),
		Routes:      v.watch(v.routes(s)),
		Observe:     v.observe,
	})
	live.OnChange(v.changed)
	return v
}

// routes are what is served beside the phexts.
func (v *service) routes(s settings) []api.Route {
	return slices.Concat(
		administration(v.live, v, s.admin.audit),
		[]api.Route{v.backupRoute(s.admin.record), v.mcpRoute()},
		v.founding.routes(),
		s.more,
		v.mesh.routes(),
	)
}

// owner says who serves, to others who want to.
func owner(l net.Listener) string { return fmt.Sprintf("process %d, %s", os.Getpid(), l.Addr()) }

func isLoopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}
