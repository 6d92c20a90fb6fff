package founding

import (
	"encoding/json"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"unicode"

	"github.com/wbic16/sq-go"
)

// instance is what ClaimInstance answers.
type instance struct {
	Success bool   `json:"success"`
	Slot    int    `json:"slot"`
	Token   string `json:"token"`
	Name    string `json:"name"`
}

// ClaimInstance answers POST {"email", "stripe_customer_id"} with the slot of
// that customer. It is for the administration. Invalid: a field is missing or
// makes no sense. Conflict: the customer has a slot, and its token does not work any
// more. Else as for Programme.Claim.
func (s *Site) ClaimInstance(w http.ResponseWriter, r *http.Request) error {
	var c Claimed
	err := s.Record(r, func() (tenant string, err error) {
		c, err = s.claimSlot(r.Body)
		return c.Name, err
	})
	if err != nil {
		return err
	}
	return sendJSON(w, instance{true, c.Number, c.Token, c.Name})
}

// claimSlot claims a slot for the buyer that a body names.
func (s *Site) claimSlot(body io.Reader) (c Claimed, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return c, err
	}
	who, err := parseBuyer(text)
	if err != nil {
		return c, err
	}
	c, err = s.programme.Claim(who)
	switch {
	case err != nil:
	case c.New:
		s.Logger.Info("founding slot claimed", "slot", c.Number, "tenant", c.Name, "by", "administration")
	case c.Stale:
		err = errStale(c.Slot)
	}
	return c, err
}

func parseBuyer(text []byte) (Buyer, error) {
	var fields struct {
		Email    string `json:"email"`
		Customer string `json:"stripe_customer_id"`
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return Buyer{}, sq.Errorf(sq.Invalid, `body: is no JSON object {"email", "stripe_customer_id"} of strings`)
	}
	switch {
	case fields.Email == "":
		return Buyer{}, sq.Errorf(sq.Invalid, "email: is missing")
	case fields.Customer == "":
		return Buyer{}, sq.Errorf(sq.Invalid, "stripe_customer_id: is missing")
	case !isEmail(fields.Email):
		return Buyer{}, sq.Errorf(sq.Invalid, "email: is no address, such as ada@example.com")
	case !isName(fields.Customer):
		return Buyer{}, sq.Errorf(sq.Invalid, "stripe_customer_id: want at most %d characters, no spaces among them", maxName)
	}
	return Buyer{Email: fields.Email, Customer: fields.Customer}, nil
}

// isEmail reports whether text is an address, and nothing beside it (RFC 5322;
// the length is that of RFC 5321).
func isEmail(text string) bool {
	const most = 254
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text && len(text) <= most && !strings.ContainsFunc(text, unprintable)
}

// maxName is how long the names are that Stripe gives, in bytes.
const maxName = 255

// isName reports whether text may be a name that Stripe gave something.
func isName(text string) bool {
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, unprintable)
}

func unprintable(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}
