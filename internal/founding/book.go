package founding

import (
	"maps"
	"slices"
	"time"

	"github.com/wbic16/sq-go"
)

// note is a line of the claims: something that was promised.
type note struct {
	Kind     kind      `json:"kind"`
	Slot     int       `json:"slot,omitempty"`
	Name     string    `json:"name,omitempty"` // of the slot, so that claims of another list are noticed
	Email    string    `json:"email,omitempty"`
	Customer string    `json:"customer,omitempty"`
	Session  string    `json:"session,omitempty"`
	Event    string    `json:"event,omitempty"`
	At       time.Time `json:"at"`
}

// kind is what a note is about. They are described in the package comment.
type kind string

const (
	aClaim  kind = "claim"
	again   kind = "again"
	shown   kind = "shown"
	refused kind = "refused"
)

// nowhere stands for the index of a slot where a payment found none left.
const nowhere = -1

// book is what the notes come to. One that is in force never changes: a change
// is made to a copy.
type book struct {
	slots     []Slot // of the list; shared
	notes     []note
	states    []state // by index of the slot
	claimed   int
	customers map[string]int // the index of the slot of each
	sessions  map[string]int // or nowhere
	events    map[string]int // or nowhere
}

// state is that of a slot.
type state struct {
	sold  bool  // it is claimed, by the list or by a note
	claim *note // nil where only the list says so
	shown time.Time
}

func newBook(l *list) *book {
	b := &book{slots: l.slots, states: make([]state, len(l.slots)), customers: map[string]int{}, sessions: map[string]int{}, events: map[string]int{}}
	for i, sold := range l.sold {
		if b.states[i].sold = sold; sold {
			b.claimed++
		}
	}
	return b
}

// copy costs the number of slots and notes.
func (b *book) copy() *book {
	next := *b
	next.notes, next.states = slices.Clone(b.notes), slices.Clone(b.states)
	next.customers, next.sessions, next.events = maps.Clone(b.customers), maps.Clone(b.sessions), maps.Clone(b.events)
	return &next
}

// add takes a note in. The index is that of its slot, or nowhere.
func (b *book) add(n note, index int) {
	b.notes = append(b.notes, n)
	switch n.Kind {
	case aClaim:
		if s := &b.states[index]; !s.sold {
			s.sold = true
			b.claimed++
		}
		b.states[index].claim = &n
	case shown:
		b.states[index].shown = n.At
	}
	b.remember(n, index)
}

// remember has the names that Stripe gave lead to a slot.
func (b *book) remember(n note, index int) {
	if n.Customer != "" && index != nowhere {
		b.customers[n.Customer] = index
	}
	if n.Session != "" {
		b.sessions[n.Session] = index
	}
	if n.Event != "" {
		b.events[n.Event] = index
	}
}

// find returns the slot that a buyer has, or nowhere where his payment found
// none; false when he was not heard of. What a payment came to holds before what
// its customer has.
func (b *book) find(who Buyer) (index int, ok bool) {
	if index, ok = b.sessions[who.Session]; ok {
		return index, true
	}
	if index, ok = b.events[who.Event]; ok {
		return index, true
	}
	index, ok = b.customers[who.Customer]
	return index, ok
}

// knows reports whether nothing about a buyer is new.
func (b *book) knows(who Buyer) bool {
	_, session := b.sessions[who.Session]
	_, event := b.events[who.Event]
	return (session || who.Session == "") && (event || who.Event == "")
}

// free returns the first slot that nobody has and that usable accepts.
func (b *book) free(usable func(Slot) bool) (index int, ok bool) {
	for i := range b.slots {
		if !b.states[i].sold && usable(b.slots[i]) {
			return i, true
		}
	}
	return nowhere, false
}

func (b *book) progress() Progress { return newProgress(b.claimed, len(b.slots)) }

// errGone is what a buyer hears when there is nothing left.
var errGone = sq.Errorf(sq.Gone, "all founding slots are claimed")

// errStale is what is said in the place of a token that would not work.
func errStale(s Slot) error {
	return sq.Errorf(sq.Conflict, "slot %d is claimed, and its token was exchanged since, or its tenant %q disabled: the operator has what works now", s.Number, s.Name)
}

// claim gives a slot to a buyer, or the one that he has.
func (b *book) claim(who Buyer, usable func(Slot) bool, now time.Time) (Claimed, error) {
	index, known := b.find(who)
	if known {
		return b.claimAgain(who, index, usable, now)
	}
	index, ok := b.free(usable)
	if !ok {
		if who.Session != "" {
			b.add(who.note(refused, Slot{}, now), nowhere)
		}
		return Claimed{}, errGone
	}
	b.add(who.note(aClaim, b.slots[index], now), index)
	return Claimed{Slot: b.slots[index], New: true}, nil
}

// claimAgain is claim for a buyer who was heard of.
func (b *book) claimAgain(who Buyer, index int, usable func(Slot) bool, now time.Time) (Claimed, error) {
	if index == nowhere {
		if !b.knows(who) {
			b.add(who.note(refused, Slot{}, now), nowhere)
		}
		return Claimed{}, errGone
	}
	c := Claimed{Slot: b.slots[index]}
	_, heard := b.sessions[who.Session]
	c.Twice = who.Session != "" && !heard && b.paid(index)
	if !b.knows(who) {
		b.add(who.note(again, c.Slot, now), index)
	}
	if c.Stale = !usable(c.Slot); c.Stale {
		c.Token = ""
	}
	return c, nil
}

// paid reports whether a payment stands for a slot.
func (b *book) paid(index int) bool {
	for _, i := range b.sessions {
		if i == index {
			return true
		}
	}
	return false
}

func (who Buyer) note(k kind, s Slot, now time.Time) note {
	return note{k, s.Number, s.Name, who.Email, who.Customer, who.Session, who.Event, now}
}
