package mcp

import (
	"strconv"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// checkVerbatim refuses arguments in which there is half a character. A decoder of
// JSON puts another in its place, and what is written would not be what was sent.
func checkVerbatim(arguments []byte) error {
	if !utf8.Valid(arguments) {
		return sq.Errorf(sq.Invalid, "the arguments are not UTF-8; nothing was done")
	}
	for i := 0; i < len(arguments); i++ {
		if arguments[i] != '\\' {
			continue
		}
		i++ // what follows is of the escape
		unit := escaped(arguments, i)
		switch {
		case 0xDC00 <= unit && unit <= 0xDFFF:
			return halfCharacter(unit)
		case 0xD800 <= unit && unit <= 0xDBFF:
			if low := escaped(arguments, i+6); i+5 >= len(arguments) || arguments[i+5] != '\\' || low < 0xDC00 || low > 0xDFFF {
				return halfCharacter(unit)
			}
			i += 10
		}
	}
	return nil
}

func halfCharacter(unit uint64) error {
	return sq.Errorf(sq.Invalid, `the arguments have \u%04x, half of a character, without the other half; nothing was done`, unit)
}

// escaped returns the number of an escape whose u stands at i; 0 when there is none.
func escaped(text []byte, i int) uint64 {
	if i+5 > len(text) || text[i] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16)
	if err != nil {
		return 0
	}
	return n
}
