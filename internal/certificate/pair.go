package certificate

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// readPair returns the certificate of two files. Errors name the file and say what
// is wrong with it.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	chain, err := os.ReadFile(certFile)
	if err != nil {
		return nil, unreadable("certificate", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, unreadable("key of the certificate", err)
	}
	defer clear(key)
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q and key %q: %s", certFile, keyFile, reason(chain, key, err))
	}
	return &pair, nil
}

func unreadable(what string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("the %s %q cannot be read: %w", what, at.Path, at.Err)
	}
	return fmt.Errorf("the %s cannot be read: %w", what, err)
}

// reason says what is wrong with a pair, for the mistakes that people make.
func reason(chain, key []byte, err error) string {
	hasKey, hasCertificate := hasBlock(chain, "PRIVATE KEY"), hasBlock(key, "CERTIFICATE")
	switch {
	case !hasBlock(chain, "CERTIFICATE") && hasKey && hasCertificate:
		return "they are each other's: exchange the two"
	case !hasBlock(chain, "CERTIFICATE"):
		return "the first holds no certificate; a PEM file with BEGIN CERTIFICATE is wanted"
	case hasBlock(key, "ENCRYPTED PRIVATE KEY") || bytes.Contains(key, []byte("Proc-Type: 4,ENCRYPTED")):
		return "the key is encrypted, and a server cannot ask for its passphrase; openssl pkey writes one that is not"
	case !hasBlock(key, "PRIVATE KEY"):
		return "the second holds no key; a PEM file with BEGIN PRIVATE KEY is wanted"
	case strings.Contains(err.Error(), "does not match"):
		return "the key is that of another certificate"
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}

// hasBlock reports whether a PEM file has a block whose type ends in kind.
func hasBlock(text []byte, kind string) bool {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
	}
}

// look is what two files look like from outside.
type look struct{ cert, key fs.FileInfo }

// lookAt looks at what the names lead to, links followed.
func lookAt(certFile, keyFile string) (l look, err error) {
	if l.cert, err = os.Stat(certFile); err != nil {
		return look{}, unreadable("certificate", err)
	}
	if l.key, err = os.Stat(keyFile); err != nil {
		return look{}, unreadable("key of the certificate", err)
	}
	return l, nil
}

// same reports whether two looks found the same content, as far as that can be
// told without reading it.
func (l look) same(other look) bool { return same(l.cert, other.cert) && same(l.key, other.key) }

func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
