package founding

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Options is what a Programme may be told. All of it is optional.
type Options struct {
	// Logger gets what an operator should know.
	Logger *slog.Logger
	// Usable reports whether the token of a slot works once it is claimed. A slot
	// of which it does not is passed over. It may be asked from several goroutines.
	Usable func(Slot) bool
	// Now tells the time.
	Now func() time.Time
	// Owner is written into the lock, for others who want it.
	Owner string
}

func (o Options) orDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Usable == nil {
		o.Usable = func(Slot) bool { return true }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Programme is a founding programme that runs. Goroutines share it. It starts
// none.
type Programme struct {
	Options
	files  files
	list   *list
	index  map[tokenHash]int    // of the slot of each token
	book   atomic.Pointer[book] // in force
	queue  queue
	closed atomic.Bool

	committing sync.Mutex // one commit at a time; guards files

	listening sync.Mutex // guards listeners, and the book against them
	listeners map[chan Progress]bool
}

// Open opens the list at path and the claims beside it, and holds both until
// Close. Conflict: another process holds them. Invalid: the list is none.
// Unreadable: the claims are damaged, or not of this list. Internal: they cannot
// be read.
func Open(path string, o Options) (*Programme, error) {
	dir, err := vfs.Open(filepath.Dir(path))
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "cannot open the folder of the founding list")
	}
	p, err := OpenIn(dir, filepath.Base(path), o)
	if err != nil {
		dir.Close()
	}
	return p, err
}

// OpenIn is Open for the list of a name in dir, which belongs to the Programme
// unless there is an error.
func OpenIn(dir vfs.FS, name string, o Options) (*Programme, error) {
	if _, err := dir.Stat(name); err != nil { // before a lock is made beside it
		return nil, unreadable(err)
	}
	lock, err := dir.Lock(name+".lock", o.Owner)
	var held *vfs.LockedError
	if errors.As(err, &held) {
		return nil, sq.Errorf(sq.Conflict, "%s: the founding programme runs already: %s", name, held.Owner)
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "cannot lock the founding list")
	}
	p := &Programme{Options: o.orDefaults(), files: files{dir: dir, name: name, lock: lock}, listeners: map[chan Progress]bool{}}
	if err := p.load(); err != nil {
		lock.Close()
		return nil, err
	}
	return p, nil
}

// load reads list and claims.
func (p *Programme) load() error {
	text, err := p.files.readList()
	if err != nil {
		return unreadable(err)
	}
	if p.list, err = parseList(text, p.files.name); err != nil {
		return err
	}
	if p.files.open {
		p.Logger.Warn("others may read the founding list, which has the tokens; chmod 600 makes it private", "file", p.files.name)
	}
	p.index = make(map[tokenHash]int, len(p.list.slots))
	for i, s := range p.list.slots {
		p.index[hashToken(s.Token)] = i
	}
	b := newBook(p.list)
	if err := p.loadClaims(b); err != nil {
		return err
	}
	p.book.Store(b)
	if want := p.list.format(b); len(b.notes) > 0 && !slices.Equal(text, want) {
		p.writeList(b)
	}
	return nil
}

func unreadable(err error) error {
	return sq.Wrap(err, sq.Internal, "cannot read the founding list, check its path and mode")
}

func (p *Programme) loadClaims(b *book) error {
	name := p.files.name + claimsSuffix
	text, err := p.files.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return sq.Wrap(err, sq.Internal, "cannot read the founding claims, check their mode")
	}
	notes, err := parseClaims(text, name)
	if err != nil {
		return err
	}
	return b.replay(notes, name)
}

// Close ends commits and streams, and lets the list go. What was answered is on
// disk already. It may be called more than once.
func (p *Programme) Close() error {
	p.committing.Lock()
	defer p.committing.Unlock()
	if p.closed.Swap(true) {
		return nil
	}
	p.EndStreams()
	return p.files.close()
}

// Slots returns the slots of the list in its order, which nobody may change.
func (p *Programme) Slots() []Slot { return p.list.slots }

// Withheld reports whether a token is that of a slot that nobody has claimed: it
// may not authenticate yet. It costs one SHA-256 and a look-up.
func (p *Programme) Withheld(token string) bool {
	i, ok := p.index[hashToken(token)]
	return ok && !p.book.Load().states[i].sold
}

// Progress returns how far the programme is.
func (p *Programme) Progress() Progress { return p.book.Load().progress() }

// Claim gives a slot to a buyer: the one that he has, or the first that is free. Its token
// works once Claim returns, and the claim survives the loss of power.
//
// Invalid: the buyer has no name at all. Gone: all are claimed; where the buyer
// has a Session that is kept, too. Full and Uncertain: the disk failed; to ask
// again is safe. Closed. It costs a write of all claims, which those who claim
// at the same time share.
func (p *Programme) Claim(who Buyer) (Claimed, error) {
	if who.Customer == "" && who.Session == "" && who.Event == "" {
		return Claimed{}, sq.Errorf(sq.Invalid, "claim: there is neither a customer nor a payment")
	}
	var c Claimed
	var err error
	if failed := p.change(func(b *book) { c, err = b.claim(who, p.Usable, p.Now().UTC()) }); failed != nil {
		return Claimed{}, failed
	}
	if left := p.Progress().Remaining; err != nil && left > 0 {
		p.Logger.Error("founding slots are left that cannot be sold: their tokens are not those of their tenants any more", "slots", left)
	}
	return c, err
}

// Visit returns what there is to say to who comes back from a payment.
func (p *Programme) Visit(session string) Visit {
	b := p.book.Load()
	i, ok := b.sessions[session]
	switch {
	case !ok || session == "":
		return Visit{}
	case i == nowhere:
		return Visit{Known: true, Refused: true}
	}
	return Visit{Known: true, Shown: b.states[i].shown, Slot: b.slots[i].Number, Name: b.slots[i].Name}
}

// Show returns the slot of a payment, once: that it was shown is on disk when
// Show returns. NotFound: nobody heard of the payment, or it has no slot. Gone:
// it was shown before. Conflict: it does not work any more. Else as for Claim.
func (p *Programme) Show(session string) (s Slot, err error) {
	failed := p.change(func(b *book) {
		i, ok := b.sessions[session]
		switch {
		case !ok || i == nowhere || session == "":
			err = sq.Errorf(sq.NotFound, "there is no slot for this payment")
		case !b.states[i].shown.IsZero():
			err = sq.Errorf(sq.Gone, "the token was shown before")
		case !p.Usable(b.slots[i]):
			err = errStale(b.slots[i])
		default:
			s = b.slots[i]
			b.add(note{Kind: shown, Slot: s.Number, Name: s.Name, At: p.Now().UTC()}, i)
		}
	})
	if failed != nil {
		return Slot{}, failed
	}
	return s, err
}

// files are those of a programme.
type files struct {
	dir  vfs.FS
	name string
	lock io.Closer
	open bool         // others may read the list
	seen vfs.Identity // of the list, as we read or wrote it
}
