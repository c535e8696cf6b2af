package testca

import (
	"crypto/x509"
	"time"
)

// Fixture is a server's chain, sound or with one defect, and what the other
// side trusts.
type Fixture struct {
	Name  string // the defect, in words with dashes
	Leaf  *Leaf
	Trust []*x509.Certificate // the verifier's anchors
	// Reason is the word of pkg/certs for why the chain does not verify, "" if it
	// does (some defects are ones of identity only).
	Reason string
}

// Fixtures lists one chain for each defect, for a verifier whose clock shows
// at.
func Fixtures(at time.Time) []Fixture {
	root := New(at)
	return append(leafFixtures(at, root), caFixtures(at, root)...)
}

// MustFixture is the fixture of that name; it panics if there is none.
func MustFixture(at time.Time, name string) Fixture {
	for _, f := range Fixtures(at) {
		if f.Name == name {
			return f
		}
	}
	panic("testca: no fixture " + name)
}

const server = "shop/server"

func leafFixtures(at time.Time, root *CA) []Fixture {
	trust := []*x509.Certificate{root.Certificate}
	leaf := func(name, reason string, opts ...Option) Fixture {
		return Fixture{Name: name, Leaf: root.Leaf(server, opts...), Trust: trust, Reason: reason}
	}
	return []Fixture{
		leaf("sound", ""),
		leaf("sound-with-root", "", WithRoot()),
		leaf("expired", "expired", Expired(at)),
		leaf("not-yet-valid", "not-yet-valid", NotYetValid(at)),
		leaf("wrong-eku", "key-usage", WrongEKU()),
		leaf("no-digital-signature", "key-usage", KeyUsage(x509.KeyUsageKeyEncipherment)),
		leaf("no-spiffe", "", NoSPIFFE()),
		leaf("two-uris", "", TwoURIs()),
		leaf("other-trust-domain", "", OtherTrustDomain("other.example")),
		leaf("bad-signature", "bad-signature", BadSignature()),
		leaf("self-signed", "self-signed-in-chain", SelfSigned()),
		leaf("unknown-critical", "other", UnknownCritical()),
		leaf("ed25519", "unsupported-algorithm", Ed25519()),
	}
}

func caFixtures(at time.Time, root *CA) []Fixture {
	sub := root.Intermediate()
	other := New(at, TrustDomain("other.example"))
	replaced := New(at, Seed("replaced"))
	old := New(at, Expired(at), Seed("old"))
	under := func(name, reason string, ca *CA, anchor *CA, opts ...Option) Fixture {
		return Fixture{Name: name, Leaf: ca.Leaf(server, opts...), Trust: []*x509.Certificate{anchor.Certificate}, Reason: reason}
	}
	return []Fixture{
		under("sound-intermediate", "", sub, root),
		under("intermediate-is-anchor", "", sub, sub, MissingIntermediate()),
		under("missing-intermediate", "unknown-root", sub, root, MissingIntermediate()),
		under("unknown-root", "unknown-root", other, root),
		under("unknown-root-in-chain", "self-signed-in-chain", other, root, WithRoot()),
		under("replaced-root", "unknown-root", replaced, root),
		under("replaced-root-without-key-id", "bad-signature", replaced, root, NoAuthorityKeyID()),
		under("expired-root", "expired", old, old),
		under("expired-intermediate", "expired", root.Intermediate(Expired(at), Seed("expired")), root),
		under("not-a-ca", "not-a-ca", root.Intermediate(NotCA(), Seed("no ca")), root),
		under("intermediate-may-not-sign", "key-usage",
			root.Intermediate(KeyUsage(x509.KeyUsageDigitalSignature), Seed("no cert sign")), root),
		under("intermediate-wrong-eku", "key-usage", root.Intermediate(WrongEKU(), Seed("eku")), root),
		under("path-length", "path-length",
			root.Intermediate(PathLen(0), Seed("short")).Intermediate(Seed("below")), root),
		under("name-constraints", "name-constraints", root.Intermediate(PermitURIs("other.example"), Seed("constrained")), root),
	}
}
