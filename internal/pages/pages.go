// Package pages serves pages that are compiled in, with the files that belong to
// them.
//
// A folder holds pages, NAME.html, which are templates of html/template, and their
// files: styles, scripts, pictures. A page names a file with {{asset "style.css"}}.
// That name has a hash of what the file holds, so browsers may keep it for ever.
//
// A page may load its own files and ask its own server, and nothing else: what
// stands between its tags is neither run nor looks otherwise than its files say.
package pages

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/wbic16/sq-go"
)

// Folder is a folder of pages. Goroutines share it.
type Folder struct {
	pages  *template.Template
	assets map[string]asset  // by the name that each is served under
	urls   map[string]string // by the name that each has in the folder
}

// asset is a file of the pages.
type asset struct {
	kind string // its content type
	text []byte
}

// New reads the pages of a folder, whose files are served below prefix, such as
// /assets/. It panics where something cannot be read or is no template: what is
// compiled in is right.
func New(files fs.FS, folder, prefix string) *Folder {
	f := &Folder{assets: map[string]asset{}, urls: map[string]string{}}
	names, err := fs.Glob(files, folder+"/*")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		if path.Ext(name) != ".html" {
			f.add(files, name, prefix)
		}
	}
	f.pages = template.Must(template.New("").Funcs(template.FuncMap{
		"asset": func(name string) string { return f.urls[name] },
	}).ParseFS(files, folder+"/*.html"))
	return f
}

func (f *Folder) add(files fs.FS, file, prefix string) {
	text, err := fs.ReadFile(files, file)
	if err != nil {
		panic(err)
	}
	base, ext := path.Base(file), path.Ext(file)
	sum := sha256.Sum256(text)
	name := strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(sum[:8]) + ext
	kind, ok := kinds[ext]
	if !ok {
		panic("pages: of what kind is " + file + "?")
	}
	f.assets[name], f.urls[base] = asset{kind, text}, prefix+name
}

// kinds has the content types of files by what their names end in. That of the
// system is what other programs made of it.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// policy says what a page may load and do (Content-Security-Policy).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Send answers with a page, such as front.html, that shows data.
func (f *Folder) Send(w http.ResponseWriter, status int, page string, data any) error {
	var text strings.Builder
	if err := f.pages.ExecuteTemplate(&text, page, data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, err := w.Write([]byte(text.String()))
	return err
}

// Asset answers GET with a file of the pages: the path value file. NotFound where
// there is no such file.
func (f *Folder) Asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := f.assets[r.PathValue("file")]
	if !ok {
		return sq.Errorf(sq.NotFound, "Not Found")
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err := w.Write(a.text)
	return err
}
