package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/wbic16/sq-go"
)

// TestFloodOfRequests: with the limits that are in force where nothing else is
// said, 512 requests are at work and no more, 128 of one tenant; the next is told
// to come back, whoever it is, and a stranger is not told that much.
func TestFloodOfRequests(t *testing.T) {
	crowd := people{names: []string{"ann", "ben", "cy", "dan", "eve"}}
	entered, release := make(chan struct{}), make(chan struct{})
	var r *rig
	r = newRig(t, crowd, Options{Many: true, Store: func(x sq.Tenant) sq.Store { return blocking{r.store(x.Name), entered, release} }})
	var all sync.WaitGroup
	fill := func(who string, count int) {
		for range count {
			all.Go(func() {
				if reply, text := r.send(with(get("/api/v2/get?p=x"), "Authorization: "+who+"'s")); reply.StatusCode != http.StatusOK {
					t.Errorf("%d %s", reply.StatusCode, text)
				}
			})
		}
		for range count {
			<-entered
		}
	}
	full := func(who string) row { // by what asks no store: it would wait there
		return row{who + " is told", with(get("/api/v2/version"), "Authorization: "+who+"'s"), 503, "~too many requests", []string{"Retry-After: 1", "Cache-Control: no-store"}, nil}
	}
	fill("ann", 128)
	r.run([]row{full("ann"), {"ben works", with(get("/api/v2/version"), "Authorization: ben's"), 200, "0.5.5", nil, nil}})
	fill("ben", 128)
	fill("cy", 128)
	fill("dan", 127)
	r.run([]row{full("cy"), {"eve works", with(get("/api/v2/version"), "Authorization: eve's"), 200, "0.5.5", nil, nil}})
	fill("dan", 1)
	r.run([]row{
		full("eve"), full("ann"),
		{"a write as well", with(post("/api/v2/insert?p=x"+at, "x"), "Authorization: eve's"), 503, "~too many requests", nil, nil},
		{"what is not there as well", with(get("/api/v2/nothing"), "Authorization: eve's"), 503, "", nil, nil},
		{"a stranger", with(get("/api/v2/get?p=x"), "Authorization: guessed"), 401, "Unauthorized", nil, []string{"Retry-After"}},
		{"a preflight", request{method: http.MethodOptions, path: "/api/v2/get"}, 204, "", nil, nil},
	})
	close(release)
	all.Wait()
	go func() { <-entered }()
	r.run([]row{{"eve at last", with(get("/api/v2/get?p=x"), "Authorization: eve's"), 200, "", nil, nil}})
}

// TestFloodOfWrongTokens: strangers take no slot, however many they are, not even
// the only one, and all get the same answer.
func TestFloodOfWrongTokens(t *testing.T) {
	const strangers, tries = 8, 250
	r := newRig(t, twoTenants, Options{Many: true, Limits: Limits{Requests: 1}})
	var all sync.WaitGroup
	for stranger := range strangers {
		all.Go(func() {
			for i := range tries {
				token := fmt.Sprintf("guessed-%d-%d", stranger, i)
				if reply, text := r.send(with(post("/api/v2/insert?p=notes"+at, "x"), "Authorization: "+token)); reply.StatusCode != 401 || text != "Unauthorized" {
					t.Errorf("%s: %d %q", token, reply.StatusCode, text)
				}
			}
		})
	}
	for i := range tries {
		if reply, text := r.send(post("/api/v2/insert?p=notes"+at, "a")); reply.StatusCode != http.StatusOK {
			t.Fatalf("alice's request %d: %d %q", i, reply.StatusCode, text)
		}
	}
	all.Wait()
	r.run([]row{{"only alice wrote", get("/api/v2/select?p=notes" + at), 200, strings.Repeat("a", tries), nil, nil}})
	if strings.Contains(r.log.String(), "guessed") {
		t.Error("what was guessed is in the log")
	}
}

// letters is a text without end.
type letters struct{}

var block = strings.Repeat("x", 32<<10)

func (letters) Read(p []byte) (int, error) { return copy(p, block), nil }

// TestLargestBody: 64 MiB are taken, a byte more is not, and nothing of it is
// written, announced or not.
func TestLargestBody(t *testing.T) {
	const most = 64 << 20
	r := newRig(t, twoTenants, Options{})
	send := func(length, announced int64) (int, string) {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.addr+"/api/v2/update?p=large"+at, io.LimitReader(letters{}, length))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = announced
		req.Header.Set("Authorization", "alice's")
		reply, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		return reply.StatusCode, string(text)
	}
	for _, announced := range []int64{most + 1, -1} {
		if status, text := send(most+1, announced); status != http.StatusRequestEntityTooLarge || r.exists("alice", "large") {
			t.Errorf("a byte more, announced %d: %d %q", announced, status, text)
		}
	}
	if status, text := send(most, most); status != http.StatusOK || text != "Updated 67108864 bytes" {
		t.Errorf("64 MiB: %d %q", status, text)
	}
}

// TestLargestHead: 64 KiB of request line and headers are taken, whatever they are
// made of, and more is not.
func TestLargestHead(t *testing.T) {
	const most = 64 << 10
	r := newRig(t, twoTenants, Options{})
	// What repeats is where %s is, as often as there is room.
	for what, c := range map[string]struct {
		path, line, again string
		status            int
	}{
		"a long header":       {"version", "X: %s\r\n", "x", 200},
		"many headers":        {"version", "%s", "x:y\r\n", 200},
		"many names":          {"version", "%s", "x%d:\r\n", 200},
		"many Accept":         {"version", "Accept: %s\r\n", "a/b;q=0.1,", 200},
		"many weights":        {"version", "Accept: a/b%s\r\n", ";q=1", 200},
		"many tags":           {"select?p=notes" + at, "If-None-Match: %s\r\n", `"",`, 200},
		"many tokens":         {"version", "%s", "Authorization: guessed\r\n", 401},
		"one token again":     {"version", "%s", "Authorization: alice's\r\n", 200},
		"many origins":        {"version", "%s", "Origin: x\r\n", 200},
		"many conditions":     {"update?p=notes&s=x" + at, "%s", "If-Match: *\r\n", 400},
		"a long text":         {"insert?p=notes" + at + "&s=%s", "", "x", 200},
		"a long escaped text": {"insert?p=notes" + at + "&s=%s", "", "%%C3%%A9", 200},
		"many parameters":     {"version?%s", "", "a=b&", 200},
		"many of one name":    {"version?%s", "", "p=b&", 400},
		"many names of them":  {"version?%s", "", "a%d=&", 200},
		"many separators":     {"version?%s", "", "&", 200},
		"a long name":         {"toc?p=%s", "", "n", 400},
		"a long coordinate":   {"select?p=notes&c=%s", "", "1.", 400},
		"a long number":       {"where?limit=%s", "", "9", 405},
		"a long path":         {"%s", "", "/x", 404},
		"dots in a path":      {"%sversion", "", "../", 404},
		"a long method":       {"version", "", "", 405},
	} {
		t.Run(what, func(t *testing.T) {
			for _, over := range []int{0, 1} {
				status := c.status
				if over > 0 {
					status = http.StatusRequestHeaderFieldsTooLarge
				}
				if got := r.raw(largeHead(what, c.path, c.line, c.again, most+over)); len(got) != 1 || got[0] != status {
					t.Errorf("%d bytes: statuses %v, want %d", most+over, got, status)
				}
			}
		})
	}
}

// largeHead returns a request whose head has just so many bytes.
func largeHead(what, path, line, again string, bytes int) string {
	method := http.MethodGet
	build := func(method, repeated, filling string) string {
		fill := func(s string) string { return strings.Replace(s, "%s", repeated, 1) }
		return method + " " + prefix + fill(path) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: alice's\r\n" + fill(line) + "Fill: " + filling + "\r\n\r\n"
	}
	if what == "a long method" {
		return build(strings.Repeat("M", bytes-len(build("", "", ""))), "", "")
	}
	var repeated strings.Builder
	for room, i := bytes-len(build(method, "", "")), 0; ; i++ {
		next := strings.ReplaceAll(strings.ReplaceAll(again, "%d", fmt.Sprint(i)), "%%", "%")
		if repeated.Len()+len(next) > room {
			break
		}
		repeated.WriteString(next)
	}
	rest := bytes - len(build(method, repeated.String(), ""))
	return build(method, repeated.String(), strings.Repeat("f", rest))
}
