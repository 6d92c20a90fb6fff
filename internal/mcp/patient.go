package mcp

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// mostPatience is how long calls under way are waited for at the end.
const mostPatience = 30 * time.Second

// patient is a transport whose end the SDK hears of when all calls are answered. As
// soon as it does, it ends calls and answers none.
type patient struct {
	sdk.Transport
	ending context.Context // asks for the end
}

// Connect is described at sdk.Transport.
func (t *patient) Connect(ctx context.Context) (sdk.Connection, error) {
	c, err := t.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Connection: c, ending: t.ending, waiting: map[jsonrpc.ID]bool{}, changed: make(chan struct{}, 1)}, nil
}

// connection knows which calls are not answered yet.
type connection struct {
	sdk.Connection
	ending  context.Context
	changed chan struct{} // has room for one: calls wait no more, perhaps

	mu      sync.Mutex
	waiting map[jsonrpc.ID]bool // guarded by mu: calls; nil when nobody takes answers any more
}

// Read is described at sdk.Connection. At the end it waits.
func (c *connection) Read(context.Context) (jsonrpc.Message, error) {
	message, err := c.Connection.Read(c.ending)
	if err != nil {
		c.settle()
		if c.ending.Err() != nil {
			err = io.EOF // that was asked for
		}
		return nil, err
	}
	if r, ok := message.(*jsonrpc.Request); ok && r.IsCall() {
		c.mu.Lock()
		if c.waiting != nil {
			c.waiting[r.ID] = true
		}
		c.mu.Unlock()
	}
	return message, nil
}

// settle waits until all calls are answered, or cannot be.
func (c *connection) settle() {
	limit := time.After(mostPatience)
	for {
		c.mu.Lock()
		n := len(c.waiting)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-c.changed:
		case <-limit:
			return
		}
	}
}

// Write is described at sdk.Connection. When it fails the SDK answers no more, and
// closes the connection as soon as the calls have ended.
func (c *connection) Write(ctx context.Context, message jsonrpc.Message) error {
	err := c.Connection.Write(ctx, message)
	if r, ok := message.(*jsonrpc.Response); ok {
		c.change(func() { delete(c.waiting, r.ID) })
	}
	return err
}

// Close is described at sdk.Connection.
func (c *connection) Close() error {
	c.change(func() { c.waiting = nil })
	return c.Connection.Close()
}

func (c *connection) change(do func()) {
	c.mu.Lock()
	do()
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default: // it was told already
	}
}
