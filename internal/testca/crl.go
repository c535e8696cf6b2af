package testca

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"time"
)

// CRLOption changes one thing of a revocation list.
type CRLOption func(*crlSpec)

type crlSpec struct {
	x509.RevocationList
	broken bool
}

// CRL is a revocation list of the CA in PEM, in force at the moment for which
// the CA was made. It revokes nothing unless an option says so.
func (c *CA) CRL(opts ...CRLOption) []byte {
	at := c.world.at.UTC().Truncate(time.Second)
	s := &crlSpec{RevocationList: x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at.Add(-time.Hour), NextUpdate: at.Add(24 * time.Hour)}}
	for _, o := range opts {
		o(s)
	}
	issuer := *c.Certificate
	issuer.KeyUsage |= x509.KeyUsageCRLSign // crypto/x509 insists
	der, err := x509.CreateRevocationList(c.signer.random(), &s.RevocationList, &issuer, c.signer)
	must(err)
	if s.broken {
		der[len(der)-1] ^= 1
	}
	var b bytes.Buffer
	must(pem.Encode(&b, &pem.Block{Type: "X509 CRL", Bytes: der}))
	return b.Bytes()
}

// Revoke names certificates on the list.
func Revoke(list ...*x509.Certificate) CRLOption {
	return func(s *crlSpec) {
		for _, c := range list {
			s.RevokedCertificateEntries = append(s.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: s.ThisUpdate})
		}
	}
}

// InForce sets the dates of a list.
func InForce(from, to time.Time) CRLOption {
	return func(s *crlSpec) { s.ThisUpdate, s.NextUpdate = from.UTC(), to.UTC() }
}

// BadCRLSignature breaks the signature of a list.
func BadCRLSignature() CRLOption { return func(s *crlSpec) { s.broken = true } }

// CRLExtension adds any extension to a list.
func CRLExtension(e pkix.Extension) CRLOption {
	return func(s *crlSpec) { s.ExtraExtensions = append(s.ExtraExtensions, e) }
}

// CriticalEntry gives every entry of a list so far a critical extension.
func CriticalEntry() CRLOption {
	return func(s *crlSpec) {
		for i := range s.RevokedCertificateEntries {
			e := &s.RevokedCertificateEntries[i]
			e.ExtraExtensions = append(e.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}})
		}
	}
}
