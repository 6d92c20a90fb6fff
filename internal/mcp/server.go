package mcp

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wbic16/sq-go"
)

// Store is what the tools need of an sq.Store.
type Store interface {
	List(ctx context.Context) ([]sq.PhextName, error)
	Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error)
	Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error)
}

// Options are what a server is made of.
type Options struct {
	// Store is where the phexts are. It must take calls of several goroutines.
	Store Store
	// Phext is meant where a tool is not told which; "": it has to be told.
	Phext sq.PhextName
	// ReadOnly leaves out the tools that write.
	ReadOnly bool
	// Logger is told of failures that are not the caller's; nil: nobody is.
	Logger *slog.Logger
}

// Server answers clients of the protocol. It may have several at once, and
// goroutines may share it.
type Server struct {
	Options
	sdk *sdk.Server
}

const instructions = `SQ keeps texts. A phext is a named collection of scrolls: texts that stand at coordinates of nine numbers.
` + coordinateForm + `
Where nothing was written there is an empty text, and nothing has to be made before it is written to.
Begin with sq_info and sq_list. Replies are bounded: where there is more they have "next", or say how to go on.
Others may write to the same phexts at any time.`

const writingInstructions = ` Before you replace a text that you have read, give its checksum as if_match to sq_write: nothing is written when somebody else was faster.`

// New returns a server that nobody has called yet. It starts nothing.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{Options: o}
	text := instructions
	if !o.ReadOnly {
		text += writingInstructions
	}
	if o.Phext != "" {
		text += fmt.Sprintf("\nTools that are not told of a phext take %q.", o.Phext)
	}
	s.sdk = sdk.NewServer(&sdk.Implementation{Name: "sq", Title: "SQ", Version: sq.Version}, &sdk.ServerOptions{
		Instructions: text,
		// The tools stay the same for as long as a server lives: nobody need listen for
		// changes, and a call that does ends at once.
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}},
		SchemaCache:  ofTypes,
	})
	s.addTools()
	return s
}

// addTools adds the tools that the server has.
func (s *Server) addTools() {
	add(s, readTool, (*Server).read)
	add(s, listTool, (*Server).list)
	add(s, navigateTool, (*Server).navigate)
	add(s, infoTool, (*Server).info)
	add(s, searchTool, (*Server).search)
	if !s.ReadOnly {
		add(s, writeTool, (*Server).write)
		add(s, appendTool, (*Server).append)
		add(s, deleteTool, (*Server).delete)
	}
}

// mostMessage is how long a message may be, in bytes.
const mostMessage = 16 << 20

// Serve answers the client that writes to in and reads from out, a message a line,
// until in ends, which is no error, or ctx does. A message of more than 16 MiB ends
// it. Calls under way are finished and answered first, for half a minute at the most. It does not close out; a Read
// of in that is waiting when ctx ends may outlive it.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return s.Run(ctx, &sdk.IOTransport{Reader: io.NopCloser(in), Writer: unclosed{out}, MaxLineLength: mostMessage})
}

// Run is Serve over any transport of the SDK.
func (s *Server) Run(ctx context.Context, t sdk.Transport) error {
	session, err := s.sdk.Connect(context.WithoutCancel(ctx), &patient{t, ctx}, nil)
	if err != nil {
		return err
	}
	if err := session.Wait(); err != nil {
		return fmt.Errorf("read a message of the client: %w", err)
	}
	return nil
}

// unclosed is a writer that others close.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }
