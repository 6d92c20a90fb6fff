package api

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// fastRequest is a plain request: one that net/http would read in the same way, and
// nobody in another, since nothing in it is unusual (RFC 9112). It is GET, POST, PUT
// or DELETE of a path in plainPaths, in HTTP/1.1, of printable ASCII, with lines that
// end in CR LF, one Host, a body of up to four digits of bytes as Content-Length
// counts them, and no header that changes how it is read. It has come whole in one
// read, of which net/http makes those of 4 KiB.
//
// The request and what hangs on it are used again for the next, all but strings.
type fastRequest struct {
	http.Request
	url    url.URL
	text   plainBody
	header http.Header
	values []string // what header is made of
	lines  []byte   // that header was read from
	head   plainHead
}

// plainHead is what the lines of a head say of the request itself.
type plainHead struct {
	host   string
	hosts  int
	length int
	sized  bool
	close  bool
}

// plainPaths are the endpoints that are asked most often, by their path. Their replies are
// short, or announce how long they are.
var plainPaths = map[string]string{
	prefix + "select": prefix + "select",
	prefix + "insert": prefix + "insert",
	prefix + "update": prefix + "update",
	prefix + "delete": prefix + "delete",
}

// plainMethods are their methods.
var plainMethods = map[string]string{
	http.MethodGet: http.MethodGet, http.MethodPost: http.MethodPost,
	http.MethodPut: http.MethodPut, http.MethodDelete: http.MethodDelete,
}

// mostLines is how many bytes of headers are remembered for the next request.
const mostLines = 1 << 10

// begin fills in what all requests of a connection have in common.
func (r *fastRequest) begin(ctx context.Context, remote string) {
	request := http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: remote, URL: &r.url}
	request.Method, request.RequestURI = r.Method, r.RequestURI
	request.Header, request.Host, request.Close = r.Header, r.Host, r.Close
	request.ContentLength, request.Body = r.ContentLength, r.Body
	r.Request = *request.WithContext(ctx)
}

// read reads the request at the beginning of p and returns how many bytes it has; 0
// when there is no plain one.
func (r *fastRequest) read(p []byte) int {
	head := bytes.Index(p, []byte("\r\n\r\n"))
	if head < 0 {
		return 0
	}
	first, lines, _ := bytes.Cut(p[:head+2], []byte("\r\n"))
	body := p[head+4:]
	method, target, ok := cutPlain(first)
	if !ok {
		return 0
	}
	path, query, _ := bytes.Cut(target, []byte("?"))
	known := plainPaths[string(path)]
	if known == "" || !r.readLines(lines) || len(body) < r.head.length {
		return 0
	}
	r.Method, r.url.Path = method, known
	r.RequestURI = string(target)
	r.url.RawQuery = r.RequestURI[len(target)-len(query):]
	r.Header, r.Host, r.Close = r.header, r.head.host, r.head.close
	r.ContentLength, r.Body = int64(r.head.length), http.NoBody
	if r.head.length > 0 {
		r.text.Reset(body[:r.head.length])
		r.Body = &r.text
	}
	return head + 4 + r.head.length
}

// cutPlain cuts the first line of a request.
func cutPlain(line []byte) (method string, target []byte, ok bool) {
	rest, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok {
		return "", nil, false
	}
	name, target, _ := bytes.Cut(rest, []byte(" "))
	method = plainMethods[string(name)]
	return method, target, method != "" && isPlain(target, '!') && !bytes.HasSuffix(target, []byte("?"))
}

// isPlain reports whether all bytes are printable ASCII, from least on.
func isPlain[text string | []byte](t text, least byte) bool {
	for i := range len(t) {
		if b := t[i]; b < least || b > '~' {
			return false
		}
	}
	return true
}

// readLines reads the lines between the first and the empty one. Those of a client
// are the same from one request to the next, as a rule, and then they were read.
func (r *fastRequest) readLines(lines []byte) bool {
	if len(r.lines) > 0 && bytes.Equal(lines, r.lines) {
		return true
	}
	r.lines = r.lines[:0]
	r.head = plainHead{}
	if r.header == nil {
		r.header = http.Header{}
	}
	clear(r.header)
	r.values = r.values[:0]
	for rest := string(lines); len(rest) > 0; { // names and values are parts of one string
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		if !r.readLine(line) {
			return false
		}
	}
	if r.head.hosts != 1 {
		return false
	}
	if len(lines) <= mostLines {
		r.lines = append(r.lines, lines...)
	}
	return true
}

// readLine reads a header; false when it is not plain.
func (r *fastRequest) readLine(line string) bool {
	name, value, found := strings.Cut(line, ":")
	value = strings.Trim(value, " ")
	if !found || !isToken(name) || !isPlain(value, ' ') {
		return false
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	switch key {
	case "Host":
		r.head.host = value
		r.head.hosts++
		return isPlainHost(value)
	case "Content-Length":
		if r.head.sized {
			return false
		}
		r.head.sized = true
		if r.head.length = plainLength(value); r.head.length < 0 {
			return false
		}
	case "Connection":
		if r.header["Connection"] != nil {
			return false
		}
		r.head.close = strings.EqualFold(value, "close")
		if !r.head.close && !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Trailer", "Te", "Expect", "Upgrade", "Pragma", "Http2-Settings":
		return false
	}
	if r.header[key] != nil {
		r.header[key] = append(r.header[key], value)
		return true
	}
	r.values = append(r.values, value)
	r.header[key] = r.values[len(r.values)-1 : len(r.values) : len(r.values)]
	return true
}

// plainLength returns the number of up to four digits; -1 for everything else.
func plainLength(digits string) (n int) {
	if len(digits) == 0 || len(digits) > 4 {
		return -1
	}
	for _, b := range []byte(digits) {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}

// isToken reports whether a name is of letters, digits and '-' alone. A token may have
// more (RFC 9110, section 5.6.2).
func isToken(name string) bool { return len(name) > 0 && isOf(name, "-") }

// isPlainHost reports whether a host is of what names and addresses are made of.
func isPlainHost(host string) bool { return len(host) > 0 && isOf(host, "-.:[]_") }

// isOf reports whether a text is of letters, digits and some other bytes.
func isOf(text, others string) bool {
	for _, b := range []byte(text) {
		if c := b | 0x20; (c < 'a' || c > 'z') && (b < '0' || b > '9') && strings.IndexByte(others, b) < 0 {
			return false
		}
	}
	return true
}

// plainBody is a body that is there.
type plainBody struct{ bytes.Reader }

func (*plainBody) Close() error { return nil }
