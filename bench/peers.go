package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// The peers: others that say yes when a write is on the disk.
const (
	ofRedis = "redis"
	ofEtcd  = "etcd"
)

// peer is how another server is started and written to.
type peer struct {
	program string
	args    func(dir, port, other string) []string
	worker  func(address string, scrolls int, random *rand.Rand) load.Worker
}

var peers = map[string]peer{
	ofRedis: {
		program: "redis-server",
		args: func(dir, port, _ string) []string {
			return []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always"}
		},
		worker: newRedis,
	},
	ofEtcd: {
		program: "etcd",
		args: func(dir, port, other string) []string {
			client, peer := "http://127.0.0.1:"+port, "http://127.0.0.1:"+other
			return []string{
				"--data-dir", dir, "--log-level", "error", "--logger", "zap", "--quota-backend-bytes", "8589934592",
				"--listen-client-urls", client, "--advertise-client-urls", client,
				"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
			}
		},
		worker: newEtcd,
	},
}

// startPeer starts a peer and returns it as a contender that writes 1 KB to keys
// drawn at random. Where it is not installed, missing says so.
func (b *bench) startPeer(name string, scrolls int) (p *process, c contender, missing string, err error) {
	peer := peers[name]
	program, err := exec.LookPath(peer.program)
	if err != nil {
		return nil, c, "no " + peer.program + " here", nil
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, c, "", err
	}
	dir, err := b.emptyFolder(name)
	if err != nil {
		return nil, c, "", err
	}
	p, err = b.listenAt(name, "127.0.0.1:"+ports[0], append([]string{program}, peer.args(dir, ports[0], ports[1])...)...)
	if err != nil {
		return nil, c, "", err
	}
	c.process = p
	c.workers = func(n int, seed uint64) (workers []load.Worker) {
		for i := range n {
			workers = append(workers, peer.worker(p.address, scrolls, rand.New(rand.NewPCG(seed, uint64(i)))))
		}
		return workers
	}
	err = b.await(name+" answers; see "+filepath.Join(b.logs, name+".log"), 20*time.Second, func() bool {
		worker := c.workers(1, 0)[0]
		defer worker.Close()
		_, err := worker.Do(b.ctx)
		return err == nil
	})
	if err != nil {
		p.kill()
	}
	return p, c, "", err
}

// freePorts returns ports that nobody listens on.
func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// redis is a client of redis that sets keys, in its own protocol.
type redis struct {
	address string
	scrolls int
	random  *rand.Rand
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	text    []byte
}

func newRedis(address string, scrolls int, random *rand.Rand) load.Worker {
	return &redis{address: address, scrolls: scrolls, random: random}
}

func (r *redis) Close() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

func (r *redis) Do(context.Context) (load.Kind, error) {
	if r.conn == nil {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			return load.Write, err
		}
		r.conn, r.in = conn, bufio.NewReader(conn)
	}
	number := r.random.IntN(r.scrolls)
	r.text = texts.Append(r.text[:0], number, r.random.IntN(64))
	key := load.At(number).String()
	r.out = fmt.Appendf(r.out[:0], "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n", len(key), key, len(r.text))
	r.out = append(append(r.out, r.text...), "\r\n"...)
	if _, err := r.conn.Write(r.out); err != nil {
		return load.Write, err
	}
	line, err := r.in.ReadSlice('\n')
	if err == nil && string(line) != "+OK\r\n" {
		err = fmt.Errorf("%w: %.60q", load.ErrWrong, line)
	}
	return load.Write, err
}

// etcd is a client of etcd that puts keys over HTTP and JSON.
type etcd struct {
	conn    *load.Conn
	head    load.Head
	scrolls int
	random  *rand.Rand
	text    []byte
	body    []byte
}

func newEtcd(address string, scrolls int, random *rand.Rand) load.Worker {
	server, err := load.ParseServer("http://" + address)
	if err != nil {
		panic(err) // it is made of a port
	}
	conn := load.NewConn(server, false)
	return &etcd{conn: conn, head: conn.Head("POST", "/v3/kv/put", ""), scrolls: scrolls, random: random}
}

func (e *etcd) Close() { e.conn.Close() }

func (e *etcd) Do(ctx context.Context) (load.Kind, error) {
	number := e.random.IntN(e.scrolls)
	e.text = texts.Append(e.text[:0], number, e.random.IntN(64))
	e.body = append(e.body[:0], `{"key":"`...)
	e.body = base64.StdEncoding.AppendEncode(e.body, []byte(load.At(number).String()))
	e.body = append(e.body, `","value":"`...)
	e.body = append(base64.StdEncoding.AppendEncode(e.body, e.text), `"}`...)
	reply, err := e.conn.Do(ctx, e.head, nil, e.body)
	if err == nil && (reply.Status != 200 || !bytes.Contains(reply.Body, []byte(`"revision"`))) {
		err = fmt.Errorf("%w: status %d: %.60q", load.ErrWrong, reply.Status, reply.Body)
	}
	return load.Write, err
}
