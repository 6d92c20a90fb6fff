package main

import (
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
)

// here is the current folder.
const here = "."

// settings are what the command host was told, by flags and by the environment.
// Past complete they are consistent.
type settings struct {
	port        uint16 // 0: the system picks one
	config      string // many tenants: their file; empty: one tenant
	key         string // one tenant: its token; empty: everyone is the tenant
	dataDir     string // one tenant: its directory
	listen      string // the address as it was given; empty: by the rules of address
	allowOrigin []string
	allowHost   []string
	usage       string // many tenants: what keeps the requests of the day; empty: beside config
	logFormat   string
	logLevel    string
	tls         tlsSettings
	admin       adminFlags
	founding    foundingSettings
	durability  durabilitySettings
	mesh        *meshHost
	budget      disk.Options  // what may be open, and for how long; tests have less
	guessDelay  time.Duration // of the answers to wrong tokens
	more        []api.Route   // of a server that is no host
	observed
}

// mostGuessDelay is guessDelay where nothing else is said; 0: that of the API. Tests
// that show many wrong tokens do not wait.
var mostGuessDelay time.Duration

func (s *settings) register(f *pflag.FlagSet) {
	s.guessDelay = mostGuessDelay
	f.SortFlags = false
	f.StringVar(&s.config, "config", "", "many tenants: the `file` with their tokens and directories")
	f.StringVar(&s.key, "key", "", "one tenant: its `token`; others see it with ps, so prefer SQ_KEY")
	f.StringVar(&s.dataDir, "data-dir", here, "one tenant: the `folder` with the phexts; made if need be")
	f.StringVar(&s.listen, "listen", "", "the `address` to listen on (default every interface; without a key 127.0.0.1)")
	f.StringArrayVar(&s.allowOrigin, "allow-origin", nil, "without a key: a web `origin` whose pages may use the server, such as http://localhost:3000; repeatable")
	f.StringArrayVar(&s.allowHost, "allow-host", nil, "without a key: a host `name` that the server is reached by, beside localhost; repeatable")
	registerUsage(f, &s.usage)
	s.durability.register(f)
	s.tls.register(f)
	s.founding.register(f)
	f.StringVar(&s.logFormat, "log-format", "text", "the `format` of the log on standard error: text or json")
	f.StringVar(&s.logLevel, "log-level", "info", "the least `level` that is logged: debug, info, warn or error")
	s.admin.register(f)
	s.mesh = new(meshHost)
	s.mesh.register(f)
	s.observed.register(f)
}

// many tells whether there are many tenants.
func (s *settings) many() bool { return s.config != "" }

// complete fills in what the environment stands in for, and checks everything.
func (s *settings) complete(f *pflag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	if err := s.mesh.load(f, s); err != nil {
		return err
	}
	if err := s.completePort(s.mesh.orPort(args, lookup), lookup); err != nil {
		return err
	}
	if err := s.completeTenant(f, lookup); err != nil {
		return err
	}
	for _, check := range []func(*pflag.FlagSet) error{s.checkGiven, s.checkListen, s.checkAllowed, s.tls.check, s.checkLog, s.admin.check, s.observed.check, s.founding.check, s.durability.check} {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) completePort(args []string, lookup func(string) (string, bool)) (err error) {
	const example = "sq host 1337 serves on port 1337; see sq help host"
	text, what := "", "the port"
	switch {
	case len(args) > 1:
		return usage(example, "one port is wanted, and %d arguments were given", len(args))
	case len(args) == 1:
		text = args[0]
	default:
		var ok bool
		if text, ok = lookup("SQ_PORT"); !ok {
			return usage(example+", or set SQ_PORT", "the port is missing")
		}
		what = "SQ_PORT"
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return usage(example, "%s is %q; a number from 0 to 65535 is wanted", what, text)
	}
	s.port = uint16(port)
	return nil
}

// completeTenant takes the key and the directory of one tenant from the
// environment where the flags are not given. They mean nothing to many tenants.
func (s *settings) completeTenant(f *pflag.FlagSet, lookup func(string) (string, bool)) error {
	if f.Changed("config") {
		return nil
	}
	for _, v := range []struct {
		flag, variable string
		value          *string
	}{{"key", "SQ_KEY", &s.key}, {"data-dir", "SQ_DATA_DIR", &s.dataDir}} {
		text, ok := lookup(v.variable)
		if !ok || f.Changed(v.flag) {
			continue
		}
		if text == "" {
			return usage("unset it, or give it a value", "%s is set and empty", v.variable)
		}
		*v.value = text
	}
	if s.dataDir == here && !f.Changed("data-dir") {
		// People are told where that is.
		if dir, err := os.Getwd(); err == nil {
			s.dataDir = dir
		}
	}
	return s.checkKey()
}

// checkKey refuses a key that no request could show: HTTP trims spaces at the
// ends of a header's value and refuses control characters.
func (s *settings) checkKey() error {
	if strings.TrimSpace(s.key) != s.key || strings.ContainsFunc(s.key, unicode.IsControl) {
		return usage("take the spaces and line breaks away", "the key has a space at an end or a control character, which no HTTP header carries")
	}
	return nil
}

// checkGiven refuses flags that contradict each other, and empty values: they
// come from a variable that was not set, and leaving out a key opens the server.
func (s *settings) checkGiven(f *pflag.FlagSet) error {
	for _, name := range []string{"config", "key", "data-dir", "listen", "usage-file"} {
		if f.Changed(name) && f.Lookup(name).Value.String() == "" {
			return usage("was a variable not set? Leave the flag out for its default", "--%s is empty", name)
		}
	}
	for _, name := range []string{"key", "data-dir"} {
		if f.Changed("config") && f.Changed(name) {
			return usage("the configuration file has the tokens and directories of all tenants", "--config and --%s exclude each other", name)
		}
	}
	return nil
}

func (s *settings) checkListen(*pflag.FlagSet) error {
	if net.ParseIP(s.listen) == nil && strings.ContainsAny(s.listen, ":/[] ") {
		return usage("the port is the first argument, as in sq host 1337 --listen 0.0.0.0", "--listen %q is no address by itself", s.listen)
	}
	return nil
}

func (s *settings) checkAllowed(*pflag.FlagSet) error {
	for _, origin := range s.allowOrigin {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			return usage("an origin is a scheme and a host, such as http://localhost:3000", "--allow-origin %q is no origin", origin)
		}
	}
	for _, host := range s.allowHost {
		if host == "" || strings.ContainsAny(host, "/ ") {
			return usage("give the name alone, such as sq.example", "--allow-host %q is no host name", host)
		}
	}
	return nil
}

func (s *settings) checkLog(*pflag.FlagSet) error {
	if s.logFormat != "text" && s.logFormat != "json" {
		return usage("", "--log-format is %q; text or json is wanted", s.logFormat)
	}
	if _, ok := logLevels[s.logLevel]; !ok {
		return usage("", "--log-level is %q; debug, info, warn or error is wanted", s.logLevel)
	}
	return nil
}
