package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far long work is, in one line that is written over, when
// somebody looks: at a terminal, and nothing in a pipe.
type progress struct {
	w     io.Writer // nil when nobody looks
	last  time.Time
	shown bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{w: f, last: time.Now()}
		}
	}
	return &progress{}
}

// show shows a line, a few times a second at the most.
func (p *progress) show(format string, args ...any) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
	p.last, p.shown = time.Now(), true
}

// clear removes the line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}
