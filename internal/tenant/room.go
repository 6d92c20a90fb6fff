package tenant

import "sync"

// texts has room for the texts of files, so that a change of a large one does not
// ask for megabytes anew. Nothing of a text stays in it, since tokens stand there.
var texts sync.Pool // of *[]byte

// room returns an empty slice with room for n bytes. What is written to it is given
// back with release.
func room(n int) []byte {
	if b, _ := texts.Get().(*[]byte); b != nil && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n+n/8) // the next text may be longer
}

// release forgets a text, which nobody may look at any more.
func release(text []byte) {
	clear(text)
	text = text[:0]
	texts.Put(&text)
}
