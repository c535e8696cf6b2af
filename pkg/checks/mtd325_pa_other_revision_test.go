package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

func TestPolicyOfAnotherRevision(t *testing.T) {
	r := record(t, "02-permissive-default")
	pa := r.addPolicy("shop", "strict", "server", "STRICT")
	pa.Labels = map[string]string{"istio.io/rev": "canary"}
	f := r.one(mtd325)
	has(t, lines([]*diagnose.Finding{f}), "error PeerAuthentication shop/strict [metadata.labels[istio.io/rev]] 0: "+
		"PeerAuthentication shop/strict is for revision canary, and shop/server is of revision default: it has no effect there")
	hasFix(t, f, `kubectl -n shop patch peerauthentication strict --type=json -p '[{"op":"remove","path":"/metadata/labels/istio.io~1rev"}]'`)
	complete(t, f)
}

// What was to let callers in, and does not.
func TestOpeningOfAnotherRevision(t *testing.T) {
	r := record(t, healthy)
	pa := r.addPolicy("istio-system", "open", "", "PERMISSIVE")
	pa.Labels = map[string]string{"istio.io/rev": "canary"}
	has(t, r.says(mtd325), "error PeerAuthentication istio-system/open [metadata.labels[istio.io/rev]] 39: "+
		"PeerAuthentication istio-system/open is for revision canary, and pay/api, pay/client and 6 more are of revision default")
}

func TestPolicyOfAnotherRevisionQuietAndBlind(t *testing.T) {
	r := record(t, healthy)
	pa := r.addPolicy("shop", "x", "server", "STRICT")
	pa.Labels = map[string]string{"istio.io/rev": "default"}
	r.quiet(mtd325)
	pa.Labels["istio.io/rev"] = "canary"
	for _, p := range r.pods("server") {
		delete(p.Annotations, "istio.io/rev")
	}
	r.quiet(mtd325) // whose revision is not known, reads every policy
	blinded(t, healthy, mtd325)

	selecting := record(t, healthy)
	selecting.addPolicy("istio-system", "x", "server", "STRICT").Labels = pa.Labels
	selecting.silent(mtd325) // that is MTD311
}
