package founding

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/wbic16/sq-go"
)

// Stripe's message may come after the buyer does. His page asks again every few
// seconds, for three minutes.
const (
	refreshSeconds = 4
	mostTries      = 45
)

// The states of the page for a buyer.
const (
	broken    = "broken"  // no link that Stripe made
	waiting   = "waiting" // the payment was not heard of yet
	late      = "late"    // nor for a long time
	soldOut   = "refused" // it found no slot left
	ready     = "ready"   // the token can be shown
	token     = "token"   // here it is
	wasShown  = "shown"   // it was shown before
	sessionIn = "session_id"
)

// receipt is what the page for a buyer shows.
type receipt struct {
	State   string
	Session string
	Slot    int
	Name    string
	Token   string
	Shown   string // when
	Server  string // such as https://sq.example
}

// Claimed answers GET ?session_id= with the page for who comes back from a
// payment. It never shows the token: whoever looks at links, and a page that is
// loaded again, change nothing. The button on it does, see Show.
func (s *Site) Claimed(w http.ResponseWriter, r *http.Request) error {
	session := r.URL.Query().Get(sessionIn)
	if !sessionID.MatchString(session) {
		return s.sendReceipt(w, http.StatusBadRequest, receipt{State: broken})
	}
	v := s.programme.Visit(session)
	state := receipt{Session: session, Slot: v.Slot, Name: v.Name}
	switch {
	case !v.Known:
		state.State = s.wait(w, r, session)
	case v.Refused:
		state.State = soldOut
	case !v.Shown.IsZero():
		state.State, state.Shown = wasShown, v.Shown.UTC().Format("2 January 2006, 15:04 UTC")
	default:
		state.State = ready
	}
	return s.sendReceipt(w, http.StatusOK, state)
}

// wait has the page ask again, without scripts, unless that was done often
// enough.
func (s *Site) wait(w http.ResponseWriter, r *http.Request, session string) (state string) {
	tries, err := strconv.Atoi(r.URL.Query().Get("tries"))
	if err != nil || tries < 0 {
		tries = 0
	}
	if tries >= mostTries {
		return late
	}
	next := url.Values{sessionIn: {session}, "tries": {strconv.Itoa(tries + 1)}}
	w.Header().Set("Refresh", fmt.Sprintf("%d; url=/founding/claimed?%s", refreshSeconds, next.Encode()))
	return waiting
}

// Show answers POST session_id= with the token, once. It is on disk that it was
// shown before it is sent. So when the reply is lost on the way, so is the token,
// and the operator makes another.
func (s *Site) Show(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return sq.Wrap(err, sq.Invalid, "body: is no form")
	}
	session := r.PostForm.Get(sessionIn)
	if !sessionID.MatchString(session) {
		return s.sendReceipt(w, http.StatusBadRequest, receipt{State: broken})
	}
	slot, err := s.programme.Show(session)
	switch sq.ErrorCode(err) {
	case "":
		s.Logger.Info("founding token shown", "slot", slot.Number, "tenant", slot.Name)
		return s.sendReceipt(w, http.StatusOK, receipt{State: token, Session: session, Slot: slot.Number, Name: slot.Name, Token: slot.Token, Server: serverOf(r)})
	case sq.Gone, sq.NotFound:
		// The page says which.
		http.Redirect(w, r, "/founding/claimed?"+url.Values{sessionIn: {session}}.Encode(), http.StatusSeeOther)
		return nil
	}
	return err
}

// serverOf returns how the buyer reaches the server.
func serverOf(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Site) sendReceipt(w http.ResponseWriter, status int, state receipt) error {
	w.Header().Set("X-Robots-Tag", "noindex")
	return folder.Send(w, status, "claimed.html", state)
}
