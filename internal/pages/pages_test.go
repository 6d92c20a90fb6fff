package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/pages"
)

func folder(style string) *pages.Folder {
	return pages.New(fstest.MapFS{
		"page/front.html": {Data: []byte(`<link href="{{asset "style.css"}}"><p>{{.}}</p>`)},
		"page/style.css":  {Data: []byte(style)},
	}, "page", "/assets/")
}

// front returns the page as it is sent, and the name of its file.
func front(t *testing.T, f *pages.Folder) (reply *httptest.ResponseRecorder, file string) {
	t.Helper()
	reply = httptest.NewRecorder()
	if err := f.Send(reply, http.StatusAccepted, "front.html", "<b>"); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(reply.Body.String(), `"/assets/`)
	file, _, _ = strings.Cut(rest, `"`)
	return reply, file
}

func ask(f *pages.Folder, file string) (*httptest.ResponseRecorder, error) {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.SetPathValue("file", file)
	reply := httptest.NewRecorder()
	return reply, f.Asset(reply, request)
}

// TestFolder: a page says what may be loaded, shows data as text, and names a file
// that is there to be kept.
func TestFolder(t *testing.T) {
	f := folder("p { color: red }")
	reply, file := front(t, f)
	if h := reply.Header(); reply.Code != http.StatusAccepted || h.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none';") || !strings.Contains(reply.Body.String(), "<p>&lt;b&gt;</p>") {
		t.Errorf("%d %v\n%s", reply.Code, h, reply.Body)
	}
	got, err := ask(f, file)
	if h := got.Header(); err != nil || got.Body.String() != "p { color: red }" || h.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("%q: %v, %v\n%s", file, err, h, got.Body)
	}
	for _, other := range []string{"style.css", "front.html", "", "../pages.go"} {
		if _, err := ask(f, other); sq.ErrorCode(err) != sq.NotFound {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// TestNamesChange: a file that has changed has another name, since browsers keep the
// old one for ever.
func TestNamesChange(t *testing.T) {
	_, red := front(t, folder("red"))
	_, again := front(t, folder("red"))
	_, blue := front(t, folder("blue"))
	if red != again || red == blue || !strings.HasPrefix(red, "style.") || !strings.HasSuffix(red, ".css") {
		t.Errorf("%q, %q, %q", red, again, blue)
	}
}

// TestUnknownKind: a file that browsers would not be told the kind of is found out
// when the program starts.
func TestUnknownKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is taken")
		}
	}()
	pages.New(fstest.MapFS{"page/front.html": {}, "page/a.bin": {}}, "page", "/")
}
