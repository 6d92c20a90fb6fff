package mcp_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mcp"
	"github.com/wbic16/sq-go/internal/storetest"
)

const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`

const writing = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"sq_append","arguments":{"coordinate":"1.1.1/1.1.1/1.1.1","text":"x"}}}` + "\n"

// slow is a store whose writes wait until they are let go.
type slow struct {
	*storetest.Model
	begun, goOn chan bool
}

func (s *slow) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	s.begun <- true
	<-s.goOn
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.Model.Apply(ctx, name, batch)
}

// TestEnd: at the end of the input, and when the end is asked for, a call under way is
// finished and answered.
func TestEnd(t *testing.T) {
	for _, end := range []string{"input", "context"} {
		t.Run(end, func(t *testing.T) {
			store := &slow{storetest.NewModel(), make(chan bool), make(chan bool)}
			in, client := io.Pipe()
			defer client.Close()
			var out bytes.Buffer
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- mcp.New(mcp.Options{Store: store, Phext: "notes"}).Serve(ctx, in, &out) }()
			if _, err := io.WriteString(client, hello+writing); err != nil {
				t.Fatal(err)
			}
			<-store.begun
			if end == "input" {
				client.Close()
			} else {
				cancel()
			}
			close(store.goOn)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if !strings.Contains(out.String(), `"bytes_after":1`) || strings.Count(out.String(), "\n") != 2 {
				t.Errorf("answered:\n%s", &out)
			}
		})
	}
}

// TestManyCallsAtOnce: all calls that were sent before the end are answered.
func TestManyCallsAtOnce(t *testing.T) {
	var out bytes.Buffer
	in := hello
	for n := range 100 {
		in += strings.Replace(writing, `"id":2`, `"id":"`+strings.Repeat("x", n+1)+`"`, 1)
	}
	if err := mcp.New(mcp.Options{Store: storetest.NewModel(), Phext: "notes"}).Serve(t.Context(), strings.NewReader(in), &out); err != nil {
		t.Error(err)
	}
	if got := strings.Count(out.String(), `"bytes_after":`); got != 100 {
		t.Errorf("%d calls of 100 were answered", got)
	}
}

// torn is a writer that fails at the second write, and says so.
type torn struct {
	writes int
	failed chan bool
}

func (w *torn) Write(p []byte) (int, error) {
	if w.writes++; w.writes < 2 {
		return len(p), nil
	}
	close(w.failed)
	return 0, io.ErrClosedPipe
}

// TestNobodyReads: a server whose answers nobody takes any more ends when the calls
// under way have, and waits for no answer to them.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{storetest.NewModel(), make(chan bool), make(chan bool)}
		in, client := io.Pipe()
		out := &torn{failed: make(chan bool)}
		ended := make(chan bool)
		began := time.Now()
		go func() {
			defer close(ended)
			mcp.New(mcp.Options{Store: store, Phext: "notes"}).Serve(t.Context(), in, out)
		}()
		io.WriteString(client, hello+writing)
		<-store.begun
		io.WriteString(client, `{"jsonrpc":"2.0","id":3,"method":"ping"}`+"\n")
		<-out.failed
		synctest.Wait() // and the failure is known
		close(store.goOn)
		<-ended
		client.Close()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited for %v", waited)
		}
	})
}

// TestNoMessage: what is no message ends the server with an error that says so.
func TestNoMessage(t *testing.T) {
	for _, in := range []string{"hello\n", `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 17<<20) + `"}`} {
		err := mcp.New(mcp.Options{Store: storetest.NewModel()}).Serve(t.Context(), strings.NewReader(in), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "read a message of the client: ") {
			t.Errorf("%.40s: %v", in, err)
		}
	}
}
