package load

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync/atomic"
)

// Table is a phext of a tenant, with numbered scrolls.
type Table struct {
	Token string // of the tenant; empty: none is sent
	Phext string
}

// Action is what workers do.
type Action uint8

// The actions.
const (
	Select Action = iota // a scroll
	Update               // a scroll
	Insert               // into one scroll that all workers share
)

// inserts is how many texts of 1 KB are inserted into a scroll before the next
// one is taken: a scroll has its limit.
const inserts = 40_000

// Work is requests to numbered scrolls, each drawn at random.
type Work struct {
	Server *Server
	// Tables are the phexts. A worker takes one after the other.
	Tables []Table
	// First is the number of the first scroll, and Scrolls how many there are.
	First   int
	Scrolls int
	Texts   *Texts
	// Reads is the share of requests that are Select, 0 to 1; the others are
	// Writes.
	Reads  float64
	Writes Action
	// Fresh says that each request is to have a connection of its own.
	Fresh bool
	// Loose says that replies are held to their status and length only. It is for
	// servers that are no SQ.
	Loose bool

	inserted atomic.Int64
}

// Workers returns n workers, drawing numbers from a seed.
func (w *Work) Workers(n int, seed uint64) []Worker {
	workers := make([]Worker, n)
	for i := range workers {
		workers[i] = w.worker(i*len(w.Tables)/n, rand.NewPCG(seed, uint64(i)))
	}
	return workers
}

func (w *Work) worker(table int, source rand.Source) *worker {
	k := &worker{Work: w, conn: NewConn(w.Server, w.Fresh), table: table, random: rand.New(source)}
	for _, t := range w.Tables {
		query := "?p=" + url.QueryEscape(t.Phext) + "&c="
		k.heads[Select] = append(k.heads[Select], k.conn.Head("GET", "/api/v2/select"+query, t.Token))
		k.heads[Update] = append(k.heads[Update], k.conn.Head("POST", "/api/v2/update"+query, t.Token))
		k.heads[Insert] = append(k.heads[Insert], k.conn.Head("POST", "/api/v2/insert"+query, t.Token))
	}
	return k
}

// worker is one client of a Work.
type worker struct {
	*Work
	conn   *Conn
	random *rand.Rand
	heads  [3][]Head // by action and table
	table  int
	end    []byte
	text   []byte
}

func (k *worker) Close() { k.conn.Close() }

func (k *worker) Do(ctx context.Context) (Kind, error) {
	if k.table++; k.table >= len(k.Tables) {
		k.table = 0
	}
	number := k.First + k.random.IntN(k.Scrolls)
	if k.Reads > 0 && (k.Reads >= 1 || k.random.Float64() < k.Reads) {
		return Read, k.read(ctx, number)
	}
	if k.Writes == Insert {
		number = k.First + int(k.inserted.Add(1)/inserts)
	}
	return Write, k.write(ctx, k.Writes, number, k.random.IntN(versions))
}

func (k *worker) read(ctx context.Context, number int) error {
	reply, err := k.request(ctx, Select, number, nil)
	switch {
	case err != nil:
		return err
	case k.Loose && len(reply.Body) == k.Texts.size:
		return nil
	}
	return k.Texts.Check(reply.Body, number)
}

func (k *worker) write(ctx context.Context, action Action, number, version int) error {
	k.text = k.Texts.Append(k.text[:0], number, version)
	reply, err := k.request(ctx, action, number, k.text)
	if err == nil && string(reply.Body) != writeReplies[action]+strconv.Itoa(len(k.text))+" bytes" {
		err = wrong(reply)
	}
	return err
}

// writeReplies is what replies to writes begin with.
var writeReplies = [...]string{Update: "Updated ", Insert: "Inserted "}

// request makes a request about a scroll. A status that is not 200 is an error.
func (k *worker) request(ctx context.Context, action Action, number int, body []byte) (Reply, error) {
	k.end = appendAt(k.end[:0], number)
	reply, err := k.conn.Do(ctx, k.heads[action][k.table], k.end, body)
	if err == nil && reply.Status != 200 {
		err = statusError(reply)
	}
	return reply, err
}
