package testca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // key identifiers only, as RFC 5280 proposes
	"crypto/sha512"
	"crypto/x509"
	"io"
)

// keyKind is one of the kinds of keys; RSA sizes are their own kinds.
type keyKind int

const (
	keyP256 keyKind = iota
	keyP384
	keyP521
	keyEd25519
	keyRSA // and above: keyRSA + bits
)

// signer is a key together with the randomness that its signatures need.
type signer struct{ crypto.Signer }

// random is nil for keys that sign deterministically without it.
func (s signer) random() io.Reader {
	if _, ok := s.Signer.(*rsa.PrivateKey); ok {
		return rand.Reader
	}
	return nil
}

// mustSigner derives the key from the seed; RSA keys are random.
func (w world) mustSigner(kind keyKind, seed string) signer {
	sum := sha512.Sum512([]byte(seed))
	switch kind {
	case keyP256:
		return mustECDSA(elliptic.P256(), sum[:32])
	case keyP384:
		return mustECDSA(elliptic.P384(), sum[:48])
	case keyP521:
		return mustECDSA(elliptic.P521(), append([]byte{0, 1}, sum[:]...))
	case keyEd25519:
		return signer{ed25519.NewKeyFromSeed(sum[:32])}
	}
	return signer{w.rsa.mustGet(int(kind - keyRSA))}
}

func mustECDSA(curve elliptic.Curve, scalar []byte) signer {
	key, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	must(err)
	return signer{key}
}

// keyID is the SHA-1 of the public key's encoding.
func keyID(s signer) []byte {
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	must(err)
	sum := sha1.Sum(der)
	return sum[:]
}
