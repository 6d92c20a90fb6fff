package api

import (
	"fmt"
	"strconv"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// where infers a coordinate from a text.
func (c *call) where() error {
	limit, err := c.query.limit.orNumber(100)
	if err != nil {
		return err
	}
	text, _, err := c.text()
	if err != nil {
		return err
	}
	algo := "xor"
	if c.query.algo.given {
		algo = c.query.algo.value
	}
	at, err := infer(algo, text, limit)
	if err != nil {
		return err
	}
	return c.sendLine(fmt.Sprintf("Calculated coordinate %v for input (algo=%s, limit=%d).", at, algo, limit))
}

func infer(algo string, text []byte, limit int) (phext.Coordinate, error) {
	switch algo {
	case "xor":
		at, err := phext.WhereXor(text, limit)
		if err != nil {
			return at, sq.Errorf(sq.Invalid, "text: %v", err)
		}
		return at, nil
	case "checksum":
		return phext.WhereChecksum(text), nil
	}
	return phext.Coordinate{}, sq.Errorf(sq.Invalid, "algo: is %q, want xor or checksum", algo)
}

// orNumber returns the parameter as a number from 0 up, or another when it was
// not given.
func (p param) orNumber(otherwise int) (int, error) {
	if !p.given {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(p.value, 10, 31)
	if err != nil {
		return 0, sq.Errorf(sq.Invalid, "limit: is %q, want a whole number from 0 up", p.value)
	}
	return int(n), nil
}
