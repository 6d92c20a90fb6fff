package load

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

func wrong(r Reply) error { return fmt.Errorf("%w: %.60q", ErrWrong, r.Body) }

func statusError(r Reply) error {
	return &StatusError{Status: r.Status, Text: strings.TrimSpace(fmt.Sprintf("%.200s", r.Body))}
}

// Call makes one request of the API, such as "status?p=notes", on a connection
// of its own, and returns the text of a reply with status 200.
func Call(ctx context.Context, s *Server, token, method, what string) (string, error) {
	c := NewConn(s, false)
	defer c.Close()
	reply, err := c.Do(ctx, c.Head(method, "/api/v2/"+what, token), nil, nil)
	if err == nil && reply.Status != 200 {
		err = statusError(reply)
	}
	return string(reply.Body), err
}

// Fill writes all numbered scrolls of the first table, with some workers at
// once, and calls progress, where it is not nil, several times a second. It stops
// at the first failure.
func (w *Work) Fill(ctx context.Context, workers int, progress func(done int64)) error {
	return w.all(ctx, workers, progress, func(ctx context.Context, k *worker, number int) error {
		return k.write(ctx, Update, number, number)
	})
}

// Clear deletes all numbered scrolls of the first table.
func (w *Work) Clear(ctx context.Context, workers int, progress func(done int64)) error {
	query := "?p=" + url.QueryEscape(w.Tables[0].Phext) + "&c="
	return w.all(ctx, workers, progress, func(ctx context.Context, k *worker, number int) error {
		k.end = appendAt(k.end[:0], number)
		reply, err := k.conn.Do(ctx, k.conn.Head("DELETE", "/api/v2/delete"+query, w.Tables[0].Token), k.end, nil)
		if err == nil && reply.Status != 200 {
			err = statusError(reply)
		}
		return err
	})
}

// all does something to each numbered scroll.
func (w *Work) all(ctx context.Context, workers int, progress func(int64), do func(context.Context, *worker, int) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var next, done atomic.Int64
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			k := w.worker(0, nil)
			defer k.Close()
			for number := int(next.Add(1) - 1); number < w.Scrolls && ctx.Err() == nil; number = int(next.Add(1) - 1) {
				if err := do(ctx, k, w.First+number); err != nil {
					fail(err)
					return
				}
				done.Add(1)
			}
		})
	}
	ended := make(chan struct{})
	go func() { working.Wait(); close(ended) }()
	watch(ended, func() {
		if progress != nil {
			progress(done.Load())
		}
	})
	return context.Cause(ctx)
}
