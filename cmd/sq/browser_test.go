package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium finds the browser, which not every machine has. Where nobody reads what
// was skipped it must be there.
func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "" {
		t.Skip("needs chromium; scripts/install-test-tools installs it, or apt-get install chromium")
	}
	t.Fatal("needs chromium; scripts/install-test-tools installs it")
	return ""
}

// newBrowser starts a headless browser, which ends with the test. newTab opens
// its pages.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	// The browser may not shut itself in where it runs as root; it opens our own
	// pages only.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU)
	limited, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	allocator, end := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(end)
	browser, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	return browser
}

// tab is a page of a browser.
type tab struct {
	t     *testing.T
	ctx   context.Context
	width int64

	mu       sync.Mutex
	mistakes []string // what the browser complains of
	requests []string // the addresses that were asked for
}

// look is how somebody looks at pages.
type look struct {
	width, height int64
	dark          bool
	scripts       bool
}

var (
	desk  = look{1280, 900, false, true}
	phone = look{390, 844, false, true}
)

// newTab opens an empty page, which is closed after the test.
func newTab(t *testing.T, browser context.Context, l look) *tab {
	t.Helper()
	ctx, _ := chromedp.NewContext(browser)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("close the page: %v", err)
		}
	})
	p := &tab{t: t, ctx: ctx, width: l.width}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	call(p, log.Enable, cdp.Empty{})
	call(p, network.Enable, network.EnableParams{})
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 600})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !l.scripts})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	return p
}

// call gives the browser a command about a page.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.t.Fatal(err)
	}
}

// hear notes what a test may want to know.
func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.mistakes = append(p.mistakes, fmt.Sprint("console: ", e.Type))
	case *runtime.EventExceptionThrown:
		p.mistakes = append(p.mistakes, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.mistakes = append(p.mistakes, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// do does something with a page, and returns what came of it.
func do[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	answer, err := chromedp.Run(p.ctx, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p *tab) visit(url string) {
	p.t.Helper()
	do(p, chromedp.Navigate(url))
}

// await waits until an element can be seen.
func (p *tab) await(selector chromedp.CSS) {
	p.t.Helper()
	do(p, chromedp.WaitVisible(selector))
}

// text returns the text of an element as a person sees it.
func (p *tab) text(selector chromedp.CSS) string {
	p.t.Helper()
	return strings.TrimSpace(do(p, chromedp.Text(selector, chromedp.NodeVisible)))
}

func (p *tab) attribute(selector chromedp.CSS, name string) string {
	p.t.Helper()
	return do(p, chromedp.AttributeValue(selector, name)).Value
}

// ask returns what an expression of JavaScript is, and waits for it where it is a
// promise.
func ask[T any](p *tab, expression string) T {
	p.t.Helper()
	return do(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// fits holds the page to its width. A phone shows a page that is wider as a whole, small.
func (p *tab) fits() {
	p.t.Helper()
	if is := ask[int64](p, `document.documentElement.scrollWidth`); is > p.width {
		p.t.Errorf("at %d pixels the page is %d wide", p.width, is)
	}
}

// clean holds the page to no complaint of the browser.
func (p *tab) clean() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mistakes {
		p.t.Errorf("the browser complains: %s", m)
	}
}

// asked returns how often an address was asked for that ends so.
func (p *tab) asked(suffix string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if strings.HasSuffix(r, suffix) {
			n++
		}
	}
	return n
}

// picture writes what the page looks like into the folder SQ_PICTURES, if that is
// set, for people to look at.
func (p *tab) picture(name string) {
	p.t.Helper()
	dir := os.Getenv("SQ_PICTURES")
	if dir == "" {
		return
	}
	png := do(p, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}
