package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
)

// issued tells whether issuer may have issued subject by name, authority key
// identifier and key usage; the signature comes later (X509_check_issued in
// crypto/x509/v3_purp.cc of BoringSSL).
func issued(issuer, subject *x509.Certificate) bool {
	return sameName(issuer.RawSubject, subject.RawIssuer) &&
		readAuthorityKeyID(subject.Extensions).mismatch(issuer) == "" && allows(issuer, x509.KeyUsageCertSign)
}

// selfIssued: subject and issuer are one name (EXFLAG_SI).
func selfIssued(c *x509.Certificate) bool { return sameName(c.RawSubject, c.RawIssuer) }

// selfSigned: self-issued and nothing speaks against it (EXFLAG_SS). BoringSSL
// does not check the signature for this, nor does it ever.
func selfSigned(c *x509.Certificate) bool { return issued(c, c) }

// allows tells whether the key usage permits at least one of the given uses. A
// certificate without the extension permits all.
func allows(c *x509.Certificate, uses x509.KeyUsage) bool {
	return !hasKeyUsage(c) || c.KeyUsage&uses != 0
}

func hasKeyUsage(c *x509.Certificate) bool { return extension(c, oidKeyUsage) != nil }

// authorityKeyID is RFC 5280's AuthorityKeyIdentifier.
type authorityKeyID struct {
	keyID  []byte
	issuer []byte // the first directory name among the issuer's names
	serial *big.Int
}

func readAuthorityKeyID(list []pkix.Extension) authorityKeyID {
	var aki authorityKeyID
	for _, v := range elements(findExtension(list, oidAuthorityKeyID)) {
		switch v.Tag {
		case 0:
			aki.keyID = v.Bytes
		case 1:
			aki.issuer = firstDirectoryName(v.Bytes)
		case 2:
			aki.serial = new(big.Int).SetBytes(v.Bytes)
		}
	}
	return aki
}

func firstDirectoryName(der []byte) []byte {
	for _, v := range members(der) {
		if v.Tag == tagDirectory {
			return v.Bytes
		}
	}
	return nil
}

// mismatch says in what the identifier contradicts an issuer, "" if in nothing
// (X509_check_akid).
func (aki authorityKeyID) mismatch(issuer *x509.Certificate) string {
	switch {
	case aki.keyID != nil && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(aki.keyID, issuer.SubjectKeyId):
		return "key identifier"
	case aki.serial != nil && aki.serial.Cmp(issuer.SerialNumber) != 0:
		return "serial number"
	case aki.issuer != nil && !sameName(aki.issuer, issuer.RawIssuer):
		return "issuer"
	}
	return ""
}
