package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFoundingPage looks at the pages as people do.
func TestFoundingPage(t *testing.T) {
	t.Parallel() // it mostly waits
	browser := newBrowser(t)
	h := startFounding(t, 8)
	for i := range 3 {
		h.claim(i)
	}
	t.Run("moves", func(t *testing.T) { pageMoves(t, newTab(t, browser, desk), h) })
	t.Run("without scripts", func(t *testing.T) {
		p := newTab(t, browser, look{width: 1280, height: 900})
		p.visit(h.url("/founding"))
		pageSays(p, "4", "8", "4", "50")
		if href := p.attribute("a.button", "href"); href != paymentLink {
			t.Errorf("the button leads to %q", href)
		}
		if now := p.attribute("[role=progressbar]", "aria-valuenow"); now != "4" {
			t.Errorf("the bar is at %q", now)
		}
		p.clean()
	})
	t.Run("fits a phone", func(t *testing.T) {
		for _, l := range []look{phone, {320, 568, true, true}, desk, {1280, 900, true, true}} {
			p := newTab(t, browser, l)
			p.visit(h.url("/founding"))
			p.fits()
			p.clean()
			p.picture("founding-" + l.name())
		}
	})
	t.Run("receipt", func(t *testing.T) { receiptShowsOnce(t, newTab(t, browser, phone), h) })
	t.Run("sold out", func(t *testing.T) {
		p := newTab(t, browser, phone)
		p.visit(h.url("/founding"))
		moved := awaitMove(p)
		for i := range 9 {
			h.claim(i)
		}
		moved("8")
		if closed := p.text("#closed"); !strings.HasPrefix(closed, "Every place is taken") {
			t.Errorf("it says %q", closed)
		}
		if ask[bool](p, `document.querySelector("a.button").checkVisibility()`) {
			t.Error("the button is still there")
		}
		p.clean()
		p.picture("founding-sold-out")
	})
	h.stop()
}

func (l look) name() string {
	name := "desk"
	if l.width < 600 {
		name = "phone"
	}
	if l.dark {
		name += "-dark"
	}
	return name
}

// pageSays holds the page to its numbers.
func pageSays(p *tab, claimed, total, remaining, percentage string) {
	p.t.Helper()
	for selector, want := range map[chromedp.CSS]string{"#claimed": claimed, "#total": total, "#remaining": remaining, "#percentage": percentage} {
		if got := p.text(selector); got != want {
			p.t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
}

// awaitMove returns a function that waits until the page says another number.
func awaitMove(p *tab) func(claimed string) {
	p.t.Helper()
	ask[bool](p, `
		window.until = (want) => new Promise((done) => {
			const number = document.getElementById("claimed");
			const look = () => number.textContent === want && done(want);
			new MutationObserver(look).observe(number, {childList: true, characterData: true, subtree: true});
			look();
		}); true`)
	return func(claimed string) {
		p.t.Helper()
		ask[string](p, `until("`+claimed+`")`)
	}
}

// pageMoves: a claim moves the page, and nothing but the stream was asked for.
func pageMoves(t *testing.T, p *tab, h *foundingHost) {
	p.visit(h.url("/founding"))
	p.await(".live.on")
	pageSays(p, "3", "8", "5", "37.5")
	moved := awaitMove(p)
	h.claim(3)
	moved("4")
	pageSays(p, "4", "8", "4", "50")
	if width := p.attribute("#fill", "width"); width != "50%" {
		t.Errorf("the bar is %q wide", width)
	}
	if now := p.attribute("[role=progressbar]", "aria-valuetext"); now != "4 of 8 claimed" {
		t.Errorf("the bar says %q", now)
	}
	if n := p.asked("/api/founding-progress"); n != 0 {
		t.Errorf("the page polls: %d requests", n)
	}
	if n := p.asked("/api/founding-progress/events"); n != 1 {
		t.Errorf("%d streams", n)
	}
	p.clean()
}

// receiptShowsOnce: the page waits for the payment by itself, shows the token at a
// click, and not when it is loaded again.
func receiptShowsOnce(t *testing.T, p *tab, h *foundingHost) {
	const session = "cs_test_invented_receipt"
	p.visit(h.url("/founding/claimed?session_id=" + session))
	if title := p.text("h1"); !strings.HasPrefix(title, "Waiting") {
		t.Errorf("before the payment: %q", title)
	}
	h.pays("evt_receipt", session)
	p.await("#show") // the page looks again by itself
	p.picture("receipt-ready")
	do(p, chromedp.Click(chromedp.CSS("#show")))
	p.await("#token")
	p.picture("receipt-token")
	if token := p.text("#token"); token != foundingToken(5) {
		t.Errorf("the token is %q", token)
	}
	p.fits()
	h.want(foundingToken(5), "GET", "version", "", "0.5.5")
	p.visit(h.url("/founding/claimed?session_id=" + session))
	if title := p.text("h1"); title != "The token was shown." {
		t.Errorf("loaded again: %q", title)
	}
	p.picture("receipt-shown")
	p.clean()
}
