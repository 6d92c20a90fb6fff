// Package configfile reads the files that people configure a server with: JSON,
// with line and column for each mistake.
//
//   - A Reader reads a text step by step and knows where each step is.
//   - Text, Flag and Kind understand values, Unknown a field that there is not.
//   - A Watcher tells when a file has changed.
//
// A configuration holds secrets, and one in the wrong place is still one: no error
// of this package repeats a value, nor a field that could be a token.
package configfile
