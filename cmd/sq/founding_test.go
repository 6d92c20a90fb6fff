package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
)

const (
	foundersKey  = "invented-key-of-the-administration"
	stripeSecret = "whsec_invented"
	paymentLink  = "https://buy.stripe.com/test_invented"
)

// foundingHost is a server with a founding programme.
type foundingHost struct {
	*server
	dir    string
	list   string
	config string
}

// startFounding serves a programme of some slots.
func startFounding(t *testing.T, slots int, args ...string) *foundingHost {
	t.Helper()
	h := &foundingHost{dir: t.TempDir()}
	h.list, h.config = filepath.Join(h.dir, "founding.csv"), filepath.Join(h.dir, "founding.json")
	list, tenants := "slot,token,name,data_dir,status,purchased_at,customer_email\n", map[string]any{}
	for i := 1; i <= slots; i++ {
		name := fmt.Sprintf("founding-%03d", i)
		list += fmt.Sprintf("%d,%s,%s,%s/%s,available,,\n", i, foundingToken(i), name, h.dir, name)
		tenants[foundingToken(i)] = map[string]string{"name": name, "data_dir": filepath.Join(h.dir, name)}
	}
	config, err := json.Marshal(map[string]any{"tenants": tenants, "admin_key": foundersKey})
	if err != nil {
		t.Fatal(err)
	}
	put(t, h.list, list)
	put(t, h.config, string(config))
	put(t, h.secret(), stripeSecret+"\n")
	h.start(t, args...)
	return h
}

func (h *foundingHost) secret() string { return filepath.Join(h.dir, "stripe.secret") }

// start starts the server, again where it has ended.
func (h *foundingHost) start(t *testing.T, args ...string) {
	t.Helper()
	h.server = start(t, append([]string{"--config", h.config, "--founding", h.list, "--payment-link", paymentLink,
		"--stripe-secret-file", h.secret(), "--listen", "127.0.0.1"}, args...)...)
}

func (h *foundingHost) url(path string) string { return "http://" + h.address + path }

// ask makes a request to any path.
func (h *foundingHost) ask(method, path, body string, header ...string) (status int, text string, reply http.Header) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url(path), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	client := *h.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer got.Body.Close()
	all, err := io.ReadAll(got.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return got.StatusCode, strings.TrimSpace(string(all)), got.Header
}

// claim claims a slot for customer i as the administration.
func (h *foundingHost) claim(i int) (status int, text string) {
	h.t.Helper()
	status, text, _ = h.ask("POST", "/api/claim-instance", fmt.Sprintf(`{"email": "c%d@example.com", "stripe_customer_id": "cus_%d"}`, i, i),
		"Authorization: Bearer "+foundersKey)
	return status, text
}

// stripe sends a message as Stripe does, signed at a time with a secret.
func (h *foundingHost) stripe(message, secret string, at time.Time) (status int, text string) {
	h.t.Helper()
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(message), Secret: secret, Timestamp: at})
	status, text, _ = h.ask("POST", "/api/stripe/webhook", message, "Stripe-Signature: "+signed.Header)
	return status, text
}

// pays sends the message of a payment.
func (h *foundingHost) pays(event, session string) (status int, text string) {
	h.t.Helper()
	return h.stripe(message(event, "checkout.session.completed", session, "paid", `null`), stripeSecret, time.Now())
}

func message(event, kind, session, payment, customer string) string {
	return fmt.Sprintf(`{"id": %q, "object": "event", "api_version": "2019-01-01", "type": %q, "livemode": false, "unknown": [1],
		"data": {"object": {"id": %q, "object": "checkout.session", "payment_status": %q, "customer": %s,
		"payment_link": "plink_1", "customer_details": {"email": "ada@example.com"}, "amount_total": 4200}}}`,
		event, kind, session, payment, customer)
}

func (h *foundingHost) progress() string {
	h.t.Helper()
	_, text, _ := h.ask("GET", "/api/founding-progress", "")
	return text
}

func (h *foundingHost) wantProgress(claimed, total int) {
	h.t.Helper()
	want := fmt.Sprintf(`{"claimed":%d,"total":%d,"remaining":%d,`, claimed, total, total-claimed)
	if got := h.progress(); !strings.HasPrefix(got, want) {
		h.t.Errorf("the progress is %s, want %s", got, want)
	}
}

const receivedReply = `{"received":true}`

func TestFoundingClaims(t *testing.T) {
	h := startFounding(t, 2)
	token1, token2 := foundingToken(1), foundingToken(2)
	if got := h.progress(); got != `{"claimed":0,"total":2,"remaining":2,"percentage":0}` {
		t.Error(got)
	}
	if _, _, header := h.ask("GET", "/api/founding-progress", ""); header.Get("Cache-Control") != "public, max-age=5" {
		t.Errorf("%v", header)
	}
	stranger := func(token string) {
		t.Helper()
		status, text := h.call(token, "GET", "version", "")
		nobody, other := h.call("invented-token-of-nobody", "GET", "version", "")
		if status != 401 || status != nobody || text != other {
			t.Errorf("a token that is not claimed gets %d %q", status, text)
		}
	}
	stranger(token1)
	const body = `{"email": "c1@example.com", "stripe_customer_id": "cus_1"}`
	for _, row := range []struct {
		name, body, token string
		status            int
		reply             string
	}{
		{"no key", body, "", 401, "Unauthorized"},
		{"a tenant that is none yet", body, token1, 401, "Unauthorized"},
		{"no email", `{"stripe_customer_id": "cus_1"}`, foundersKey, 400, "email: is missing"},
		{"no customer", `{"email": "a@example.com"}`, foundersKey, 400, "stripe_customer_id: is missing"},
		{"no address", `{"email": "ada", "stripe_customer_id": "cus_1"}`, foundersKey, 400, "email: is no address, such as ada@example.com"},
		{"brackets around it", `{"email": "<a@example.com>", "stripe_customer_id": "cus_1"}`, foundersKey, 400, "email: is no address, such as ada@example.com"},
		{"a line break", `{"email": "a@example.com", "stripe_customer_id": "cus\n1"}`, foundersKey, 400, "stripe_customer_id: want at most 255 characters, no spaces among them"},
		{"a number", `{"email": 1, "stripe_customer_id": "cus_1"}`, foundersKey, 400, `body: is no JSON object {"email", "stripe_customer_id"} of strings`},
		{"nothing", ``, foundersKey, 400, `body: is no JSON object {"email", "stripe_customer_id"} of strings`},
	} {
		status, text, _ := h.ask("POST", "/api/claim-instance", row.body, "X-SQ-API-Key: "+row.token)
		if status != row.status || text != row.reply {
			t.Errorf("%s: %d %q, want %d %q", row.name, status, text, row.status, row.reply)
		}
	}
	h.wantProgress(0, 2)
	want := fmt.Sprintf(`{"success":true,"slot":1,"token":%q,"name":"founding-001"}`, token1)
	for range 2 {
		if status, text := h.claim(1); status != 200 || text != want {
			t.Errorf("%d %s, want %s", status, text, want)
		}
	}
	h.want(token1, "GET", "version", "", "0.5.5")
	stranger(token2)
	// A reload changes none of that, and a tenant may not claim for others.
	h.signal(syscall.SIGHUP)
	h.await(h.stderr, regexp.MustCompile("configuration reloaded"))
	h.want(token1, "GET", "version", "", "0.5.5")
	stranger(token2)
	if status, _, _ := h.ask("POST", "/api/claim-instance", body, "X-SQ-API-Key: "+token1); status != 403 {
		t.Errorf("a tenant claims: %d", status)
	}
	h.claim(2)
	if status, text := h.claim(3); status != 410 || text != "all founding slots are claimed" {
		t.Errorf("when all are claimed: %d %s", status, text)
	}
	if _, text, _ := h.ask("POST", "/api/claim-instance", strings.ReplaceAll(body, "1", "9"), "Authorization: "+foundersKey, "Accept: application/json"); !strings.Contains(text, `"code":"gone"`) {
		t.Error(text)
	}
	h.stop()
	h.start(t)
	h.wantProgress(2, 2)
	h.want(token2, "GET", "version", "", "0.5.5")
	if list := read(t, h.list); strings.Count(list, ",claimed,20") != 2 || !strings.Contains(list, "c2@example.com") {
		t.Errorf("the list is\n%s", list)
	}
	h.stop()
	for _, secret := range []string{token1, token2, foundersKey} {
		if strings.Contains(h.stderr.String(), secret) {
			t.Errorf("a secret was logged:\n%s", h.stderr)
		}
	}
}

// TestFoundingHundredClaims at once, half of them Stripe's and each sent twice.
func TestFoundingHundredClaims(t *testing.T) {
	h := startFounding(t, 100)
	var all sync.WaitGroup
	slots := make(chan string, 100)
	for i := range 50 {
		all.Go(func() {
			_, text := h.claim(i)
			slots <- text
		})
		for range 2 {
			all.Go(func() {
				if status, text := h.pays(fmt.Sprint("evt_", i), fmt.Sprintf("cs_test_invented_%d", i)); status != 200 || text != receivedReply {
					t.Errorf("%d %s", status, text)
				}
			})
		}
	}
	all.Wait()
	close(slots)
	seen := map[string]bool{}
	for text := range slots {
		seen[text] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d different answers", len(seen))
	}
	h.wantProgress(100, 100)
	h.stop()
}

func TestStripesMessages(t *testing.T) {
	h := startFounding(t, 3, "--stripe-link", "plink_1")
	now := time.Now()
	paid := message("evt_1", "checkout.session.completed", "cs_test_invented_1", "paid", `"cus_1"`)
	with := func(was, is string) string { return strings.Replace(paid, was, is, 1) }
	for _, row := range []struct {
		name, message, secret string
		at                    time.Time
		status                int
		claimed               int
	}{
		{"another secret", paid, "whsec_other", now, 400, 0},
		{"no secret", paid, "", now, 400, 0},
		{"an old one", paid, stripeSecret, now.Add(-time.Hour), 400, 0},
		{"no event", `{}`, stripeSecret, now, 400, 0},
		{"another kind", with("session.completed", "session.expired"), stripeSecret, now, 200, 0},
		{"not paid yet", with(`"paid"`, `"unpaid"`), stripeSecret, now, 200, 0},
		{"paid with nothing", with(`"paid"`, `"no_payment_required"`), stripeSecret, now, 200, 0},
		{"another link", with(`plink_1`, `plink_2`), stripeSecret, now, 200, 0},
		{"no session", with(`"checkout.session",`, `"charge",`), stripeSecret, now, 400, 0},
		{"no name of a session", with("cs_test_invented_1", "../1"), stripeSecret, now, 400, 0},
		{"no name of an event", with("evt_1", ""), stripeSecret, now, 400, 0},
		{"paid", paid, stripeSecret, now, 200, 1},
		{"again", paid, stripeSecret, now, 200, 1},
		{"the same session, another event", with("evt_1", "evt_2"), stripeSecret, now, 200, 1},
		{"the same event, another session", with("cs_test_invented_1", "cs_test_invented_2"), stripeSecret, now, 200, 1},
		{"a bank transfer, whole objects", message("evt_4", "checkout.session.async_payment_succeeded", "cs_test_invented_4", "paid", `{"id": "cus_4"}`), stripeSecret, now, 200, 2},
		{"the same customer pays again", message("evt_5", "checkout.session.completed", "cs_test_invented_5", "paid", `"cus_4"`), stripeSecret, now, 200, 2},
		{"no email", strings.NewReplacer("ada@example.com", "", `"cus_1"`, "null", "evt_1", "evt_6", "invented_1", "invented_6").Replace(paid), stripeSecret, now, 200, 3},
		{"nothing left", message("evt_7", "checkout.session.completed", "cs_test_invented_7", "paid", `null`), stripeSecret, now, 200, 3},
	} {
		status, text := h.stripe(row.message, row.secret, row.at)
		want := receivedReply
		if row.status != 200 {
			want = text
		}
		if status != row.status || text != want || strings.Contains(text, "invented") {
			t.Errorf("%s: %d %s, want %d", row.name, status, text, row.status)
		}
		if got := fmt.Sprintf(`{"claimed":%d,`, row.claimed); !strings.HasPrefix(h.progress(), got) {
			t.Errorf("%s: %s, want %s", row.name, h.progress(), got)
		}
	}
	if status, _, _ := h.ask("POST", "/api/stripe/webhook", paid); status != 400 {
		t.Errorf("without a signature: %d", status)
	}
	if status, text, _ := h.ask("GET", "/founding/claimed?session_id=cs_test_invented_7", ""); status != 200 || !strings.Contains(text, "gives the money back") {
		t.Errorf("%d %s", status, text)
	}
	h.logs("a message to Stripe's webhook was refused", "a payment found no founding slot left; give the money back",
		"a customer has paid again for the slot he has; give the money back", "without an email address")
	// Another secret, in place of the first.
	put(t, h.secret(), "whsec_next\n"+stripeSecret+"\n")
	h.signal(syscall.SIGHUP)
	h.await(h.stderr, regexp.MustCompile("configuration reloaded"))
	// A file that says nothing leaves the secrets as they are, and all else is read again.
	put(t, h.secret(), "\n")
	put(t, h.config, strings.Replace(read(t, h.config), `"tenants":{`, `"tenants":{"invented-late":{"name":"late","data_dir":"`+h.dir+`/late"},`, 1))
	h.signal(syscall.SIGHUP)
	h.await(h.stderr, regexp.MustCompile("level=ERROR msg=\"Stripe's secret not read again.*is empty"))
	if status, _ := h.call("invented-late", "GET", "version", ""); status != 200 {
		t.Errorf("a tenant that was added gets %d", status)
	}
	for _, secret := range []string{"whsec_next", stripeSecret} {
		if status, _ := h.stripe(paid, secret, now); status != 200 {
			t.Errorf("%s: %d", secret, status)
		}
	}
	h.stop()
	if log := h.stderr.String(); strings.Contains(log, "cs_test") || strings.Contains(log, stripeSecret) || strings.Contains(log, "whsec_next") || strings.Contains(log, "ada@") {
		t.Errorf("a secret was logged:\n%s", log)
	}
}

// TestFoundingEvents: the state at once, each claim, and an end with the server.
func TestFoundingEvents(t *testing.T) {
	h := startFounding(t, 3)
	reply, err := h.client.Get(h.url("/api/founding-progress/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if kind, buffering := reply.Header.Get("Content-Type"), reply.Header.Get("X-Accel-Buffering"); kind != "text/event-stream" || buffering != "no" {
		t.Errorf("%v", reply.Header)
	}
	lines := bufio.NewScanner(reply.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return ""
	}
	for i := range 3 {
		if want := fmt.Sprintf(`{"claimed":%d,"total":3,"remaining":%d,`, i, 3-i); !strings.HasPrefix(next(), want) {
			t.Errorf("%q, want %q", lines.Text(), want)
		}
		h.claim(i)
	}
	next()
	if status, _, _ := h.ask("HEAD", "/api/founding-progress/events", ""); status != 200 {
		t.Errorf("HEAD: %d", status)
	}
	h.stop() // although somebody listens
	if got := next(); got != "" {
		t.Errorf("after the end: %s", got)
	}
}

var tokenInPage = regexp.MustCompile(`id="token">([^<]+)<`)

// TestFoundingReceipt: the token is shown once, to who presses the button.
func TestFoundingReceipt(t *testing.T) {
	const session = "cs_test_invented_1"
	h := startFounding(t, 2)
	path := "/founding/claimed?session_id=" + session
	show := func() (int, string, http.Header) {
		return h.ask("POST", "/founding/claimed", url.Values{"session_id": {session}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
	}
	page := func(path string, status int, wants ...string) http.Header {
		t.Helper()
		got, text, header := h.ask("GET", path, "")
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, text)
			}
		}
		if got != status || strings.Contains(text, foundingToken(1)) {
			t.Errorf("%s: %d:\n%s", path, got, text)
		}
		if header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, header)
		}
		return header
	}
	for _, broken := range []string{"", "?session_id=", "?session_id=cs_", "?session_id=cs_%3Cscript%3E", "?session_id=1"} {
		page("/founding/claimed"+broken, 400, "not whole")
	}
	if refresh := page(path, 200, "Waiting").Get("Refresh"); refresh != "4; url=/founding/claimed?session_id="+session+"&tries=1" {
		t.Errorf("refresh: %q", refresh)
	}
	if refresh := page(path+"&tries=45", 200, "Still waiting").Get("Refresh"); refresh != "" {
		t.Errorf("refresh: %q", refresh)
	}
	if status, _, header := show(); status != 303 || !strings.HasSuffix(header.Get("Location"), session) {
		t.Errorf("show before the payment: %d %v", status, header)
	}
	h.pays("evt_1", session)
	for range 2 { // whoever looks changes nothing
		if refresh := page(path, 200, "Show my token", "Slot 1").Get("Refresh"); refresh != "" {
			t.Errorf("refresh: %q", refresh)
		}
	}
	status, text, header := show()
	if found := tokenInPage.FindStringSubmatch(text); status != 200 || found == nil || found[1] != foundingToken(1) || header.Get("Cache-Control") != "no-store" {
		t.Errorf("show: %d %v\n%s", status, header, text)
	}
	for range 2 {
		if status, text, _ := show(); status != 303 || strings.Contains(text, foundingToken(1)) {
			t.Errorf("show again: %d\n%s", status, text)
		}
		page(path, 200, "The token was shown.")
		h.stop()
		h.start(t)
	}
	h.want(foundingToken(1), "GET", "version", "", "0.5.5")
	h.stop()
}

// TestFoundingSurvivesKill: what was answered is there after the process was
// killed at any moment.
func TestFoundingSurvivesKill(t *testing.T) {
	h := startFounding(t, 200)
	h.stop()
	args := []string{"--config", h.config, "--founding", h.list, "--listen", "127.0.0.1"}
	h.server = launch(t, nil, args...)
	h.listens()
	answered := make(chan string, 200)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := i; j < 200; j += 8 {
				status, text, err := h.claimOrFail(j)
				if err != nil || status != 200 {
					return
				}
				answered <- fmt.Sprint(j, " ", text)
				if j >= 80 {
					h.signal(os.Kill)
				}
			}
		})
	}
	all.Wait()
	<-h.ended
	close(answered)
	h.start(t)
	n := 0
	for line := range answered {
		n++
		var customer int
		fmt.Sscan(line, &customer)
		if _, text := h.claim(customer); !strings.HasSuffix(line, " "+text) {
			t.Errorf("%s, and then %s", line, text)
		}
	}
	if n < 20 || n == 200 {
		t.Errorf("%d claims were answered before the kill", n)
	}
	h.stop()
}

// claimOrFail is claim for a server that may be gone.
func (h *foundingHost) claimOrFail(i int) (status int, text string, err error) {
	body := fmt.Sprintf(`{"email": "c%d@example.com", "stripe_customer_id": "cus_%d"}`, i, i)
	r, err := http.NewRequest("POST", h.url("/api/claim-instance"), strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", foundersKey)
	reply, err := h.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	all, err := io.ReadAll(reply.Body)
	return reply.StatusCode, strings.TrimSpace(string(all)), err
}

// TestFoundingTokenExchanged: a customer who asks again is not told a token that does
// not work any more, and a slot whose tenant has another token, or is disabled, is
// given to nobody and keeps no server from starting.
func TestFoundingTokenExchanged(t *testing.T) {
	h := startFounding(t, 4)
	admin := func(method, what, body string) {
		t.Helper()
		if status, text := h.call(foundersKey, method, "admin/tenants/"+what, body); status != 200 {
			t.Fatalf("%s: %d %s", what, status, text)
		}
	}
	h.claim(1)
	admin("POST", "founding-001/rotate", `{"now": true}`)
	if status, text := h.claim(1); status != 409 || strings.Contains(text, foundingToken(1)) || !strings.HasPrefix(text, "slot 1 is claimed, and its token was exchanged since") {
		t.Errorf("claimed again: %d %s", status, text)
	}
	admin("POST", "founding-002/rotate", `{"now": true}`)
	admin("DELETE", "founding-003", "")
	h.stop()
	h.start(t)
	h.logs("founding slots are not given away, since their tenants were removed or have another token", `slots="2 3"`)
	if status, text := h.claim(2); status != 200 || !strings.Contains(text, `"slot":4`) {
		t.Errorf("the next slot: %d %s", status, text)
	}
	if status, _ := h.claim(3); status != 410 {
		t.Errorf("when none can be given: %d", status)
	}
	h.stop()
}
