// Package certificate holds the certificate that a server shows, and sees to it
// that the one in force is the newest.
//
//   - Files: a certificate and its key in two files that somebody renews. They are
//     read again when they have changed, and when asked to.
//   - Authority: certificates that an ACME authority such as Let's Encrypt makes
//     for names that lead to this server.
//
// Both give a configuration of TLS that asks them at each handshake, so that a
// renewal disturbs no connection; both say when what they hold ends, and warn of
// it in the log. Goroutines may share them.
//
// No key is ever logged or in an error.
package certificate
