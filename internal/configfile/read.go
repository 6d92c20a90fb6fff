package configfile

import (
	"bytes"
	"io/fs"
	"os"
)

// Read returns what a file holds, and what it looked like just before: a change
// while it is read then differs from that. There is no info only where the file
// cannot be opened. The data is in what room returns for its length: an empty slice
// that has room for so many bytes; where there is no room, in a new one. The caller
// clears it when it is done, since it holds secrets.
func Read(path string, room func(n int) []byte) (data []byte, info fs.FileInfo, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if room == nil {
		room = func(n int) []byte { return make([]byte, 0, n) }
	}
	text := bytes.NewBuffer(room(int(info.Size()) + bytes.MinRead))
	_, err = text.ReadFrom(f)
	return text.Bytes(), info, err
}
