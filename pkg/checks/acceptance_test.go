package checks

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// cause is what the owner of a mesh must be told: what to mend, and where in it.
type cause struct {
	code     diagnose.Code
	severity diagnose.Severity
	subject  string
	field    string
}

// faults says of every recorded mesh what was done to it, as its README tells. Those of nil
// are healthy.
var faults = map[string][]cause{
	"01-healthy-strict":     nil,
	"02-permissive-default": nil,
	// The DestinationRule makes the clients of server.shop send plaintext to a STRICT server.
	"03-dr-disable-vs-strict": {{"MTD301", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.mode"}},
	"04-dr-simple-in-mesh":    {{"MTD302", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.mode"}},
	// naked has no proxy, so it cannot answer mutual TLS.
	"05-dr-istio-mutual-nonmesh": {{"MTD303", diagnose.Error, "DestinationRule legacy/naked", "spec.trafficPolicy.tls.mode"}},
	// The namespace's policy decides what clients send; the workload's, which is STRICT, does not.
	"06-pa-parent-disable-child-strict": {{"MTD306", diagnose.Error, "PeerAuthentication shop/default", "spec.mtls.mode"}},
	// Key 80 is the Service's port; naked is refused on 8080, which it was to open.
	"07-pa-portlevel-service-port": {{"MTD309", diagnose.Error, "PeerAuthentication shop/server", "spec.portLevelMtls.80"}},
	// One endpoint without a proxy turns the ORIGINAL_DST cluster to plaintext for all.
	"08-headless-mixed": {{"MTD312", diagnose.Error, "Service shop/hlmix", "spec.clusterIP"}},
	// The rule of pay hides those of shop and istio-system, and sets no tls itself. That the rule
	// for *.local also covers the API server is a risk that nobody ran into.
	"09-dr-client-ns-shadow": {
		{"MTD305", diagnose.Error, "DestinationRule pay/shop-limits", "spec.trafficPolicy"},
		{"MTD303", diagnose.Warning, "DestinationRule istio-system/mesh", "spec.trafficPolicy.tls.mode"},
	},
	// The policy that was to open server applies to nothing: callers without a proxy still fail.
	"10-pa-root-selector-ignored": {{"MTD311", diagnose.Error, "PeerAuthentication istio-system/open-server", "spec.selector"}},
	"11-root-mismatch":            {{"MTD201", diagnose.Error, "Deployment shop/server", "secret ROOTCA"}},
	"111-dr-proxy-protocol":       {{"MTD340", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.proxyProtocol"}},
	"116-backend-tls-policy":      {{"MTD341", diagnose.Error, "BackendTLSPolicy shop/inside", "spec.targetRefs"}},
	"117-outbound-dynamic-dns":    {{"MTD315", diagnose.Error, "Sidecar pay/default", "spec.egress[0].hosts"}},
	"12-cert-expired":             {{"MTD101", diagnose.Error, "Deployment shop/server", "secret default, leaf"}},
	"13-automtls-off":             {{"MTD308", diagnose.Error, "ConfigMap istio-system/istio", "data.mesh.enableAutoMtls"}},
	"14-serviceentry-double-tls":  {{"MTD307", diagnose.Error, "DestinationRule pay/partner", "spec.trafficPolicy.tls.mode"}},
	"15-exclude-inbound-ports": {{
		"MTD314", diagnose.Error, "Deployment shop/multi", "spec.template.metadata.annotations[traffic.sidecar.istio.io/excludeInboundPorts]",
	}},
	// The Lua filter does not compile; that server still takes plaintext is its consequence.
	"16-xds-nack": {{"MTD402", diagnose.Error, "EnvoyFilter shop/server-lua", ""}},
	// The AuthorizationPolicy is right: the client arrives without its identity.
	"17-authz-principal-plaintext":    {{"MTD317", diagnose.Error, "DestinationRule pay/server", "spec.trafficPolicy.tls.mode"}},
	"18-sidecar-egress-hides-service": {{"MTD315", diagnose.Error, "Sidecar pay/default", "spec.egress[0].hosts"}},
	// Both clients dial the pods' addresses.
	"19-strict-pod-ip": {
		{"MTD316", diagnose.Error, "Deployment pay/client", ""},
		{"MTD316", diagnose.Error, "Deployment shop/client", ""},
	},
	// Nothing that the mesh does fails: the older of two contradicting policies counts.
	"20-pa-duplicate-scope": {{"MTD310", diagnose.Warning, "PeerAuthentication shop/b-new", "spec"}},
	"21-dr-portlevel-drops-tls": {
		{"MTD304", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.portLevelSettings[0]"},
		{"MTD303", diagnose.Warning, "DestinationRule istio-system/mesh", "spec.trafficPolicy.tls.mode"},
	},
	"22-headless-port-disable":  {{"MTD313", diagnose.Error, "PeerAuthentication shop/hl", "spec.portLevelMtls.9000.mode"}},
	"23-dr-wrong-san":           {{"MTD202", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.subjectAltNames"}},
	"48-se-internal-labelled":   nil,
	"49-egress-tls-origination": nil,
	"60-ingress-gateway":        nil,
	"67-healthy-strict-grpc":    nil,
}

// TestFaults: the whole catalogue names the cause of every fault, and blames nothing else.
func TestFaults(t *testing.T) {
	for name, want := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := shared(t, name).judge(All()...)
			if diff := cmp.Diff(want, causes(res), cmp.AllowUnexported(cause{})); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			for _, f := range res.Findings {
				complete(t, f)
			}
			accounted(t, res)
		})
	}
}

// TestUseComesFirst: of notes, one about calls that counters show comes before one about more that nobody is seen to make.
func TestUseComesFirst(t *testing.T) {
	var order []diagnose.Code
	edges := map[diagnose.Code]int{}
	for _, f := range shared(t, portDisabled).judge(mtd334, mtd601).Findings {
		order = append(order, f.Check.Code)
		edges[f.Check.Code] = len(f.Edges)
	}
	if diff := cmp.Diff([]diagnose.Code{"MTD334", "MTD601", "MTD601"}, order); diff != "" || edges["MTD334"] >= edges["MTD601"] {
		t.Errorf("%v %s", edges, diff)
	}
}

// causes are the findings from a warning up that are not consequences of others.
func causes(res *diagnose.Result) []cause {
	var out []cause
	for _, f := range res.Findings {
		if f.Severity != diagnose.Info && f.CausedBy == nil {
			out = append(out, cause{f.Check.Code, f.Severity, f.Subject.String(), f.Field})
		}
	}
	return out
}

// reads is a command that shows resources and does nothing else.
var reads = regexp.MustCompile(`^kubectl (mtls-doctor |(-n \S+ )?get [^>|;&\n]*$)`)

// complete fails the test unless a finding says what it must.
func complete(t *testing.T, f *diagnose.Finding) {
	t.Helper()
	switch {
	case f.Title == "" || strings.HasSuffix(f.Title, ".") || strings.Contains(f.Title, "%!"):
		t.Errorf("%s: title %q", f.Check.Code, f.Title)
	case len(f.Evidence) == 0:
		t.Errorf("%s: no evidence: %s", f.Check.Code, f.Title)
	case f.Severity == diagnose.Error && f.CausedBy == nil && len(f.Fixes) == 0:
		t.Errorf("%s: no fix: %s", f.Check.Code, f.Title)
	}
	for _, x := range f.Evidence {
		if x.Layer == "" || x.Source == "" || x.Value == "" {
			t.Errorf("%s: evidence %+v", f.Check.Code, x)
		}
	}
	for _, x := range f.Fixes {
		if reads.MatchString(x.Command) && x.Manifest == "" && !x.Look {
			t.Errorf("%s: only shows something, and does not say so: %+v", f.Check.Code, x)
		}
		if x.Title == "" || strings.HasSuffix(x.Title, ".") || strings.Contains(x.Command+x.Manifest, "%!") {
			t.Errorf("%s: fix %+v", f.Check.Code, x)
		}
	}
}

// accounted fails the test unless every connection that fails is in a finding; istiod makes none.
func accounted(t *testing.T, res *diagnose.Result) {
	t.Helper()
	told := map[any]bool{}
	for _, f := range res.Findings {
		for _, e := range f.Edges {
			told[e] = true
		}
	}
	for _, e := range res.Edges() {
		if (e.Verdict == "fails" || e.Verdict == "denied") && !told[e] && !isIstiod(e.Client) {
			t.Errorf("nobody tells of %s to %s:%d: %s", e.Client.Key(), e.Server.Name, e.Server.Port, e.Why)
		}
	}
}

// TestFaultsAreAllRecordings: no recording is forgotten.
func TestFaultsAreAllRecordings(t *testing.T) {
	files, err := filepath.Glob("../../testdata/captures/*.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range faults {
		got = append(got, name)
	}
	slices.Sort(got)
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".tar.gz")
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
}

// TestCalls: the estimate of what a report costs is near what it replays.
func TestCalls(t *testing.T) {
	r := shared(t, "03-dr-disable-vs-strict")
	all := len(r.judge().Edges())
	if n := diagnose.Calls(mesh.New(r.Evidence), diagnose.Scope{}); n < all || n > all+all/5 {
		t.Errorf("about %d calls, and %d were replayed", n, all)
	}
	pay := diagnose.Scope{In: func(p *mesh.Pod) bool { return p.Namespace == "pay" }}
	if n := diagnose.Calls(mesh.New(r.Evidence), pay); n >= all {
		t.Errorf("about %d calls from and to one namespace, of %d", n, all)
	}
}
