package founding

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/wbic16/sq-go"
)

//go:embed page
var embedded embed.FS

// assetPath is where the files of the pages are served. Their names have a hash of
// what they hold, so browsers may keep them for ever.
const assetPath = "/founding/assets/"

// asset is a file of the pages.
type asset struct {
	kind string // its content type
	text []byte
}

// assets has each by the name it is served under, and assetURL where it is, by
// its own name.
var assets, assetURL = readAssets()

func readAssets() (byName map[string]asset, urls map[string]string) {
	byName, urls = map[string]asset{}, map[string]string{}
	files, err := fs.Glob(embedded, "page/*")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, file := range files {
		text, err := embedded.ReadFile(file)
		if err != nil {
			panic(err) // it was compiled in
		}
		base, ext := path.Base(file), path.Ext(file)
		if ext == ".html" {
			continue
		}
		sum := sha256.Sum256(text)
		name := strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(sum[:8]) + ext
		byName[name], urls[base] = asset{mime.TypeByExtension(ext), text}, assetPath+name
	}
	return byName, urls
}

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"asset": func(name string) string { return assetURL[name] },
}).ParseFS(embedded, "page/*.html"))

// policy says what a page may load and do: its own files and numbers, and
// nothing that stands in it (Content-Security-Policy).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// sendPage answers with a page.
func sendPage(w http.ResponseWriter, status int, name string, data any) error {
	var text strings.Builder
	if err := pages.ExecuteTemplate(&text, name, data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", htmlType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, err := w.Write([]byte(text.String()))
	return err
}

// front is what the page of the programme shows.
type front struct {
	Progress
	Next        int // the number that the next founder has
	PaymentLink string
}

// Page answers GET with the page of the programme. Its numbers are in it, and
// move where scripts run.
func (s *Site) Page(w http.ResponseWriter, _ *http.Request) error {
	p := s.programme.Progress()
	w.Header().Set("Cache-Control", "no-cache")
	return sendPage(w, http.StatusOK, "founding.html", front{p, p.Claimed + 1, s.PaymentLink})
}

// Asset answers GET with a file of the pages: the path value file.
func (s *Site) Asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := assets[r.PathValue("file")]
	if !ok {
		return sq.Errorf(sq.NotFound, "Not Found")
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err := w.Write(a.text)
	return err
}
