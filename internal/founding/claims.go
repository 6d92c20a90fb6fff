package founding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/wbic16/sq-go"
)

// end is the last line of the claims. A file without it was cut.
type end struct {
	Kind  kind   `json:"kind"`
	Lines int    `json:"lines"`
	CRC   string `json:"crc32c"`
}

const endKind kind = "end"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(text []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) }

// format returns the file of claims.
func (b *book) format() ([]byte, error) {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, n := range b.notes {
		if err := lines.Encode(n); err != nil {
			return nil, err
		}
	}
	err := lines.Encode(end{endKind, len(b.notes), checksum(text.Bytes())})
	return text.Bytes(), err
}

// parseClaims reads the file of claims. Errors are Unreadable: where a claim may
// be lost, no slot is given away before somebody has looked.
func parseClaims(text []byte, file string) ([]note, error) {
	body, err := checkEnd(text)
	if err != nil {
		return nil, sq.Errorf(sq.Unreadable, "%s: %v; put it back from a backup, or move it away: what the list calls claimed stays claimed", file, err)
	}
	var notes []note
	for line := range bytes.Lines(body) {
		var n note
		in := json.NewDecoder(bytes.NewReader(line))
		in.DisallowUnknownFields() // a later version wrote it: what it promised is not passed over
		if err := in.Decode(&n); err != nil {
			return nil, sq.Errorf(sq.Unreadable, "%s:%d: %v", file, len(notes)+1, err)
		}
		notes = append(notes, n)
	}
	return notes, nil
}

// checkEnd returns what stands before the last line, if that agrees.
func checkEnd(text []byte) (body []byte, err error) {
	trimmed, whole := bytes.CutSuffix(text, []byte("\n"))
	at := bytes.LastIndexByte(trimmed, '\n') + 1
	var e end
	if !whole || json.Unmarshal(trimmed[at:], &e) != nil || e.Kind != endKind {
		return nil, fmt.Errorf("the last line, which has the checksum, is missing")
	}
	body = text[:at]
	if lines := bytes.Count(body, []byte("\n")); lines != e.Lines {
		return nil, fmt.Errorf("there are %d lines and %d are promised", lines, e.Lines)
	}
	if sum := checksum(body); sum != e.CRC {
		return nil, fmt.Errorf("the checksum is %s and %s is promised: the file is damaged, or was edited", sum, e.CRC)
	}
	return body, nil
}

// replay takes in the notes of a file.
func (b *book) replay(notes []note, file string) error {
	byNumber := make(map[int]int, len(b.slots))
	for i, s := range b.slots {
		byNumber[s.Number] = i
	}
	for i, n := range notes {
		index, err := b.place(n, byNumber)
		if err != nil {
			return sq.Errorf(sq.Unreadable, "%s:%d: %v", file, i+1, err)
		}
		b.add(n, index)
	}
	return nil
}

// place returns the index of the slot that a note is about, if it can be.
func (b *book) place(n note, byNumber map[int]int) (index int, err error) {
	switch n.Kind {
	case refused:
		return nowhere, nil
	case aClaim, again, shown:
	default:
		return 0, fmt.Errorf("there is no kind %q; a newer sq may know it", n.Kind)
	}
	index, ok := byNumber[n.Slot]
	if !ok || b.slots[index].Name != n.Name {
		return 0, fmt.Errorf("slot %d of %q is not on the list; these are claims of another list: move them away", n.Slot, n.Name)
	}
	if had := b.states[index].claim != nil; had == (n.Kind == aClaim) {
		return 0, fmt.Errorf("slot %d: %q makes no sense here", n.Slot, n.Kind)
	}
	return index, nil
}
