package certificate

import (
	"crypto/x509"
	"log/slog"
	"time"
)

// Whoever renews a certificate has done so 14 days before its end. Those that live
// for days only are renewed later, so there it is a part of their life.
const (
	day           = 24 * time.Hour
	soon          = 14 * day
	verySoon      = 3 * day
	soonShare     = 3  // a third of a life, when that is less
	verySoonShare = 10 // a tenth of a life, when that is less
)

// ending warns of the end of certificates: once when it is soon, once when it is
// very soon, and once when it is there.
type ending struct {
	of   time.Time // the end that was warned of
	said stage
}

type stage int

const (
	far stage = iota
	near
	nearer
	over
)

// stageOf returns how near the end of a certificate is.
func stageOf(leaf *x509.Certificate, now time.Time) stage {
	life, left := leaf.NotAfter.Sub(leaf.NotBefore), leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		return over
	case left <= min(verySoon, life/verySoonShare):
		return nearer
	case left <= min(soon, life/soonShare):
		return near
	}
	return far
}

// warn says how near the end is, unless that was said.
func (e *ending) warn(leaf *x509.Certificate, log *slog.Logger) {
	if !e.of.Equal(leaf.NotAfter) {
		*e = ending{of: leaf.NotAfter}
	}
	s := stageOf(leaf, time.Now())
	if s <= e.said {
		return
	}
	e.said = s
	text := "the certificate ends soon and was not renewed"
	if s == over {
		text = "the certificate has ended: clients refuse it"
	}
	log.Warn(text, about(leaf)...)
}

// about returns what a log says of a certificate.
func about(leaf *x509.Certificate) []any {
	return []any{
		"names", leaf.DNSNames, "issuer", leaf.Issuer.String(),
		"serial", leaf.SerialNumber.Text(16), "ends", leaf.NotAfter.UTC().Format(time.RFC3339),
	}
}
