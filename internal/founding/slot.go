package founding

import (
	"crypto/sha256"
	"time"
)

// Slot is a tenant on the list.
type Slot struct {
	Number int    // as the list counts them, from 1
	Name   string // of the tenant
	Token  string // secret
}

// tokenHash is the SHA-256 of a token, by which slots are looked up.
type tokenHash [sha256.Size]byte

func hashToken(token string) tokenHash { return sha256.Sum256([]byte(token)) }

// Buyer is who claims a slot. Customer, Session and Event tell whether it was
// done before; at least one of them is needed.
type Buyer struct {
	Email    string
	Customer string // Stripe's name of the customer; may be empty
	Session  string // Stripe's name of the payment; may be empty
	Event    string // Stripe's name of the message about it; may be empty
}

// Claimed is what a buyer got.
type Claimed struct {
	Slot
	// New says that this claim gave the slot away. Otherwise the buyer has it
	// since before.
	New bool
	// Twice says that the buyer has paid another time for a slot he has.
	Twice bool
	// Stale says that the token of the list is not that of the tenant any more, or
	// that the tenant is disabled. Token is empty then.
	Stale bool
}

// Progress is how far the programme is.
type Progress struct {
	Claimed   int `json:"claimed"`
	Total     int `json:"total"`
	Remaining int `json:"remaining"`
	// Percentage is 0 to 100 with one decimal, rounded down: 100 means all.
	Percentage float64 `json:"percentage"`
}

func newProgress(claimed, total int) Progress {
	return Progress{claimed, total, total - claimed, float64(claimed*1000/total) / 10}
}

// Visit is what the page for a buyer has to say.
type Visit struct {
	Known   bool      // the payment has been heard of
	Refused bool      // it found no slot left
	Shown   time.Time // when the token was shown; zero: not yet
	Slot    int
	Name    string
}
