//go:build race

package sweep

// Step is how far apart the places are that a sweep tries.
const Step = 7
