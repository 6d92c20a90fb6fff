package phext

// WhereChecksum infers a coordinate from the checksum of text: two of its hex
// digits, as ASCII bytes, make a component, modulo 999 and 1 for 0. The result is
// always writable.
func WhereChecksum(text []byte) Coordinate {
	var c Coordinate
	digits := Sum(text).String()
	for i := range Dimensions {
		n := (int(digits[2*i])*256 + int(digits[2*i+1])) % 999
		c = c.With(i, max(n, 1))
	}
	return c
}

// WhereXor infers a coordinate from the shape of a phext: First, with the
// coordinates of all scrolls of at least limit bytes XORed in, component by
// component. A component of the result may be 0 or past 999, up to MaxStored, so
// that it is not always a place for a scroll. The error is a *DimensionError.
func WhereXor(text []byte, limit int) (Coordinate, error) {
	c, s := First, NewScanner(text)
	for s.Next() {
		if s.Len() >= limit {
			c.hi ^= s.c.hi
			c.lo ^= s.c.lo
		}
	}
	if s.Err() != nil {
		return Coordinate{}, s.Err()
	}
	return c, nil
}
