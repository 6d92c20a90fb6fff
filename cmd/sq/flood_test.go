package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkFlood measures what bob, who asks one thing after the other, gets alone
// and beside alice, who floods the server from many connections: requests a
// second, and the time that 99 of 100 of them take no longer than. Server and
// flood are processes of their own. The flood yields the processor to the others,
// as if it came from another machine, or it takes what it can. Alice has a limit
// that she stays below, or one that refuses nearly everything. The ratios are
// printed; nothing depends on them.
func BenchmarkFlood(b *testing.B) {
	const flooders = 200 // more than alice may have at work
	for _, c := range []struct {
		what, method, endpoint string
		nice                   int
		perSecond              float64
	}{
		{"select", http.MethodGet, "select", 19, 0}, {"update", http.MethodPost, "update", 19, 0},
		{"select, greedy", http.MethodGet, "select", 0, 0}, {"update, greedy", http.MethodPost, "update", 0, 0},
		{"select, below her limit", http.MethodGet, "select", 19, 1e6}, {"update, below her limit", http.MethodPost, "update", 19, 1e6},
		{"select, above her limit", http.MethodGet, "select", 19, 500}, {"update, above her limit", http.MethodPost, "update", 19, 500},
		{"select, greedy, above", http.MethodGet, "select", 0, 500}, {"update, greedy, above", http.MethodPost, "update", 0, 500},
	} {
		b.Run(c.what, func(b *testing.B) {
			dir := b.TempDir()
			config := filepath.Join(dir, "two.json")
			put(b, config, strings.Replace(twoTenantsIn(dir), `/alice"`, fmt.Sprintf(`/alice", "requests_per_second": %g`, c.perSecond), 1))
			s := launch(b, nil, "--config", config)
			s.listens()
			bob := func(body string) int { return s.code(tokenOfBob, c.method, c.endpoint+at("notes", first), body) }
			s.want(tokenOfBob, "POST", "update"+at("notes", first), "bob's", "Updated 5 bytes")
			alone := measure(b, bob)
			end := startFlood(b, s.address, c.method, "/api/v2/"+c.endpoint+at("flood", first), flooders, c.nice)
			beside := measure(b, bob)
			end()
			b.ReportMetric(alone.rate, "alone/s")
			b.ReportMetric(beside.rate, "beside/s")
			b.ReportMetric(beside.rate/alone.rate, "ratio")
			b.ReportMetric(float64(alone.p99)/1e6, "alone-p99-ms")
			b.ReportMetric(float64(beside.p99)/1e6, "beside-p99-ms")
			b.ReportMetric(0, "ns/op") // which would be of both
			s.stop()
		})
	}
}

// startFlood floods an address from a process of its own until end is called.
func startFlood(b *testing.B, address, method, path string, connections, nice int) (end func()) {
	cmd := exec.Command("flood", address, method, path, strconv.Itoa(connections), strconv.Itoa(nice))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	io.ReadFull(stdout, make([]byte, 1)) // it has begun
	began := time.Now()
	return func() {
		stdin.Close()
		text, _ := io.ReadAll(stdout)
		cmd.Wait()
		b.Logf("the flood: %sin %v", text, time.Since(began).Round(time.Millisecond))
	}
}

// flood is a program that floods a server: ADDRESS METHOD PATH CONNECTIONS
// NICE. It prints a line when each connection was answered, and how many requests it made
// when standard input ends.
func flood() {
	connections, _ := strconv.Atoi(os.Args[4])
	nice, _ := strconv.Atoi(os.Args[5])
	yieldCPU(nice)
	s := &server{address: os.Args[1], client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}}
	var begun, work sync.WaitGroup
	var served, refused atomic.Int64
	var over atomic.Bool
	begun.Add(connections)
	for range connections {
		work.Go(func() {
			for first := true; !over.Load(); first = false {
				if s.code(tokenOfAlice, os.Args[2], strings.TrimPrefix(os.Args[3], "/api/v2/"), "alice's") == http.StatusOK {
					served.Add(1)
				} else {
					refused.Add(1)
				}
				if first {
					begun.Done()
				}
			}
		})
	}
	begun.Wait()
	fmt.Println()
	io.Copy(io.Discard, os.Stdin)
	over.Store(true)
	work.Wait()
	fmt.Printf("%d requests served and %d refused ", served.Load(), refused.Load())
}

// pace is how a client fared.
type pace struct {
	rate float64 // requests a second
	p99  time.Duration
}

// measure makes b.N requests one after the other.
func measure(b *testing.B, ask func(body string) int) pace {
	times := make([]time.Duration, b.N)
	began := time.Now()
	for i := range times {
		start := time.Now()
		if status := ask("bob's"); status != http.StatusOK {
			b.Fatalf("request %d: status %d", i, status)
		}
		times[i] = time.Since(start)
	}
	all := time.Since(began)
	slices.Sort(times)
	return pace{float64(b.N) / all.Seconds(), times[len(times)*99/100]}
}

// code makes a request on a connection that is kept, and returns only how it
// went; 0 when it was not answered.
func (s *server) code(token, method, what, body string) int {
	req, err := http.NewRequest(method, "http://"+s.address+"/api/v2/"+what, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", token)
	reply, err := s.client.Do(req)
	if err != nil {
		return 0
	}
	defer reply.Body.Close()
	io.Copy(io.Discard, reply.Body)
	return reply.StatusCode
}
