package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// revocationText is what Envoy says in front of some of BoringSSL's words
// (Utility::getX509VerificationErrorInfo in source/common/tls/utility.cc).
const revocationText = "certificate revocation check against provided CRLs failed: "

// revocation is what a verifier demands to know of revoked certificates.
type revocation struct {
	crl      *CRL // nil: nothing
	leafOnly bool // X509_V_FLAG_CRL_CHECK without CRL_CHECK_ALL
}

// checkRevocation is check_revocation: each certificate of the path, the
// anchor included, needs a list of its issuer.
func (v verifier) checkRevocation(p path) *VerifyError {
	if v.revocation.crl == nil {
		return nil
	}
	for depth, c := range p.certs {
		if depth > 0 && v.revocation.leafOnly {
			break
		}
		found := v.listFor(p, depth)
		if found.list == nil {
			return fail(NoCRL, c, depth, revocationText+"unable to get certificate CRL", fmt.Sprintf("there is no revocation list of its issuer %q", c.Issuer))
		}
		if failure := v.checkList(found, c, depth); failure != nil {
			return failure
		}
		if slices.ContainsFunc(found.list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(c.SerialNumber) == 0 }) {
			return fail(Revoked, c, depth, revocationText+"certificate revoked", fmt.Sprintf("the revocation list of %q of %s revokes it", c.Issuer, stamp(found.list.ThisUpdate)))
		}
	}
	return nil
}

// crlMatch is a list with the certificate that is to have signed it, and what
// speaks for the list.
type crlMatch struct {
	list                      *x509.RevocationList
	signer                    *x509.Certificate
	handled, inScope, current bool
	direct                    bool // the signer is the certificate's own issuer
}

// score weighs as BoringSSL's CRL_SCORE_* do.
func (m crlMatch) score() (n int) {
	for _, ok := range []bool{m.handled, m.inScope, m.current, m.direct} {
		n *= 2
		if ok {
			n++
		}
	}
	return n
}

// listFor is get_crl: the best list of the certificate's issuer, the newest of
// equals.
func (v verifier) listFor(p path, depth int) (best crlMatch) {
	for _, list := range v.revocation.crl.lists {
		m := v.match(list, p, depth)
		switch {
		case m.list == nil:
		case best.list == nil, m.score() > best.score(),
			m.score() == best.score() && list.ThisUpdate.After(best.list.ThisUpdate):
			best = m
		}
	}
	return best
}

// match is get_crl_score: without a list if that one is not for the
// certificate.
func (v verifier) match(list *x509.RevocationList, p path, depth int) crlMatch {
	c, scope := p.certs[depth], scopeOf(list)
	if scope.partial || !sameName(c.RawIssuer, list.RawIssuer) {
		return crlMatch{}
	}
	m := crlMatch{list: list, handled: handlesCritical(list), inScope: scope.holds(c), current: v.staleCRL(list) == ""}
	m.signer, m.direct = signerOf(list, p.certs[min(depth+1, len(p.certs)-1):])
	if m.signer == nil {
		return crlMatch{}
	}
	return m
}

// signerOf is crl_akid_check: the certificate's issuer, or one above it that
// bears the list's name.
func signerOf(list *x509.RevocationList, above []*x509.Certificate) (signer *x509.Certificate, direct bool) {
	aki := readAuthorityKeyID(list.Extensions)
	for i, c := range above {
		if (i == 0 || sameName(c.RawSubject, list.RawIssuer)) && aki.mismatch(c) == "" {
			return c, i == 0
		}
	}
	return nil, false
}

// checkList is check_crl, and of cert_crl what concerns the list.
func (v verifier) checkList(m crlMatch, c *x509.Certificate, depth int) *VerifyError {
	bad := func(text, detail string) *VerifyError {
		return fail(BadCRL, c, depth, text, fmt.Sprintf("the revocation list of its issuer %q %s", c.Issuer, detail))
	}
	switch stale := v.staleCRL(m.list); {
	case !allows(m.signer, x509.KeyUsageCRLSign):
		return bad("key usage does not include CRL signing", "is signed by a certificate whose key usage does not allow that")
	case !m.inScope:
		return bad("Different CRL scope", "is for other certificates (issuing distribution point)")
	case stale != "":
		return bad(revocationText+stale, fmt.Sprintf("is in force from %s to %s", stamp(m.list.ThisUpdate), stamp(m.list.NextUpdate)))
	case verifySignature(m.signer, m.list.SignatureAlgorithm, m.list.RawTBSRevocationList, m.list.Signature) != nil:
		return bad("CRL signature failure", "bears a signature that does not fit the issuer's key")
	case !m.handled:
		return bad("unhandled critical CRL extension", "has a critical extension that Envoy does not know")
	}
	return nil
}

// staleCRL is check_crl_time: BoringSSL's words for a list that is not in
// force, "" for one that is. allow_expired_certificate does not excuse it.
func (v verifier) staleCRL(list *x509.RevocationList) string {
	now := v.opts.At.Unix()
	switch {
	case list.ThisUpdate.Unix() > now:
		return "CRL is not yet valid"
	case !list.NextUpdate.IsZero() && list.NextUpdate.Unix() <= now:
		return "CRL has expired"
	}
	return ""
}

var oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// handlesCritical reports that BoringSSL knows every critical extension of a
// list; of those of its entries it knows none (crl_parse_entry_extensions).
func handlesCritical(list *x509.RevocationList) bool {
	strange := func(e pkix.Extension) bool {
		return e.Critical && !e.Id.Equal(oidIssuingDistributionPoint) && !e.Id.Equal(oidAuthorityKeyID)
	}
	critical := func(e pkix.Extension) bool { return e.Critical }
	return !slices.ContainsFunc(list.Extensions, strange) &&
		!slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return slices.ContainsFunc(e.Extensions, critical) })
}

// crlScope is the issuing distribution point of a list (RFC 5280, 5.2.5).
type crlScope struct {
	partial                  bool // for some reasons only, indirect or contradictory: BoringSSL uses no such list
	onlyUser, onlyCA, onlyAC bool
	points                   []string // URIs
	named                    bool     // it has a distribution point
}

func scopeOf(list *x509.RevocationList) (s crlScope) {
	for _, v := range elements(findExtension(list.Extensions, oidIssuingDistributionPoint)) {
		set := len(v.Bytes) == 1 && v.Bytes[0] != 0
		switch v.Tag {
		case 0:
			s.named, s.points = true, distributionURIs(v.Bytes)
		case 1:
			s.onlyUser = set
		case 2:
			s.onlyCA = set
		case 3:
			s.partial = true
		case 4:
			s.partial = s.partial || set
		case 5:
			s.onlyAC = set
		}
	}
	s.partial = s.partial || s.onlyUser && s.onlyCA || s.onlyAC && (s.onlyUser || s.onlyCA)
	return s
}

// distributionURIs are those of a DistributionPointName's full name.
func distributionURIs(der []byte) []string {
	const fullName, uri = 0, 6
	var out []string
	for _, name := range members(der) {
		for _, v := range members(name.Bytes) {
			if name.Tag == fullName && v.Tag == uri {
				out = append(out, string(v.Bytes))
			}
		}
	}
	return out
}

// holds is crl_crldp_check.
func (s crlScope) holds(c *x509.Certificate) bool {
	isCA := c.BasicConstraintsValid && c.IsCA
	if s.onlyAC || isCA && s.onlyUser || !isCA && s.onlyCA {
		return false
	}
	return !s.named || slices.ContainsFunc(c.CRLDistributionPoints, func(u string) bool { return slices.Contains(s.points, u) })
}
