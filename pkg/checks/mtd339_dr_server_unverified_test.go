package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

const origination = "49-egress-tls-origination" // with insecureSkipVerify

func TestServerUnverified(t *testing.T) {
	fires(t, origination, mtd339, "info DestinationRule pay/ext [spec.trafficPolicy.tls.insecureSkipVerify] 8: "+
		"DestinationRule pay/ext starts TLS to ext.example and takes any certificate: it says insecureSkipVerify",
		`kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/tls/insecureSkipVerify"},`+
			`{"op":"add","path":"/spec/trafficPolicy/tls/caCertificates","value":"system"}]'`)
	complete(t, shared(t, origination).one(mtd339))

	r := record(t, origination)
	tls := r.rule("pay", "ext").Spec.TrafficPolicy.TLS
	tls.CACertificates = "/etc/partner.pem"
	f := r.one(mtd339)
	hasFix(t, f, `kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/tls/insecureSkipVerify"}]'`)
	has(t, f.Fixes[0].Title, "the CA that the rule names")

	tls.CACertificates, tls.InsecureSkipVerify = "", nil // before Istio 1.21
	f = r.one(mtd339)
	has(t, lines([]*diagnose.Finding{f}), "info DestinationRule pay/ext [spec.trafficPolicy.tls.mode] 8: "+
		"DestinationRule pay/ext starts TLS to ext.example and takes any certificate: it names no CA, and istiod adds none")
	hasFix(t, f, `kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls/caCertificates","value":"system"}]'`)
	complete(t, f)

	tls.CACertificates = "/etc/partner.pem" // what else takes the verification away is not the rule's fault
	r.silent(mtd339)
}

// originated changes the TLS that proxies start to the external host.
func (r *recording) originated(change func(*envoy.TLSContext)) {
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "||ext.example") && c.Socket != nil {
				own := *c.Socket.TLS
				change(&own)
				c.Socket = &envoy.TransportSocket{Kind: envoy.TLS, TLS: &own}
			}
		}
	}
}

func TestServerUnverifiedQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd339)
	shared(t, "04-dr-simple-in-mesh").silent(mtd339) // a service of the mesh
	verified := record(t, origination)
	verified.originated(func(tls *envoy.TLSContext) {
		tls.Validation = envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "file-root:system"}}
	})
	verified.quiet(mtd339)

	unread := record(t, origination)
	unread.originated(func(tls *envoy.TLSContext) { tls.Unmodelled = []string{"CertificateValidationContext.trusted_ca"} })
	unread.silent(mtd339)
	if got := unread.unknowns(mtd339); !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "sets CertificateValidationContext.trusted_ca") }) {
		t.Error(got)
	}
	blinded(t, origination, mtd339)
	unseenProxy(t, origination, "pay/client", mtd339)
}
