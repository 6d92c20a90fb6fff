package client

import (
	"context"
	"net/http"
	"time"

	"github.com/wbic16/sq-go"
)

// BaseAsk says who asks for a base, and how much of it is wanted.
type BaseAsk struct {
	Node  string       // the id of the node that asks
	Proof string       // what shows that it is that node
	Phext sq.PhextName // as the server has it
	Most  int64        // bytes; a longer base is an error
}

// ProofHeader shows a node of a mesh that another one is who it says.
const ProofHeader = "SQ-Mesh-Proof"

// basePatience is how long a node may take to begin its answer: a caller can go on
// without one.
const basePatience = 30 * time.Second

// Base asks a node of a mesh what it has agreed on with the node that asks: text, in
// memory as a whole. NotFound: nothing, or it is somebody else. Invalid: the server is no
// node. Busy: it did not begin to answer within half a minute.
func (c *Client) Base(ctx context.Context, q BaseAsk) ([]byte, error) {
	query := about(q.Phext)
	query.Set("node", q.Node)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(basePatience, cancel)
	a, err := c.send(ctx, &ask{method: http.MethodGet, endpoint: "mesh/base", query: query, accept: asText, header: [2]string{ProofHeader, q.Proof}})
	patience.Stop()
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if !a.is("text/plain") {
		return nil, a.stranger("is no base of a mesh")
	}
	return a.all(q.Most)
}
