package sq

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/wbic16/sq-go/phext"
)

// Store holds one tenant's phexts. Goroutines may share it. Every error has a
// Code; Closed is possible everywhere and is not repeated below.
type Store interface {
	// List returns the phexts there are, sorted by name.
	List(ctx context.Context) ([]PhextName, error)

	// Snapshot returns the newest state of a phext, of which no crash can undo what
	// Apply promises. A
	// phext that does not exist gives a snapshot that is empty and whose Exists
	// is false; nothing is created. A phext that cannot be read gives a snapshot
	// whose Err is Unreadable. The caller closes it. Writers are not held up.
	Snapshot(ctx context.Context, name PhextName) (Snapshot, error)

	// Apply carries out a batch: all of it or none. When it returns nil the batch
	// survives the loss of power; an engine may offer stores that keep this promise
	// a little later, and say so. The results are those of the operations, in
	// their order. A batch that changes nothing writes nothing; any other creates
	// the phext where there is none.
	//
	// Where one operation of several is the reason, the error has an *OpError.
	// Precondition: a Condition did not hold. Invalid: an operation makes no sense.
	// Conflict: no place is left for an append-next, or the name differs only in
	// case from another on a file system that folds case. Full: no room. In all
	// of these nothing was done. Unreadable: the phext cannot be read, and is left
	// as it is. Uncertain: the disk failed, and the batch is there or not, but not
	// in part; later batches are refused until the disk works again. A context
	// that ends while the batch waits also leaves it there or not.
	Apply(ctx context.Context, name PhextName, batch Batch) ([]Result, error)

	// Replace makes the phext hold what r has, which is read to its end as a
	// phext. Errors as for Apply; Invalid when it is none.
	Replace(ctx context.Context, name PhextName, r io.Reader) error

	// Drop removes a phext; the engine keeps a copy for a while. NotFound when
	// there is none.
	Drop(ctx context.Context, name PhextName) error

	// Watch yields the changes under a pattern that come after a position, in
	// order and without a gap, until ctx ends (which is no error) or an error is
	// yielded. The zero Position means from now on. When the changes since the
	// position are not kept any more, the first Change is a Reset.
	Watch(ctx context.Context, name PhextName, under phext.Pattern, after Position) iter.Seq2[Change, error]

	// Refresh looks at the phext's place again, so that what others wrote there
	// before the call is seen by every Snapshot after it.
	Refresh(ctx context.Context, name PhextName) error

	// Close ends all work and waits for it. Nothing that was answered is lost.
	Close() error
}

// Snapshot is one moment of one phext. It never changes, and goroutines may
// share it until it is closed. Reading its texts may fail with Busy when someone
// else writes to the file under it: take another snapshot then.
type Snapshot interface {
	// Exists reports whether there is such a phext.
	Exists() bool
	// Err is nil, or Unreadable and says why. Then Get and Scan return it, the
	// numbers are zero, and WriteTo writes the bytes as they are.
	Err() error
	// Position is the moment, as Watch counts it.
	Position() Position
	// Scrolls is the number of scrolls. No cost.
	Scrolls() int
	// Size is the number of bytes of the normal form. No cost.
	Size() int64

	// Has reports whether there is a scroll, and the bytes of its text. It costs
	// a look-up in memory.
	Has(c phext.Coordinate) (size int64, ok bool)
	// Get appends the text of a scroll to dst, which may be nil, and returns all;
	// false when there is none. It costs a look-up and one read for each piece the
	// text was written in.
	Get(dst []byte, c phext.Coordinate) ([]byte, bool, error)
	// Scan yields the scrolls from one coordinate to another, both included, in
	// order. The text is valid until the next step and must not be changed.
	// Memory does not grow with the phext.
	Scan(from, to phext.Coordinate) iter.Seq2[Scroll, error]
	// WriteTo writes the normal form. Memory does not grow with the phext.
	WriteTo(w io.Writer) (int64, error)
	// Checksum is the checksum of the normal form. It reads the whole phext once
	// for each state.
	Checksum() (phext.Checksum, error)

	// Close lets the snapshot go. It may be called more than once.
	Close()
}

// Scroll is a scroll as Scan yields it.
type Scroll struct {
	Coordinate phext.Coordinate
	Text       []byte
}

// Kind is what an operation does.
type Kind uint8

// The kinds.
const (
	Put        Kind = iota + 1 // replace the text; an empty text removes the scroll
	Append                     // add to the end of the text
	Delete                     // remove the scroll
	AppendNext                 // put the text behind the last scroll of the section
)

// String returns the name of the kind: put, append, delete, append-next.
func (k Kind) String() string {
	switch k {
	case Put:
		return "put"
	case Append:
		return "append"
	case Delete:
		return "delete"
	case AppendNext:
		return "append-next"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Op is one operation of a batch.
type Op struct {
	Kind       Kind
	Coordinate phext.Coordinate
	Text       []byte // not for Delete; must not be changed until Apply returned
	If         Condition
}

// Check returns an Invalid error when the operation makes no sense by itself:
// a coordinate that cannot be written, a text with a delimiter or broken UTF-8
// (with its offset), an empty text for AppendNext, a Delete where nothing can stand.
func (o Op) Check() error {
	if o.Kind == Delete {
		return o.checkDelete()
	}
	if o.Kind < Put || o.Kind > AppendNext {
		return Errorf(Invalid, "operation: there is no %v", o.Kind)
	}
	if err := o.Coordinate.Writable(); err != nil {
		return Errorf(Invalid, "%v", err)
	}
	if o.Kind == AppendNext && len(o.Text) == 0 {
		return Errorf(Invalid, "append: the text is empty")
	}
	if err := phext.CheckText(o.Text); err != nil {
		return Errorf(Invalid, "%v", err)
	}
	return nil
}

// checkDelete lets pass what a file may have and nobody may write.
func (o Op) checkDelete() error {
	for i := range phext.Dimensions {
		if o.Coordinate.Component(i) == 0 {
			return Errorf(Invalid, "coordinate %v: a component is 0", o.Coordinate)
		}
	}
	return nil
}

// Batch is a list of operations on one phext. Later ones see what earlier ones
// did.
type Batch []Op

// Condition is what must hold of the scroll before an operation. The zero
// Condition always holds.
type Condition struct {
	want    conditionKind
	matches phext.Checksum
}

type conditionKind uint8

const (
	always conditionKind = iota
	exists
	absent
	matches
)

// IfExists holds where there is a scroll, IfAbsent where there is none.
var (
	IfExists = Condition{want: exists}
	IfAbsent = Condition{want: absent}
)

// IfMatches holds where the checksum of the scroll's text is sum.
func IfMatches(sum phext.Checksum) Condition { return Condition{want: matches, matches: sum} }

// Always reports whether the condition holds everywhere.
func (c Condition) Always() bool { return c.want == always }

// Tags returns the condition as the headers If-Match and If-None-Match say it,
// without quotes: "*" or a checksum, and "" for what is not asked for.
func (c Condition) Tags() (match, none string) {
	switch c.want {
	case exists:
		return "*", ""
	case absent:
		return "", "*"
	case matches:
		return c.matches.String(), ""
	}
	return "", ""
}

// Holds reports whether the condition holds of a scroll. The checksum is asked
// for only where it matters.
func (c Condition) Holds(there bool, sum func() (phext.Checksum, error)) (bool, error) {
	switch c.want {
	case exists:
		return there, nil
	case absent:
		return !there, nil
	case matches:
		if !there {
			return false, nil
		}
		got, err := sum()
		return err == nil && got == c.matches, err
	}
	return true, nil
}

// Result is what an operation did.
type Result struct {
	Coordinate phext.Coordinate // where; for AppendNext the place that was found
	Before     int64            // bytes of the text before
	After      int64            // bytes of the text afterwards
}

// Position is a moment in the life of a phext. Sequences are comparable within
// an epoch only; a new epoch begins when the phext is opened again.
type Position struct {
	Epoch    uint64
	Sequence uint64
}

// String returns the position as EPOCH-SEQUENCE, the epoch in 16 hex digits.
func (p Position) String() string { return fmt.Sprintf("%016x-%d", p.Epoch, p.Sequence) }

// ParsePosition is the inverse of Position.String.
func ParsePosition(s string) (Position, error) {
	epoch, sequence, ok := strings.Cut(s, "-")
	e, err1 := strconv.ParseUint(epoch, 16, 64)
	n, err2 := strconv.ParseUint(sequence, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return Position{}, Errorf(Invalid, "position %q: want EPOCH-SEQUENCE", s)
	}
	return Position{e, n}, nil
}

// ChangeKind is what happened to a scroll.
type ChangeKind string

// The kinds of change. Reset says that changes were missed: read anew.
const (
	Inserted ChangeKind = "insert"
	Updated  ChangeKind = "update"
	Deleted  ChangeKind = "delete"
	Reset    ChangeKind = "reset"
)

// Change is what a batch, or an edit of the file by others, did to one scroll.
// Changes of one batch have one position.
type Change struct {
	Position   Position
	Kind       ChangeKind
	Coordinate phext.Coordinate
	Bytes      int64          // of the text that was written
	Checksum   phext.Checksum // of the text that was written
	// More says that another change of the same batch follows. Who leaves here and
	// wants to go on without a gap goes on from the batch before.
	More bool
}
