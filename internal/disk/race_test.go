//go:build race

package disk

// sweepStep is which of the places of a sweep are tried: those that are this far apart. The
// race detector makes each take four times as long; make test tries all without it.
const sweepStep = 7
