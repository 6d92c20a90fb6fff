package api

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// guesses counts the wrong tokens that came from an address in the last one to
// two minutes. After some of them the answer to a wrong token waits, the longer
// the more there were. A right token is found before anything is counted, and
// never waits: whoever shares an address with a stranger does not notice.
//
// An address is that of IPv4, or the first 64 bits of one of IPv6, which are
// everyone's who has one. There is room for so many; beyond them all others
// count as one.
type guesses struct {
	slow time.Duration // the longest wait

	mu     sync.Mutex // guards what follows
	recent map[netip.Prefix]int
	before map[netip.Prefix]int // the minute before
	turned time.Time            // when recent was begun
}

const (
	guessesFree  = 10                     // in a minute, that are answered at once
	guessesKept  = 4096                   // addresses, each minute
	guessesFor   = time.Minute            // then they are forgotten, within as much again
	guessesFirst = 100 * time.Millisecond // the first wait; the next are twice as long
)

func newGuesses(slow time.Duration) *guesses {
	return &guesses{slow: slow, recent: map[netip.Prefix]int{}, before: map[netip.Prefix]int{}}
}

// wrong counts a wrong token, and returns how long its answer has to wait.
func (g *guesses) wrong(from netip.Addr, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(now)
	whose := whoseIs(from)
	if _, known := g.recent[whose]; !known && len(g.recent) >= guessesKept {
		whose = netip.Prefix{}
	}
	g.recent[whose]++
	n := g.recent[whose] + g.before[whose] - guessesFree
	if n <= 0 {
		return 0
	}
	return min(guessesFirst<<min(n-1, 16), g.slow)
}

// turn forgets what is too long ago.
func (g *guesses) turn(now time.Time) {
	age := now.Sub(g.turned)
	if age < guessesFor {
		return
	}
	g.before, g.recent, g.turned = g.recent, map[netip.Prefix]int{}, now
	if age >= 2*guessesFor {
		clear(g.before)
	}
}

// whoseIs returns the addresses that one client may have.
func whoseIs(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // no address at all is one as well
	return p
}

// client returns the address that a request comes from. Behind a proxy on this
// machine it is the one that the proxy has added last; what others say of
// themselves is not believed.
func client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return peer.Addr()
	}
	lines := r.Header["X-Forwarded-For"]
	if len(lines) == 0 {
		return peer.Addr()
	}
	list := lines[len(lines)-1]
	last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
	if told, err := netip.ParseAddr(last); err == nil {
		return told
	}
	return peer.Addr()
}

// isGuess reports whether an error says that a token is wrong. Who shows no token,
// or two, guesses nothing; nor does a tenant that asks for what it may not.
func (c *call) isGuess(err error) bool {
	if err != errUnauthorized && err != errNotReloaded {
		return false
	}
	token, shown := tokenOf(c.request.Header)
	if !shown {
		return false
	}
	_, known := c.server.Tenants().Find(token)
	return !known
}
