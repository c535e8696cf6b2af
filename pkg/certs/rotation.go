package certs

import (
	"bytes"
	"crypto/x509"
	"time"
)

// Shares of a lifetime. istio-agent renews a workload's certificate at half of it, give or take a
// jitter (SECRET_GRACE_PERIOD_RATIO, security/pkg/nodeagent/cache).
const (
	// RenewalDue is the share past which it has not done so.
	RenewalDue = 0.55
	// RenewalLate is the share past which it will hardly do so any more.
	RenewalLate = 0.75
	// OtherLate is the share at which a certificate of another kind is near its end.
	OtherLate = 0.9
)

// CANotice is how long before its end people should know of a CA's certificate, which they renew
// themselves.
const CANotice = 30 * 24 * time.Hour

// HangsOn reports whether root signed the last certificate of the chain, or is it.
func (c Chain) HangsOn(root *x509.Certificate) bool {
	if len(c) == 0 {
		return false
	}
	last := c[len(c)-1]
	return last.Equal(root) || bytes.Equal(last.RawIssuer, root.RawSubject) &&
		root.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) == nil
}
