package testca

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"time"
)

// DefaultTrustDomain is the trust domain of a CA without the TrustDomain
// option.
const DefaultTrustDomain = "cluster.local"

// Lifetimes around the moment for which a CA was made.
const (
	caBefore, caAfter     = 365 * 24 * time.Hour, 9 * 365 * 24 * time.Hour
	leafBefore, leafAfter = 2 * time.Hour, 22 * time.Hour
)

// CA signs certificates.
type CA struct {
	Certificate *x509.Certificate

	signer signer
	parent *CA // nil for a root
	world  world
	seed   string
}

// world is what all CAs under one root share.
type world struct {
	at          time.Time
	trustDomain string
	rsa         *rsaKeys
}

// New makes a self-signed root that is valid around at: for a year by then,
// and for nine more.
func New(at time.Time, opts ...Option) *CA {
	s := newSpec(opts)
	domain := s.trustDomain
	if domain == "" {
		domain = DefaultTrustDomain
	}
	ca := &CA{
		world: world{at: at, trustDomain: domain, rsa: &rsaKeys{}},
		seed:  "root " + s.seed,
	}
	ca.mint(s, "root", nil)
	return ca
}

// Intermediate makes a CA that this one signs.
func (c *CA) Intermediate(opts ...Option) *CA {
	s := newSpec(opts)
	sub := &CA{world: c.world, seed: c.seed + " intermediate " + s.seed, parent: c}
	sub.mint(s, sub.name(), c)
	return sub
}

// name tells the intermediates of one path apart.
func (c *CA) name() string {
	depth := 0
	for ca := c; ca.parent != nil; ca = ca.parent {
		depth++
	}
	if depth == 1 {
		return "intermediate"
	}
	return fmt.Sprintf("intermediate %d", depth)
}

// mint fills in the CA's key and certificate; a nil parent is itself.
func (c *CA) mint(s spec, name string, parent *CA) {
	c.signer = c.world.mustSigner(s.key, c.seed)
	t := c.template(s, caBefore, caAfter)
	t.Subject = pkix.Name{Organization: []string{c.world.trustDomain}, CommonName: name}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLen = true, true, -1
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.SubjectKeyId = keyID(c.signer)
	s.apply(t, c.world)
	if parent == nil {
		parent = c
		parent.Certificate = t
	}
	c.Certificate = parent.mustSign(t, c.signer, s)
}

// Leaf makes the certificate of a workload. The id is a SPIFFE ID or
// "namespace/serviceaccount" in the CA's trust domain.
func (c *CA) Leaf(id string, opts ...Option) *Leaf {
	s := newSpec(opts)
	key := c.world.mustSigner(s.key, c.seed+" leaf "+id+" "+s.seed)
	t := c.template(s, leafBefore, leafAfter)
	t.SerialNumber = serial(c.seed, id, s.seed)
	t.URIs = []*url.URL{mustURL(c.SPIFFEID(id))}
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.BasicConstraintsValid = true
	s.apply(t, c.world)
	leaf := &Leaf{Key: key}
	if s.selfSigned {
		leaf.Chain = []*x509.Certificate{mustSelfSign(t, key, s)}
		return leaf
	}
	leaf.Chain = append([]*x509.Certificate{c.mustSign(t, key, s)}, c.above(s)...)
	return leaf
}

// above lists what a peer sends behind its leaf.
func (c *CA) above(s spec) []*x509.Certificate {
	var chain []*x509.Certificate
	for ca := c; ca.parent != nil && !s.bare; ca = ca.parent {
		chain = append(chain, ca.Certificate)
	}
	if s.withRoot {
		chain = append(chain, c.Root().Certificate)
	}
	return chain
}

// Root is the CA at the top.
func (c *CA) Root() *CA {
	for c.parent != nil {
		c = c.parent
	}
	return c
}

// SPIFFEID spells "namespace/serviceaccount" out in Istio's form; a whole
// SPIFFE ID stays as it is.
func (c *CA) SPIFFEID(id string) string {
	namespace, account, ok := strings.Cut(id, "/")
	if !ok || strings.Contains(id, "://") {
		return id
	}
	return "spiffe://" + c.world.trustDomain + "/ns/" + namespace + "/sa/" + account
}

// TrustDomain is the trust domain that SPIFFEID uses.
func (c *CA) TrustDomain() string { return c.world.trustDomain }

// PEM is the CA's own certificate, as in a trust bundle.
func (c *CA) PEM() []byte { return PEM(c.Certificate) }

func (c *CA) template(s spec, before, after time.Duration) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(c.seed, s.seed),
		NotBefore:    c.world.at.Add(-before).UTC().Truncate(time.Second),
		NotAfter:     c.world.at.Add(after).UTC().Truncate(time.Second),
	}
}

// mustSign signs t for the holder of key. ECDSA with no random source is
// deterministic (RFC 6979).
func (c *CA) mustSign(t *x509.Certificate, key signer, s spec) *x509.Certificate {
	parent := *c.Certificate
	if s.noAuthority {
		parent.SubjectKeyId = nil
	}
	return mustCreate(t, &parent, key, c.signer, s)
}

func mustSelfSign(t *x509.Certificate, key signer, s spec) *x509.Certificate {
	t.Subject = pkix.Name{CommonName: "self-signed"}
	return mustCreate(t, t, key, key, s)
}

func mustCreate(t, parent *x509.Certificate, key, by signer, s spec) *x509.Certificate {
	der, err := x509.CreateCertificate(by.random(), t, parent, key.Public(), by)
	must(err)
	if s.badSignature {
		der[len(der)-1] ^= 1
	}
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert
}

// rsaKeys keeps one RSA key for each size: making one takes long.
type rsaKeys struct {
	mu   sync.Mutex
	keys map[int]*rsa.PrivateKey
}

func (r *rsaKeys) mustGet(bits int) *rsa.PrivateKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key, ok := r.keys[bits]; ok {
		return key
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	must(err)
	if r.keys == nil {
		r.keys = map[int]*rsa.PrivateKey{}
	}
	r.keys[bits] = key
	return key
}

// serial is derived, so that the bytes are the same in every run.
func serial(parts ...string) *big.Int {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return new(big.Int).SetBytes(sum[:15])
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	must(err)
	return u
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
