package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// editing is a page of sq basic, and the server behind it.
type editing struct {
	*tab
	s *server
}

// open opens the editor at a coordinate, and waits until it has the text.
func (e editing) open(coordinate string) {
	e.t.Helper()
	e.visit("http://" + e.s.address + "/#" + coordinate)
	// Of two addresses that differ behind the # alone a browser loads none.
	do(e.tab, chromedp.Reload())
	e.settled()
}

// until waits until something holds on the page.
func (e editing) until(condition string) {
	e.t.Helper()
	if !ask[bool](e.tab, `new Promise((done) => {
		const look = () => { if (`+condition+`) done(true); else if (Date.now() < end) setTimeout(look, 20); else done(false); };
		const end = Date.now() + 20000;
		look();
	})`) {
		e.t.Fatalf("waited in vain for %s; the page says %q, %q, %q", condition, e.shows("state"), e.shows("notice"), e.shows("problem"))
	}
}

func (e editing) settled() {
	e.t.Helper()
	e.until(`!document.getElementById("text").disabled && document.querySelector("#live.on")`)
}

// looks has the page look at once whether others have written.
func (e editing) looks() {
	e.t.Helper()
	ask[bool](e.tab, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// shows returns the text of an element.
func (e editing) shows(id string) string {
	e.t.Helper()
	return ask[string](e.tab, `document.getElementById("`+id+`").textContent`)
}

// holds returns the text in a field.
func (e editing) holds(id string) string {
	e.t.Helper()
	return ask[string](e.tab, `document.getElementById("`+id+`").value`)
}

// types has a text in place of what stands in the field.
func (e editing) types(text string) {
	e.t.Helper()
	ask[bool](e.tab, fmt.Sprintf(`(() => { const area = document.getElementById("text"); area.focus(); area.select();
		return document.execCommand("insertText", false, %q); })()`, text))
}

// click clicks a button when it may be: a write may be under way.
func (e editing) click(id string) {
	e.t.Helper()
	e.until(fmt.Sprintf(`!document.getElementById(%q).disabled`, id))
	do(e.tab, chromedp.Click(chromedp.CSS("#"+id)))
}

// writes has somebody else write a scroll.
func (e editing) writes(coordinate, text string) {
	e.t.Helper()
	if status, got := e.s.call("", http.MethodPost, "update"+at("index", coordinate), text); status != http.StatusOK {
		e.t.Fatalf("%d %s", status, got)
	}
}

// has holds the server to a scroll.
func (e editing) has(coordinate, text string) {
	e.t.Helper()
	e.s.want("", http.MethodGet, "select?p=index&c="+url.QueryEscape(coordinate), "", text)
}

const (
	second = "1.1.1/1.1.1/1.1.2"
	third  = "1.1.1/1.1.1/1.2.1"
)

// TestEditor uses the editor as people do.
func TestEditor(t *testing.T) {
	browser := newBrowser(t)
	s := startBasic(t, "Welcome\nThis is the first scroll.\x17The second\x18<b>Chapter</b> & more")
	for _, c := range []struct {
		name string
		test func(editing)
	}{
		{"reads and goes", editorGoes},
		{"saves", editorSaves},
		{"deletes", editorDeletes},
		{"conflicts", editorConflicts},
		{"keeps", editorKeeps},
		{"sees others", editorSeesOthers},
		{"keeps line ends", editorKeepsLineEnds},
		{"refusals", editorIsRefused},
		{"keys", editorKeys},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := editing{newTab(t, browser, desk), s}
			e.open(first)
			c.test(e)
			ask[bool](e.tab, `localStorage.clear() || true`)
		})
	}
	t.Run("looks", func(t *testing.T) {
		for _, l := range []look{phone, {320, 568, true, true}, desk, {1280, 900, true, true}} {
			e := editing{newTab(t, browser, l), s}
			e.open(first)
			e.fits()
			e.clean()
			e.picture("editor-" + l.name())
			e.types("Mine, which is not saved yet")
			e.writes(first, "Theirs")
			e.looks()
			e.until(`!document.getElementById("conflict").hidden`)
			if focused := ask[string](e.tab, `document.activeElement.id`); focused != "text" {
				t.Errorf("who typed is sent to %q", focused)
			}
			e.fits()
			e.picture("editor-conflict-" + l.name())
			e.clean()
			e.writes(first, "Welcome")
			ask[bool](e.tab, `localStorage.clear() || true`)
		}
	})
	s.stop()
}

func editorGoes(e editing) {
	if text := e.holds("text"); text != "Welcome\nThis is the first scroll." {
		e.t.Errorf("the text is %q", text)
	}
	if state := e.shows("state"); state != "33 bytes, saved" {
		e.t.Errorf("it says %q", state)
	}
	e.until(`document.querySelectorAll("#toc a").length === 3`)
	if toc := e.shows("toc"); !strings.Contains(toc, third+"<b>Chapter</b> & more") {
		e.t.Errorf("the list has %q", toc)
	}
	if current := e.text(`#toc a[aria-current=page] .at`); current != first {
		e.t.Errorf("it is at %q", current)
	}
	// By the list, by the buttons, and by the numbers.
	do(e.tab, chromedp.Click(chromedp.CSS(`#toc li:nth-child(3) a`)))
	e.until(`document.getElementById("text").value === "<b>Chapter</b> & more"`)
	e.click("previous")
	e.until(`document.getElementById("text").value === "The second"`)
	if hash := ask[string](e.tab, `location.hash`); hash != "#"+second {
		e.t.Errorf("the address is %q", hash)
	}
	ask[bool](e.tab, `history.back() || true`)
	e.until(`document.getElementById("text").value === "<b>Chapter</b> & more"`)
	ask[bool](e.tab, `(() => { const box = document.getElementById("box-8"); box.value = 7; return box.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	e.until(`document.getElementById("state").textContent === "No scroll here yet"`)
	if hash := ask[string](e.tab, `location.hash`); hash != "#1.1.1/1.1.1/1.2.7" {
		e.t.Errorf("the address is %q", hash)
	}
	// What the filter finds.
	do(e.tab, chromedp.SendKeys(chromedp.CSS("#filter"), "second"))
	e.until(`document.querySelectorAll("#toc a").length === 1`)
	e.clean()
}

func editorSaves(e editing) {
	e.types("Changed, with ünïcödé and 中文")
	if state := e.shows("state"); !strings.HasSuffix(state, "not saved; kept in this browser") {
		e.t.Errorf("it says %q", state)
	}
	e.click("save")
	e.until(`document.getElementById("state").textContent.endsWith("bytes, saved")`)
	e.has(first, "Changed, with ünïcödé and 中文")
	e.types("Changed again")
	e.click("save")
	e.until(`document.getElementById("state").textContent === "13 bytes, saved"`)
	e.has(first, "Changed again")
	e.until(`document.getElementById("toc").textContent.includes("Changed again")`)
	// A scroll where there was none, with a mark of byte order, which is text here.
	e.open("9.9.9/9.9.9/9.9.9")
	e.types("\ufeffnew")
	e.click("save")
	e.until(`document.getElementById("state").textContent === "6 bytes, saved"`)
	e.has("9.9.9/9.9.9/9.9.9", "\ufeffnew")
	e.open("9.9.9/9.9.9/9.9.9")
	if text := e.holds("text"); text != "\ufeffnew" {
		e.t.Errorf("it reads %q", text)
	}
	e.clean()
}

func editorDeletes(e editing) {
	e.writes("2.1.1/1.1.1/1.1.1", "to be deleted")
	e.open("2.1.1/1.1.1/1.1.1")
	e.click("remove")
	e.await("#sure[open]")
	if q := e.text("#sure-question"); q != "Delete the scroll at 2.1.1/1.1.1/1.1.1?" {
		e.t.Errorf("it asks %q", q)
	}
	do(e.tab, chromedp.Click(chromedp.CSS("#sure button[value=no]")))
	e.until(`!document.getElementById("sure").open`)
	e.has("2.1.1/1.1.1/1.1.1", "to be deleted")
	e.click("remove")
	e.await("#sure[open]")
	e.click("sure-yes")
	e.until(`document.getElementById("notice").textContent.startsWith("Deleted.")`)
	e.has("2.1.1/1.1.1/1.1.1", "")
	// And brought back.
	do(e.tab, chromedp.Click(chromedp.CSS("#notice button")))
	if text := e.holds("text"); text != "to be deleted" {
		e.t.Errorf("it is %q", text)
	}
	e.click("save")
	e.until(`document.getElementById("state").textContent.endsWith(", saved")`)
	e.has("2.1.1/1.1.1/1.1.1", "to be deleted")
	e.clean()
}

// editorConflicts: what somebody else wrote is shown and not written over, and nothing
// of either is lost.
func editorConflicts(e editing) {
	for _, c := range []struct{ choice, text, saved string }{
		{"keep-mine", "mine", "mine"},
		{"keep-theirs", "theirs", "theirs"},
		{"keep-both", "theirs\nmine", "theirs\nmine"},
	} {
		e.writes(second, "before")
		e.open(second)
		e.types("mine")
		// At once, before the page has looked.
		e.writes(second, "theirs")
		e.click("save")
		e.until(`!document.getElementById("conflict").hidden`)
		e.has(second, "theirs")
		if mine, theirs := e.holds("text"), e.holds("theirs"); mine != "mine" || theirs != "theirs" {
			e.t.Errorf("mine is %q, theirs is %q", mine, theirs)
		}
		// Once more is no yes.
		e.click("save")
		e.until(`document.getElementById("state").textContent.includes("not saved")`)
		e.has(second, "theirs")
		e.click(c.choice)
		e.until(`document.getElementById("conflict").hidden`)
		if c.choice == "keep-theirs" {
			do(e.tab, chromedp.Click(chromedp.CSS("#notice button")))
			if mine := e.holds("text"); mine != "mine" {
				e.t.Errorf("what was put away is %q", mine)
			}
			e.click("revert")
		}
		if text := e.holds("text"); text != c.text {
			e.t.Errorf("%s: the text is %q, want %q", c.choice, text, c.text)
		}
		if c.choice == "keep-both" {
			e.click("save")
		}
		e.until(`document.getElementById("state").textContent.endsWith(", saved")`)
		e.has(second, c.saved)
	}
	// Under a deletion.
	e.types("still here")
	if status, text := e.s.call("", http.MethodDelete, "delete"+at("index", second), ""); status != http.StatusOK {
		e.t.Fatal(status, text)
	}
	e.click("save")
	e.until(`document.getElementById("conflict-title").textContent === "Somebody else has deleted this scroll."`)
	e.click("keep-mine")
	e.until(`document.getElementById("state").textContent.endsWith(", saved")`)
	e.has(second, "still here")
}

// editorKeeps: text that was not saved is there when somebody comes back, whatever
// happened meanwhile.
func editorKeeps(e editing) {
	e.writes(second, "before")
	e.open(second)
	e.types("not saved")
	e.open(first)
	if text := e.holds("text"); text == "not saved" {
		e.t.Errorf("the text is %q", text)
	}
	e.until(`document.querySelectorAll("#toc .unsaved").length === 1`)
	e.open(second)
	if text := e.holds("text"); text != "not saved" {
		e.t.Errorf("the text is %q", text)
	}
	if notice := e.shows("notice"); !strings.HasPrefix(notice, "This is what you wrote ") {
		e.t.Errorf("it says %q", notice)
	}
	e.open(first)
	e.writes(second, "theirs")
	e.visit("http://" + e.s.address + "/#" + second)
	e.until(`!document.getElementById("conflict").hidden`)
	if mine, theirs := e.holds("text"), e.holds("theirs"); mine != "not saved" || theirs != "theirs" {
		e.t.Errorf("mine is %q, theirs is %q", mine, theirs)
	}
	e.has(second, "theirs")
	e.clean()
}

// editorSeesOthers: what others write appears by itself.
func editorSeesOthers(e editing) {
	e.writes(first, "by somebody else")
	e.until(`document.getElementById("text").value === "by somebody else"`)
	if notice := e.shows("notice"); notice != "Somebody else has just changed this scroll." {
		e.t.Errorf("it says %q", notice)
	}
	e.until(`document.getElementById("toc").textContent.includes("by somebody else")`)
	e.clean()
}

// TestEditorOutlives: the page says that the server is gone, keeps what is typed, and
// saves it when the server is there again.
func TestEditorOutlives(t *testing.T) {
	browser := newBrowser(t)
	s := startBasic(t, "one")
	e := editing{newTab(t, browser, desk), s}
	e.open(first)
	s.stop()
	e.types("typed meanwhile")
	e.click("save")
	e.until(`document.getElementById("problem").textContent === "The server does not answer. What you wrote is kept in this browser."`)
	e.looks()
	e.until(`document.getElementById("connection").textContent === "Not connected; trying again"`)
	again := begin(t, nil, "basic", "--port", s.port())
	again.await(again.stdout, editorAt)
	e.looks()
	e.until(`document.querySelector("#live.on")`)
	e.click("save")
	e.until(`document.getElementById("state").textContent === "15 bytes, saved"`)
	again.stop()
	if text := read(t, basicFile); text != "typed meanwhile" {
		t.Errorf("the file has %q", text)
	}
}

// editorKeepsLineEnds: a field knows line feeds alone, and a file may have other ends.
func editorKeepsLineEnds(e editing) {
	e.writes("3.1.1/1.1.1/1.1.1", "a\r\nb\r\n")
	e.open("3.1.1/1.1.1/1.1.1")
	e.types("a\nb\nc\n")
	e.click("save")
	e.until(`document.getElementById("state").textContent.endsWith(", saved")`)
	e.has("3.1.1/1.1.1/1.1.1", "a\r\nb\r\nc\r\n")
	e.writes("3.1.1/1.1.1/1.1.1", "a\r\nb\n")
	e.open("3.1.1/1.1.1/1.1.1")
	if notice := e.shows("notice"); !strings.HasPrefix(notice, "Its lines end in several ways.") {
		e.t.Errorf("it says %q", notice)
	}
	e.clean()
}

// editorIsRefused: what the server refuses is told, and the text stays.
func editorIsRefused(e editing) {
	e.types("a delimiter \x17 in it")
	e.click("save")
	e.until(`!document.getElementById("problem").hidden`)
	if problem := e.shows("problem"); !strings.Contains(problem, "0x17") || !strings.HasSuffix(problem, "What you wrote is kept in this browser.") {
		e.t.Errorf("it says %q", problem)
	}
	if text := e.holds("text"); text != "a delimiter \x17 in it" {
		e.t.Errorf("the text is %q", text)
	}
	e.open("1000.1.1/1.1.1/1.1.1")
	e.types("too far")
	e.click("save")
	e.until(`document.getElementById("problem").textContent.includes("999")`)
}

func editorKeys(e editing) {
	press := func(selector, init string) {
		ask[bool](e.tab, `document.querySelector("`+selector+`").dispatchEvent(new KeyboardEvent("keydown", {bubbles: true, cancelable: true, `+init+`})) || true`)
	}
	e.types("by key")
	press("#text", `key: "s", ctrlKey: true`)
	e.until(`document.getElementById("state").textContent === "6 bytes, saved"`)
	e.has(first, "by key")
	press("#text", `key: "ArrowDown", altKey: true`)
	e.until(`location.hash === "#` + second + `"`)
	press("#text", `key: "ArrowUp", altKey: true`)
	e.until(`location.hash === "#` + first + `"`)
	ask[bool](e.tab, `document.getElementById("box-7").focus() || true`)
	press("#box-7", `key: "ArrowRight"`)
	if focused := ask[string](e.tab, `document.activeElement.id`); focused != "box-8" {
		e.t.Errorf("the focus is on %q", focused)
	}
	do(e.tab, chromedp.KeyEvent("\u0304")) // arrow up
	e.until(`location.hash === "#` + second + `"`)
	e.clean()
}
