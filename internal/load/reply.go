package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http/httputil"
	"slices"
	"strconv"
)

// framing is how a reply says where its body ends (RFC 9112, section 6.3).
type framing struct {
	length  int64 // of the body, where neither of the next is true
	chunked bool
	toEnd   bool // of the connection
	close   bool // the connection is not for another request
}

// readHead reads the status line and the headers of a reply. Interim replies are
// passed over.
func readHead(in *bufio.Reader) (status int, f framing, err error) {
	for {
		if status, err = readStatus(in); err != nil {
			return 0, f, err
		}
		if f, err = readFraming(in); err != nil {
			return 0, f, err
		}
		switch {
		case status >= 200 && status != 204 && status != 304:
			f.close = f.close || f.toEnd
			return status, f, nil
		case status >= 200:
			return status, framing{close: f.close}, nil
		}
	}
}

func readStatus(in *bufio.Reader) (int, error) {
	line, err := readLine(in)
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("reply: %.40q is no status line of HTTP/1.1", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		return 0, fmt.Errorf("reply: %.40q has no status", line)
	}
	return status, nil
}

var (
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
	connection       = []byte("connection")
	chunked          = []byte("chunked")
	closed           = []byte("close")
)

func readFraming(in *bufio.Reader) (framing, error) {
	f := framing{toEnd: true}
	for {
		line, err := readLine(in)
		if err != nil {
			return f, err
		}
		if len(line) == 0 {
			return f, nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return f, fmt.Errorf("reply: %.40q is no header", line)
		}
		if err := f.header(name, bytes.TrimSpace(value)); err != nil {
			return f, err
		}
	}
}

func (f *framing) header(name, value []byte) error {
	switch {
	case bytes.EqualFold(name, contentLength):
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			return fmt.Errorf("reply: Content-Length is %.40q", value)
		}
		f.length, f.toEnd = int64(n), false
	case bytes.EqualFold(name, transferEncoding):
		if !bytes.EqualFold(value, chunked) {
			return fmt.Errorf("reply: Transfer-Encoding is %.40q", value)
		}
		f.chunked, f.toEnd = true, false
	case bytes.EqualFold(name, connection):
		f.close = bytes.EqualFold(value, closed)
	}
	return nil
}

// readLine reads a line and returns it without its end.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("reply: %w", endless(err))
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// endless makes the end of a reply that is not whole an error that says so.
func endless(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// read appends the body to dst.
func (f framing) read(in *bufio.Reader, dst []byte) ([]byte, error) {
	if !f.chunked && !f.toEnd {
		if f.length > mostBody {
			return dst, fmt.Errorf("reply: a body of %d bytes", f.length)
		}
		dst = slices.Grow(dst, int(f.length))[:f.length]
		_, err := io.ReadFull(in, dst)
		return dst, endless(err)
	}
	var body io.Reader = in
	if f.chunked {
		body = httputil.NewChunkedReader(in)
	}
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(body, mostBody+1))
	if err == nil && n > mostBody {
		err = fmt.Errorf("reply: a body of more than %d bytes", int64(mostBody))
	}
	if err == nil && f.chunked {
		err = endChunks(in)
	}
	return append(dst, b.Bytes()...), err
}

// endChunks reads what follows the last chunk: trailers, and an empty line.
func endChunks(in *bufio.Reader) error {
	for {
		if line, err := readLine(in); err != nil || len(line) == 0 {
			return err
		}
	}
}
