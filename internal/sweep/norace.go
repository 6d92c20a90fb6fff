//go:build !race

// Package sweep says how closely tests look that try the same at every place: at
// each byte, each bit, each file operation. The race detector makes each try four to
// fifteen times as long and finds at one place what it finds at the next, so with it
// they try the places that are Step apart. make test then runs them once more
// without it, where Step is one: all places. Their names have Every or Sweep in them,
// or are in the Makefile.
package sweep

// Step is how far apart the places are that a sweep tries.
const Step = 1
