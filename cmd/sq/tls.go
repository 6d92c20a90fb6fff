package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/certificate"
)

// tlsSettings are what the command host was told of TLS.
type tlsSettings struct {
	certFile, keyFile string
	acmeDomains       []string
	acmeEmail         string
	acmeCache         string
	acmeDirectory     string
	acmePort          uint16 // 0: nothing listens for challenges beside the port of TLS
}

func (s *tlsSettings) register(f *pflag.FlagSet) {
	f.StringVar(&s.certFile, "tls-cert", "", "speak TLS with the certificate in this `file`, and those that lead to its root; read again when renewed")
	f.StringVar(&s.keyFile, "tls-key", "", "the `file` with the key of the certificate")
	f.StringArrayVar(&s.acmeDomains, "acme-domain", nil, "speak TLS with a certificate that Let's Encrypt makes for this `name`, and accept its terms; repeatable")
	f.StringVar(&s.acmeEmail, "acme-email", "", "the `address` that the authority may write to")
	f.StringVar(&s.acmeCache, "acme-cache", "", "the `folder` that keeps those certificates and their keys (default sq-acme in the user's cache)")
	f.StringVar(&s.acmeDirectory, "acme-directory", "", "the `URL` of another ACME authority than Let's Encrypt")
	f.Uint16Var(&s.acmePort, "acme-http", 0, "answer the authority's challenges over HTTP too, on this `port`, which the names have as 80")
}

// check refuses what does not go together, and names that no authority knows.
func (s *tlsSettings) check(f *pflag.FlagSet) error {
	for _, name := range []string{"tls-cert", "tls-key", "acme-email", "acme-cache", "acme-directory"} {
		if f.Changed(name) && f.Lookup(name).Value.String() == "" {
			return usage("was a variable not set? Leave the flag out for its default", "--%s is empty", name)
		}
	}
	switch files, domains := s.certFile != "" || s.keyFile != "", len(s.acmeDomains) > 0; {
	case files && domains:
		return usage("either files that you renew, or names that an authority makes certificates for", "--tls-cert and --acme-domain exclude each other")
	case files && (s.certFile == "" || s.keyFile == ""):
		return usage("sq host 443 --tls-cert fullchain.pem --tls-key privkey.pem", "--tls-cert and --tls-key go together")
	case domains:
		return s.checkACME()
	}
	for _, name := range []string{"acme-email", "acme-cache", "acme-directory", "acme-http"} {
		if f.Changed(name) {
			return usage("--acme-domain names what a certificate is wanted for", "--%s means nothing without --acme-domain", name)
		}
	}
	return nil
}

func (s *tlsSettings) checkACME() error {
	for i, name := range s.acmeDomains {
		s.acmeDomains[i] = strings.ToLower(name)
		if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(strings.Trim(name, "."), ".") || strings.ContainsAny(name, "*/: \t") {
			return usage("give a whole name that leads to this server, such as sq.example.org", "--acme-domain %q is no name that a certificate can be made for", name)
		}
	}
	if u, err := url.Parse(s.acmeDirectory); s.acmeDirectory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return usage("such as https://acme-v02.api.letsencrypt.org/directory", "--acme-directory %q is no URL that begins with https://", s.acmeDirectory)
	}
	return nil
}

// certificates are where a door's certificates come from. Those of package
// certificate say more.
type certificates interface {
	Config() *tls.Config
	Protocols() []string
	Watch(ctx context.Context)
	Reload() error
	Expiry() (time.Time, bool)
}

// door is what connections come through: as they are, or under TLS.
type door struct {
	certificates              // nil: without TLS
	challenges   *http.Server // nil: none is answered over HTTP
	port         net.Listener // of challenges
	log          *slog.Logger
}

// door makes the door that the settings ask for. What it needs is read, and its
// port for challenges taken. It must be closed, unless it is served.
func (s *tlsSettings) door(listen string, log *slog.Logger) (*door, error) {
	d := &door{log: log}
	switch {
	case s.certFile != "":
		files, err := certificate.Open(s.certFile, s.keyFile, log)
		if err != nil {
			return nil, explainFiles(err)
		}
		d.certificates = files
	case len(s.acmeDomains) > 0:
		return d, s.authority(d, listen)
	}
	return d, nil
}

func explainFiles(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hinted(err, "--tls-cert and --tls-key name PEM files, such as certbot's fullchain.pem and privkey.pem")
	case errors.Is(err, fs.ErrPermission):
		return hinted(err, "the user of the server has to be allowed to read it, and its folders")
	}
	return err
}

// authority gives a door the certificates of an ACME authority.
func (s *tlsSettings) authority(d *door, listen string) (err error) {
	cache := s.acmeCache
	if cache == "" {
		if cache, err = certificate.DefaultCache(); err != nil {
			return hinted(fmt.Errorf("no place for certificates: %w", err), "--acme-cache names a folder")
		}
	}
	a, err := certificate.NewAuthority(certificate.AuthorityOptions{
		Domains: s.acmeDomains, Email: s.acmeEmail, Cache: cache, Directory: s.acmeDirectory, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.certificates = a
	if s.acmePort == 0 {
		return nil
	}
	if d.port, err = net.Listen("tcp", net.JoinHostPort(listen, strconv.Itoa(int(s.acmePort)))); err != nil {
		return (&settings{port: s.acmePort, listen: listen}).explain(err)
	}
	d.challenges = &http.Server{
		Handler: a.Challenges(http.HandlerFunc(notHere)), ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	return nil
}

// notHere answers what is no challenge. It sends nobody on: a token that came here
// was read by everyone on its way, and its owner is to notice.
func notHere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.Error(w, "only challenges of certificates are answered here: ask again with https://; nothing was done", http.StatusBadRequest)
}

// listener returns what connections that l accepts are served as.
func (d *door) listener(l net.Listener) net.Listener {
	if d.certificates == nil {
		return l
	}
	return tls.NewListener(l, api.OnlyHTTP1(d.Config(), d.Protocols()...))
}

// keep sees to the certificates until ctx is done, and has ended then.
func (d *door) keep(ctx context.Context) {
	if d.challenges != nil {
		stop := context.AfterFunc(ctx, func() { d.challenges.Close() })
		defer stop()
		ended := make(chan struct{})
		defer func() { <-ended }()
		go func() {
			defer close(ended)
			d.answerChallenges()
		}()
	}
	if d.certificates != nil {
		d.Watch(ctx)
	}
}

func (d *door) answerChallenges() {
	if err := d.challenges.Serve(d.port); !errors.Is(err, http.ErrServerClosed) {
		d.log.Error("challenges of the ACME authority are not answered any more", "error", err)
	}
}

// renew reads certificates again that somebody may have renewed.
func (d *door) renew() {
	if d.certificates == nil {
		return
	}
	if err := d.Reload(); err != nil {
		d.log.Error("certificate not reloaded; the one before stays in force", "error", err)
	}
}

// end returns when the first of the certificates ends; false where there is none,
// or no TLS.
func (d *door) end() (time.Time, bool) {
	if d.certificates == nil {
		return time.Time{}, false
	}
	return d.Expiry()
}

// close is for a door that is not served.
func (d *door) close() {
	if d.port != nil {
		d.port.Close()
	}
}
