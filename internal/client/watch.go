package client

import (
	"context"
	"iter"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Watch is described at sq.Store.
func (c *Client) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		yield(sq.Change{}, sq.Errorf(sq.Invalid, "watch: not yet over the wire"))
	}
}
