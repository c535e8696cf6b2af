package certs_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// revocationCases are chains that meet revocation lists, with BoringSSL's
// words for what is wrong, "" if nothing is. envoy_judge_test.go asks a real
// Envoy the same.
func revocationCases(now time.Time) []judgeCase {
	root, other, replaced := testca.New(now), testca.New(now, testca.TrustDomain("other.example")), testca.New(now, testca.Seed("replaced"))
	sub := root.Intermediate()
	leaf, below := root.Leaf("shop/server"), sub.Leaf("shop/server")
	mute := testca.New(now, testca.Seed("mute"), testca.KeyUsage(x509.KeyUsageCertSign))
	old, young := testca.InForce(now.Add(-3*time.Hour), now.Add(time.Hour)), testca.InForce(now.Add(-time.Minute), now.Add(time.Hour))
	const check = "certificate revocation check against provided CRLs failed: "
	var cases []judgeCase
	add := func(name, text string, l *testca.Leaf, ca *testca.CA, lists ...[]byte) *judgeCase {
		cases = append(cases, judgeCase{
			leafKind: name, pathKind: "revocation", role: certs.ServerCertificate, leaf: l, trust: []*x509.Certificate{ca.Certificate}, crl: bytes.Join(lists, nil), text: text,
		})
		return &cases[len(cases)-1]
	}
	add("a list that revokes nothing", "", leaf, root, root.CRL())
	add("revoked", "at depth 0: "+check+"certificate revoked", leaf, root, root.CRL(testca.Revoke(leaf.Chain...)))
	add("another is revoked", "", leaf, root, root.CRL(testca.Revoke(below.Chain[0])))
	add("no list of the issuer", "at depth 0: "+check+"unable to get certificate CRL", leaf, root, other.CRL())
	add("a file without a list", "at depth 0: "+check+"unable to get certificate CRL", leaf, root, root.PEM())
	add("a list of a namesake", "at depth 0: "+check+"unable to get certificate CRL", leaf, root, replaced.CRL())
	add("a list of each issuer", "", below, root, root.CRL(), sub.CRL())
	add("no list of the intermediate", "at depth 0: "+check+"unable to get certificate CRL", below, root, root.CRL())
	add("no list of the root", "at depth 1: "+check+"unable to get certificate CRL", below, root, sub.CRL())
	add("only the leaf needs one", "", below, root, sub.CRL()).leafOnly = true
	add("only the leaf needs one, and has none", "at depth 0: "+check+"unable to get certificate CRL", below, root, root.CRL()).leafOnly = true
	add("the intermediate is revoked", "at depth 1: "+check+"certificate revoked", below, root, root.CRL(testca.Revoke(sub.Certificate)), sub.CRL())
	add("an anchor below its root", "at depth 1: "+check+"unable to get certificate CRL", below, sub, root.CRL(), sub.CRL())
	add("too old", "at depth 0: "+check+"CRL has expired", leaf, root, root.CRL(testca.InForce(now.Add(-3*time.Hour), now.Add(-time.Hour))))
	add("not yet in force", "at depth 0: "+check+"CRL is not yet valid", leaf, root, root.CRL(testca.InForce(now.Add(time.Hour), now.Add(2*time.Hour))))
	add("too old, and a new one", "", leaf, root, root.CRL(testca.InForce(now.Add(-3*time.Hour), now.Add(-time.Hour)), testca.Revoke(leaf.Chain...)), root.CRL())
	add("the newer list counts", "", leaf, root, root.CRL(old, testca.Revoke(leaf.Chain...)), root.CRL(young))
	add("the newer list counts, whichever comes first", "at depth 0: "+check+"certificate revoked", leaf, root, root.CRL(young, testca.Revoke(leaf.Chain...)), root.CRL(old))
	add("a broken signature", "at depth 0: CRL signature failure", leaf, root, root.CRL(testca.BadCRLSignature()))
	add("an issuer that may not sign lists", "at depth 0: key usage does not include CRL signing", mute.Leaf("shop/server"), mute, mute.CRL())
	add("a strange critical extension", "at depth 0: unhandled critical CRL extension", leaf, root, root.CRL(testca.CRLExtension(strange(true))))
	add("a strange extension", "", leaf, root, root.CRL(testca.CRLExtension(strange(false))))
	add("a strange critical extension of an entry", "at depth 0: unhandled critical CRL extension", leaf, root, root.CRL(testca.Revoke(below.Chain[0]), testca.CriticalEntry()))
	add("a list for users, of the leaf", "", leaf, root, root.CRL(scoped(onlyUser)), root.CRL(scoped(onlyCA)))
	add("a list for CAs alone", "at depth 0: Different CRL scope", leaf, root, root.CRL(scoped(onlyCA)))
	add("a list for users alone, of the root", "at depth 1: Different CRL scope", leaf, root, root.CRL(scoped(onlyUser)))
	add("a list for some reasons", "at depth 0: "+check+"unable to get certificate CRL", leaf, root, root.CRL(scoped(someReasons)))
	add("a list of another distribution point", "at depth 0: Different CRL scope", leaf, root, root.CRL(scoped(pointAt("http://crl.example/1"))))
	add("in the bundle", "at depth 0: "+check+"certificate revoked", leaf, root, root.CRL(testca.Revoke(leaf.Chain...))).inBundle = true
	add("in the bundle, and none of the intermediate", "at depth 0: "+check+"unable to get certificate CRL", below, root, root.CRL()).inBundle = true
	bySPIFFE := add("in the bundle of a trust domain", "at depth 0: "+check+"certificate revoked", leaf, root, root.CRL(testca.Revoke(leaf.Chain...)))
	bySPIFFE.inBundle, bySPIFFE.spiffe = true, true
	beside := add("beside a SPIFFE validator, which does not look", "", leaf, root, root.CRL(testca.Revoke(leaf.Chain...)))
	beside.spiffe = true
	return append(cases, asClients(cases)...)
}

// asClients are the same cases in the other role.
func asClients(cases []judgeCase) []judgeCase {
	var out []judgeCase
	for _, c := range cases {
		c.role = certs.ClientCertificate
		out = append(out, c)
	}
	return out
}

// pinCases are leaves that meet lists of hashes and keys.
func pinCases(now time.Time) []judgeCase {
	root, other := testca.New(now), testca.New(now, testca.TrustDomain("other.example"))
	leaf, renewed := root.Leaf("shop/server"), root.Leaf("shop/server", testca.Valid(now.Add(-time.Hour), now.Add(time.Hour)))
	hash, key := certs.PinsOf(leaf.Chain[0])
	otherHash, otherKey := certs.PinsOf(other.Leaf("shop/other").Chain[0])
	const no = "verify cert failed: cert hash and spki"
	var cases []judgeCase
	add := func(name, text string, l *testca.Leaf, pins certs.Pins, trust ...*x509.Certificate) {
		cases = append(cases, judgeCase{leafKind: name, pathKind: "pins", role: certs.ServerCertificate, leaf: l, trust: trust, pins: pins, text: text})
	}
	anchor := root.Certificate
	add("its hash", "", leaf, certs.Pins{Hashes: []string{hash}}, anchor)
	add("its hash with colons, in capitals", "", leaf, certs.Pins{Hashes: []string{otherHash, colons(hash)}}, anchor)
	add("another hash", no, leaf, certs.Pins{Hashes: []string{otherHash}}, anchor)
	add("its key", "", leaf, certs.Pins{Keys: []string{key}}, anchor)
	add("another key", no, leaf, certs.Pins{Keys: []string{otherKey}}, anchor)
	add("another hash and its key", "", leaf, certs.Pins{Hashes: []string{otherHash}, Keys: []string{key}}, anchor)
	add("renewed with the same key: its hash", no, renewed, certs.Pins{Hashes: []string{hash}}, anchor)
	add("renewed with the same key: its key", "", renewed, certs.Pins{Keys: []string{key}}, anchor)
	add("its hash, of an unknown root", "unable to get local issuer certificate", leaf, certs.Pins{Hashes: []string{hash}}, other.Certificate)
	add("its hash, without an anchor", "", leaf, certs.Pins{Hashes: []string{hash}})
	add("another hash, without an anchor", no, leaf, certs.Pins{Hashes: []string{otherHash}})
	return append(cases, asClients(cases)...)
}

func colons(hash string) string {
	var out []string
	for i := 0; i < len(hash); i += 2 {
		out = append(out, strings.ToUpper(hash[i:i+2]))
	}
	return strings.Join(out, ":")
}

func TestRevocation(t *testing.T) {
	for _, c := range append(revocationCases(at), pinCases(at)...) {
		t.Run(c.name(), func(t *testing.T) {
			got := verdictOf(t, c.verify(at))
			if (got.Reason == "") != (c.text == "") || !strings.HasSuffix(got.Text, c.text) {
				t.Errorf("%+v, want %q", got, c.text)
			}
		})
	}
}

func TestRevocationReasons(t *testing.T) {
	root := testca.New(at)
	leaf := root.Leaf("shop/server")
	for reason, crl := range map[certs.Reason][]byte{
		certs.Revoked: root.CRL(testca.Revoke(leaf.Chain...)), certs.NoCRL: nil, certs.BadCRL: root.CRL(testca.BadCRLSignature()),
	} {
		opts := asServer()
		opts.CRL = certs.ParseCRL(crl)
		if got := verdictOf(t, certs.Verify(leaf.Chain, trust(root), opts)); got.Reason != reason {
			t.Errorf("%+v, want %s", got, reason)
		}
	}
}

// An unreadable list is an error of its own, never a pass and never a verdict.
func TestUnreadableCRL(t *testing.T) {
	root := testca.New(at)
	leaf := root.Leaf("shop/server")
	torn := root.CRL()[:60]
	for name, data := range map[string][]byte{"no DER": block("X509 CRL", []byte{0x30, 0}), "torn": torn} {
		opts := asServer()
		opts.CRL = certs.ParseCRL(data)
		if err := certs.Verify(leaf.Chain, trust(root), opts); !errors.Is(err, certs.ErrCRL) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bundle := bundleOf(t, join(root.PEM(), block("X509 CRL", []byte{0x30, 0})))
	if err := certs.Verify(leaf.Chain, bundle, asServer()); !errors.Is(err, certs.ErrCRL) {
		t.Error(err)
	}
}

func TestCRLFingerprint(t *testing.T) {
	root := testca.New(at)
	a, b := root.CRL(), root.CRL(testca.Revoke(root.Certificate))
	seen := map[string]string{"": "none"}
	for name, c := range map[string]*certs.CRL{
		"empty": certs.ParseCRL(nil), "one": certs.ParseCRL(a), "other": certs.ParseCRL(b), "both": certs.ParseCRL(join(a, b)),
	} {
		if was := seen[c.Fingerprint()]; was != "" {
			t.Errorf("%s has the fingerprint of %s", name, was)
		}
		seen[c.Fingerprint()] = name
	}
	bundle := bundleOf(t, join(root.PEM(), a))
	if got := certs.NewSPIFFEBundle(map[string]*certs.Bundle{"td": bundle}).CRL().Fingerprint(); seen[got] != "one" {
		t.Errorf("a bundle's list has the fingerprint of %q", seen[got])
	}
	if bundleOf(t, root.PEM()).CRL() != nil {
		t.Error("a bundle without a list has one")
	}
}

func FuzzParseCRL(f *testing.F) {
	root := testca.New(at)
	leaf := root.Leaf("shop/server")
	f.Add(root.CRL())
	f.Add(root.CRL(testca.Revoke(leaf.Chain...), testca.CriticalEntry()))
	f.Add(root.CRL(scoped(pointAt("http://crl.example/1"))))
	f.Add(block("X509 CRL", []byte{0x30, 0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		opts := asServer()
		if opts.CRL = certs.ParseCRL(data); opts.CRL.Fingerprint() == "" {
			t.Fatal("no fingerprint")
		}
		_ = certs.Verify(leaf.Chain, trust(root), opts)
	})
}

func strange(critical bool) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: critical, Value: []byte{5, 0}}
}

// Members of an issuing distribution point.
var (
	onlyUser    = asn1.RawValue{Class: 2, Tag: 1, Bytes: []byte{0xff}}
	onlyCA      = asn1.RawValue{Class: 2, Tag: 2, Bytes: []byte{0xff}}
	someReasons = asn1.RawValue{Class: 2, Tag: 3, Bytes: []byte{0, 2}}
)

func pointAt(uri string) asn1.RawValue {
	name := mustMarshal(asn1.RawValue{Class: 2, Tag: 6, Bytes: []byte(uri)})
	full := mustMarshal(asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: name})
	return asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: full}
}

func scoped(member asn1.RawValue) testca.CRLOption {
	return testca.CRLExtension(pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: mustMarshal([]asn1.RawValue{member})})
}
