package founding

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
)

// The columns that a list needs.
const (
	slotColumn   = "slot"
	tokenColumn  = "token"
	nameColumn   = "name"
	statusColumn = "status"
	timeColumn   = "purchased_at"
	emailColumn  = "customer_email"
)

var columns = []string{slotColumn, tokenColumn, nameColumn, statusColumn, timeColumn, emailColumn}

// The values of the column status. Others that mean the same are read, too.
const (
	available = "available"
	claimed   = "claimed"
)

var statuses = map[string]string{
	"": available, available: available, "unclaimed": available, "unsold": available, "free": available, "open": available,
	claimed: claimed, "sold": claimed, "purchased": claimed, "paid": claimed, "assigned": claimed, "active": claimed, "reserved": claimed,
}

// list is the CSV file as it was read.
type list struct {
	header []string
	column map[string]int
	rows   [][]string // as they stand in the file
	slots  []Slot
	sold   []bool // by index: the file calls the slot claimed
}

// listReader reads a list and knows where it is.
type listReader struct {
	*csv.Reader
	file string
	list
	numbers map[int]int       // the line of each slot
	tokens  map[tokenHash]int // of each token
	names   map[string]int    // of each name
}

// parseList reads a list. Errors are Invalid and tell file, line and column; no
// token is repeated in them.
func parseList(text []byte, file string) (*list, error) {
	const byteOrderMark = "\ufeff"
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte(byteOrderMark))))
	r := &listReader{Reader: in, file: file, numbers: map[int]int{}, tokens: map[tokenHash]int{}, names: map[string]int{}}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, r.syntax(err)
		}
		if err := r.take(row); err != nil {
			return nil, err
		}
	}
	if len(r.slots) == 0 {
		return nil, sq.Errorf(sq.Invalid, "%s: has no slots; sq tenants generate makes some", file)
	}
	return &r.list, nil
}

func (r *listReader) readHeader() (err error) {
	r.header, err = r.Read()
	if err == io.EOF {
		return sq.Errorf(sq.Invalid, "%s: is empty; the first line is %s", r.file, strings.Join(columns, ","))
	}
	if err != nil {
		return r.syntax(err)
	}
	r.column = map[string]int{}
	for i, title := range r.header {
		title = strings.ToLower(strings.TrimSpace(title))
		if _, ok := r.column[title]; ok {
			return r.errorf(i, "the column %q stands twice", title)
		}
		r.column[title] = i
	}
	for _, want := range columns {
		if _, ok := r.column[want]; !ok {
			return r.errorf(0, "the first line names no column %q; it needs %s", want, strings.Join(columns, ","))
		}
	}
	return nil
}

// errorf returns an error about a field of the line that was read last.
func (r *listReader) errorf(field int, format string, args ...any) error {
	line, column := r.FieldPos(field)
	return sq.Errorf(sq.Invalid, "%s:%d:%d: %s", r.file, line, column, fmt.Sprintf(format, args...))
}

// syntax returns what encoding/csv says about a broken line.
func (r *listReader) syntax(err error) error {
	var e *csv.ParseError
	if !errors.As(err, &e) {
		return err
	}
	if errors.Is(e, csv.ErrFieldCount) {
		return sq.Errorf(sq.Invalid, "%s:%d:1: the line has another number of fields than the first, %d", r.file, e.Line, len(r.header))
	}
	return sq.Errorf(sq.Invalid, "%s:%d:%d: %v", r.file, e.Line, e.Column, e.Err)
}

// take checks a line and adds its slot.
func (r *listReader) take(row []string) error {
	field := func(title string) (int, string) { i := r.column[title]; return i, strings.TrimSpace(row[i]) }
	at, text := field(slotColumn)
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return r.errorf(at, "the slot is %q; want a number from 1", text)
	}
	if err := once(r, at, r.numbers, number, "the slot"); err != nil {
		return err
	}
	at, token := field(tokenColumn)
	if token == "" || strings.HasPrefix(token, "sha256:") {
		return r.errorf(at, "the token of slot %d is missing or a hash; buyers are shown the token itself", number)
	}
	if err := once(r, at, r.tokens, hashToken(token), "the token"); err != nil {
		return err
	}
	at, name := field(nameColumn)
	if name == "" {
		return r.errorf(at, "the name of slot %d is missing", number)
	}
	if err := once(r, at, r.names, name, "the name"); err != nil {
		return err
	}
	at, status := field(statusColumn)
	meaning, ok := statuses[strings.ToLower(status)]
	if !ok {
		return r.errorf(at, "the status is %q; want %s or %s", status, available, claimed)
	}
	r.rows = append(r.rows, row)
	r.slots = append(r.slots, Slot{number, name, token})
	r.sold = append(r.sold, meaning == claimed)
	return nil
}

// once refuses what an earlier line has, too.
func once[K comparable](r *listReader, at int, seen map[K]int, key K, what string) error {
	line, _ := r.FieldPos(at)
	if first, ok := seen[key]; ok {
		return r.errorf(at, "%s stands twice, first on line %d", what, first)
	}
	seen[key] = line
	return nil
}

// asText returns what a spreadsheet takes for text: a buyer chooses his address, and
// one such as =1+1@example.com would be worked out where the list is opened. The claims
// have it as it is.
func asText(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// format returns the list with the claims in it.
func (l *list) format(b *book) []byte {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.Write(l.header) // to memory: an error shows at Flush, and cannot happen
	for i, row := range l.rows {
		if c := b.states[i].claim; c != nil {
			row = append([]string(nil), row...)
			row[l.column[statusColumn]] = claimed
			row[l.column[timeColumn]] = c.At.UTC().Format(time.RFC3339)
			row[l.column[emailColumn]] = asText(c.Email)
		}
		w.Write(row)
	}
	w.Flush()
	return text.Bytes()
}
