package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/founding"
	"github.com/wbic16/sq-go/internal/tenant"
)

// foundingSettings are what the command host was told about a founding
// programme.
type foundingSettings struct {
	list        string // its file; empty: there is no programme
	paymentLink string
	secretFile  string
	linkID      string
}

func (s *foundingSettings) register(f *pflag.FlagSet) {
	f.StringVar(&s.list, "founding", "", "many tenants: run the founding programme of this CSV `file`, which sq tenants generate makes")
	f.StringVar(&s.paymentLink, "payment-link", "", "founding: the `URL` of the payment link at Stripe, for the page's button")
	f.StringVar(&s.secretFile, "stripe-secret-file", "", "founding: the `file` with the signing secret of Stripe's webhook; opens POST /api/stripe/webhook")
	f.StringVar(&s.linkID, "stripe-link", "", "founding: the `ID` of the payment link, as plink_…; payments by others claim nothing")
}

// check refuses what contradicts itself, or came from a variable that was not
// set.
func (s *foundingSettings) check(f *pflag.FlagSet) error {
	for _, name := range []string{"founding", "payment-link", "stripe-secret-file", "stripe-link"} {
		needs := "founding"
		if name == needs {
			needs = "config"
		}
		switch {
		case !f.Changed(name):
		case f.Lookup(name).Value.String() == "":
			return usage("was a variable not set? Leave the flag out for its default", "--%s is empty", name)
		case !f.Changed(needs):
			return usage("sq help host explains both", "--%s needs --%s", name, needs)
		}
	}
	return s.checkLink(f)
}

func (s *foundingSettings) checkLink(f *pflag.FlagSet) error {
	u, err := url.Parse(s.paymentLink)
	if s.paymentLink != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return usage("Stripe's payment links begin with https://buy.stripe.com/", "--payment-link %q is no https address", s.paymentLink)
	}
	if f.Changed("stripe-link") && !f.Changed("stripe-secret-file") {
		return usage("without the secret no payment is heard of", "--stripe-link needs --stripe-secret-file")
	}
	return nil
}

// foundingProgramme is a founding programme that is served. Its zero value is
// none.
type foundingProgramme struct {
	settings  foundingSettings
	programme *founding.Programme
	site      *founding.Site
	log       *slog.Logger
}

// open opens the programme, if there is one. Its close must be called.
func (s foundingSettings) open(live *tenant.Live, owner string, record recorder, log *slog.Logger) (*foundingProgramme, error) {
	f := &foundingProgramme{settings: s, log: log}
	if s.list == "" {
		return f, nil
	}
	secrets, err := f.secrets()
	if err != nil {
		return nil, err
	}
	usable := func(slot founding.Slot) bool { return usableSlot(live.Current(), slot) }
	f.programme, err = founding.Open(s.list, founding.Options{Logger: log, Owner: owner, Usable: usable})
	if err != nil {
		return nil, err
	}
	if err := f.checkSlots(live.Current()); err != nil {
		return nil, closing(f, err)
	}
	f.site = founding.NewSite(f.programme, founding.SiteOptions{
		PaymentLink: s.paymentLink, LinkID: s.linkID, Secrets: secrets, Logger: log,
		Record: func(r *http.Request, claim func() (string, error)) error { return record(r, "claim", claim) },
	})
	p := f.programme.Progress()
	log.Info("founding programme", "page", "/founding", "claimed", p.Claimed, "total", p.Total)
	return f, nil
}

// secrets reads those that Stripe signs with, where there is a file.
func (f *foundingProgramme) secrets() ([]string, error) {
	if f.settings.secretFile == "" {
		return nil, nil
	}
	return founding.ReadSecrets(f.settings.secretFile, f.log)
}

// usableSlot reports whether the token of a slot is that of its tenant.
func usableSlot(r *tenant.Registry, slot founding.Slot) bool {
	t, ok := r.Find(slot.Token)
	return ok && t.Name == slot.Name
}

// checkSlots refuses a list that is not of this configuration, and tells of slots
// whose tenants were removed or have another token since: nobody is given those.
func (f *foundingProgramme) checkSlots(r *tenant.Registry) error {
	var lost []string
	names := map[string]bool{}
	for _, e := range r.Config().Entries {
		names[e.Tenant.Name] = true
	}
	for _, slot := range f.programme.Slots() {
		if !f.programme.Withheld(slot.Token) || usableSlot(r, slot) {
			continue
		}
		if _, others := r.Find(slot.Token); others || !names[slot.Name] {
			return hinted(fmt.Errorf("%s: the token of slot %d is not that of a tenant %q in the configuration", f.settings.list, slot.Number, slot.Name),
				"sq tenants generate writes both files; a slot that is not for sale has the status claimed")
		}
		lost = append(lost, strconv.Itoa(slot.Number))
	}
	if len(lost) > 0 {
		f.log.Warn("founding slots are not given away, since their tenants were removed or have another token; give them the status claimed in the list",
			"list", f.settings.list, "slots", strings.Join(lost, " "))
	}
	return nil
}

func closing(f *foundingProgramme, err error) error {
	f.close()
	return err
}

// close lets the programme go.
func (f *foundingProgramme) close() {
	if f.programme == nil {
		return
	}
	if err := f.programme.Close(); err != nil {
		f.log.Error("the founding programme could not be closed", "error", err)
	}
}

// endStreams has those go who follow the progress, so that the end of the server
// has not to wait for them.
func (f *foundingProgramme) endStreams() {
	if f.programme != nil {
		f.programme.EndStreams()
	}
}

// reread reads the secrets again. Those that cannot be read stay as they are, and keep
// nothing else from being read again: no tenant has anything to do with them.
func (f *foundingProgramme) reread() {
	if f.programme == nil {
		return
	}
	secrets, err := f.secrets()
	if err != nil {
		f.log.Error("Stripe's secret not read again; the one before stays in force", "error", err)
		return
	}
	f.site.SetSecrets(secrets)
}

// gate withholds the tokens of slots that nobody has claimed.
type gate struct {
	*tenant.Registry
	programme *founding.Programme
}

// Find is described at api.Tenants.
func (g gate) Find(token string) (sq.Tenant, bool) {
	if g.programme.Withheld(token) {
		return sq.Tenant{}, false
	}
	return g.Registry.Find(token)
}

// tenants returns who may come in while the programme runs.
func (f *foundingProgramme) tenants(r *tenant.Registry) api.Tenants {
	if f.programme == nil {
		return r
	}
	return gate{r, f.programme}
}

// routes returns what is served beside the phexts.
func (f *foundingProgramme) routes() []api.Route {
	if f.programme == nil {
		return nil
	}
	get := func(a api.Action) map[string]api.Action { return map[string]api.Action{http.MethodGet: a} }
	post := func(a api.Action) map[string]api.Action { return map[string]api.Action{http.MethodPost: a} }
	s := f.site
	routes := []api.Route{
		{Path: "/founding", Name: "founding", Methods: get(s.Page)},
		{Path: "/founding/assets/{file}", Name: "founding-assets", Methods: get(s.Asset)},
		{Path: "/founding/claimed", Name: "founding-claimed", Methods: map[string]api.Action{http.MethodGet: s.Claimed, http.MethodPost: s.Show}},
		{Path: "/api/founding-progress", Name: "founding-progress", Methods: get(s.Numbers)},
		{Path: "/api/founding-progress/events", Name: "founding-events", Methods: get(s.Events)},
		{Path: "/api/claim-instance", Name: "claim-instance", Right: api.Administration, Methods: post(s.ClaimInstance)},
	}
	if f.settings.secretFile != "" {
		routes = append(routes, api.Route{Path: "/api/stripe/webhook", Name: "stripe-webhook", Methods: post(s.Webhook)})
	}
	return routes
}
