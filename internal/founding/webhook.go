package founding

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/wbic16/sq-go"
)

// The messages that may tell of a payment: of most at once, of a bank transfer
// days later.
const (
	completed      = "checkout.session.completed"
	asyncSucceeded = "checkout.session.async_payment_succeeded"
)

// Webhook answers POST from Stripe. A message of a payment claims a slot; others
// are received and ignored. Invalid: the signature does not verify, or what was
// signed makes no sense. Errors of the disk make Stripe ask again, for days. A
// payment that finds no slot is received, too, and the log says that it is to be
// given back: asking again would not help.
func (s *Site) Webhook(w http.ResponseWriter, r *http.Request) error {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	event, err := s.verify(payload, r.Header.Get("Stripe-Signature"))
	if err != nil {
		s.complain(err)
		return sq.Errorf(sq.Invalid, "signature: does not verify")
	}
	if err := s.receive(event); err != nil {
		return err
	}
	return sendJSON(w, map[string]bool{"received": true})
}

// verify checks who signed a message, and when, with each of the secrets.
func (s *Site) verify(payload []byte, signature string) (event stripe.Event, err error) {
	err = errors.New("there is no secret")
	for _, secret := range *s.secrets.Load() {
		event, err = webhook.ConstructEventWithOptions(payload, signature, secret, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		if err == nil {
			return event, nil
		}
	}
	return event, err
}

// complain logs once a minute that messages do not verify: strangers can send as
// many as they like, but it may also be the wrong secret.
func (s *Site) complain(err error) {
	now, last := time.Now().Unix(), s.complaint.Load()
	if now-last >= 60 && s.complaint.CompareAndSwap(last, now) {
		s.Logger.Warn("a message to Stripe's webhook was refused; if Stripe sent it, look at the secret", "error", err)
	}
}

// session is a checkout session, as far as it matters here. Those of all versions
// of Stripe's API have this.
type session struct {
	ID          string      `json:"id"`
	Object      string      `json:"object"`
	Payment     string      `json:"payment_status"`
	Customer    reference   `json:"customer"`
	PaymentLink reference   `json:"payment_link"`
	Email       string      `json:"customer_email"`
	Details     sessionMail `json:"customer_details"`
}

type sessionMail struct {
	Email string `json:"email"`
}

// reference is the name of something of Stripe's, which may stand for itself or
// in what it names.
type reference string

// UnmarshalJSON reads a string, an object with an id, or null.
func (r *reference) UnmarshalJSON(text []byte) error {
	var whole struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(text, (*string)(r)); err == nil {
		return nil
	}
	err := json.Unmarshal(text, &whole)
	*r = reference(whole.ID)
	return err
}

// receive does what a message is about.
func (s *Site) receive(event stripe.Event) error {
	if event.Type != completed && event.Type != asyncSucceeded {
		return nil
	}
	checkout, err := parseSession(event)
	if err != nil {
		s.Logger.Error("a message of Stripe's makes no sense", "event", event.ID, "error", err)
		return err
	}
	if checkout.Payment != "paid" || s.LinkID != "" && string(checkout.PaymentLink) != s.LinkID {
		s.Logger.Info("a checkout that claims no slot", "event", event.ID)
		return nil
	}
	return s.claimFor(checkout, event.ID)
}

// sessionID is the form of the names of checkout sessions. What Stripe makes them
// of cannot be guessed.
var sessionID = regexp.MustCompile(`^cs_[A-Za-z0-9_]{6,250}$`)

func parseSession(event stripe.Event) (c session, err error) {
	if event.Data == nil || json.Unmarshal(event.Data.Raw, &c) != nil {
		return c, sq.Errorf(sq.Invalid, "data.object: is no checkout session")
	}
	switch {
	case !isName(event.ID):
		return c, sq.Errorf(sq.Invalid, "id: is missing, or none of Stripe's")
	case c.Object != "checkout.session":
		return c, sq.Errorf(sq.Invalid, "data.object.object: is no checkout.session")
	case !sessionID.MatchString(c.ID):
		return c, sq.Errorf(sq.Invalid, "data.object.id: is missing, or none of a checkout session")
	case c.Customer != "" && !isName(string(c.Customer)):
		return c, sq.Errorf(sq.Invalid, "data.object.customer: is none of Stripe's")
	}
	return c, nil
}

// email returns the address of the buyer, or nothing when there is none that is
// one: who has paid gets a slot all the same.
func (c session) email() string {
	for _, email := range []string{c.Details.Email, c.Email} {
		if email = strings.TrimSpace(email); isEmail(email) {
			return email
		}
	}
	return ""
}

// claimFor gives the buyer of a paid session a slot. The log has no name of a
// session: who knows one can ask for the token.
func (s *Site) claimFor(paid session, event string) error {
	log := s.Logger.With("event", event)
	who := Buyer{Email: paid.email(), Customer: string(paid.Customer), Session: paid.ID, Event: event}
	c, err := s.programme.Claim(who)
	switch {
	case sq.ErrorCode(err) == sq.Gone:
		log.Error("a payment found no founding slot left; give the money back")
		return nil
	case err != nil:
		return err
	case c.Twice:
		log.Error("a customer has paid again for the slot he has; give the money back", "slot", c.Number, "tenant", c.Name)
	case c.New:
		log.Info("founding slot claimed", "slot", c.Number, "tenant", c.Name, "by", "payment")
	}
	if c.New && who.Email == "" {
		log.Warn("the payment came without an email address; Stripe's dashboard has what there is", "slot", c.Number)
	}
	return nil
}
