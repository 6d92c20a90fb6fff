package founding

import (
	"embed"
	"net/http"

	"github.com/wbic16/sq-go/internal/pages"
)

//go:embed page
var embedded embed.FS

var folder = pages.New(embedded, "page", "/founding/assets/")

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
	return folder.Send(w, http.StatusOK, "founding.html", front{p, p.Claimed + 1, s.PaymentLink})
}

// Asset answers GET with a file of the pages: the path value file.
func (s *Site) Asset(w http.ResponseWriter, r *http.Request) error { return folder.Asset(w, r) }
