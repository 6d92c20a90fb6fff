// Package web is the editor of a phext: a page that lists the scrolls, goes to a
// coordinate, and reads and writes there. It speaks to the API of the server that
// it came from, as any other client does: a scroll is saved under If-Match, so that
// what somebody else wrote meanwhile is shown and not written over. Text that is
// not saved yet is kept by the browser.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/pages"
)

//go:embed page
var embedded embed.FS

// Assets is the pattern under which Editor.Asset has to be served.
const Assets = "/assets/{file}"

var folder = pages.New(embedded, "page", "/assets/")

// Editor is the page for one phext. Goroutines share it.
type Editor struct {
	// Phext is what is edited, under its name at the API.
	Phext sq.PhextName
	// Place tells phexts of one name apart: the path of the file. Browsers keep
	// unsaved text by it, and learn its hash alone.
	Place string
}

// front is what the page is told.
type front struct {
	Phext sq.PhextName
	Place string
}

// Page answers GET with the page.
func (e Editor) Page(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-cache")
	sum := sha256.Sum256([]byte(e.Place))
	return folder.Send(w, http.StatusOK, "editor.html", front{e.Phext, hex.EncodeToString(sum[:8])})
}

// Asset answers GET with a file of the page: the path value file.
func (e Editor) Asset(w http.ResponseWriter, r *http.Request) error { return folder.Asset(w, r) }
