package testca

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
)

// Leaf is a workload's certificate with what it sends behind it.
type Leaf struct {
	Chain []*x509.Certificate // the leaf first
	Key   crypto.Signer
}

// Certificate is the leaf itself.
func (l *Leaf) Certificate() *x509.Certificate { return l.Chain[0] }

// PEM is the chain as in certificate_chain.
func (l *Leaf) PEM() []byte { return PEM(l.Chain...) }

// DER is the chain, one certificate behind the other.
func (l *Leaf) DER() []byte {
	var all []byte
	for _, c := range l.Chain {
		all = append(all, c.Raw...)
	}
	return all
}

// KeyPEM is the private key in PKCS #8, for tests that no key gets through.
func (l *Leaf) KeyPEM() []byte {
	key := l.Key
	if s, ok := key.(signer); ok {
		key = s.Signer
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// TLS is the chain with its key, ready for crypto/tls.
func (l *Leaf) TLS() tls.Certificate {
	cert := tls.Certificate{PrivateKey: l.Key, Leaf: l.Chain[0]}
	for _, c := range l.Chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert
}

// PEM encodes certificates one behind the other.
func PEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		must(pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}
