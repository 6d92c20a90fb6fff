package mcp

import (
	"bytes"
	"io"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// MostBody is how long the body of a request over HTTP may be, in bytes.
const MostBody = mostMessage

// Answer answers one message that was sent by POST, as the streamable HTTP of the
// protocol has it: with JSON, and without a session. Whose request it is, where it
// comes from and how long it may be is checked before. An error is that of the body;
// nothing was answered then.
func (s *Server) Answer(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(text))
	sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.sdk }, &sdk.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: -1, DisableLocalhostProtection: true, Logger: s.Logger,
	}).ServeHTTP(w, r)
	return nil
}
