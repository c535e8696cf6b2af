package checks

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd502 = &diagnose.Check{
	Code: "MTD502", Name: "jwks-in-mesh-strict", Severity: diagnose.Error,
	Title: "istiod fetches keys from a service of the mesh that accepts only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "The keys that a RequestAuthentication names by jwksUri are fetched by istiod, which has no sidecar and no certificate of a workload. A STRICT service of the mesh refuses it. istiod then sends a key that fits no token: every request with a token of that issuer is refused.",
		Symptoms: []string{
			"HTTP 401 Jwt verification fails, or Jwks doesn't have key to match kid or alg from Jwt",
			"istiod's log: Failed to fetch public key from …: connection reset by peer, EOF",
		},
		Detection: "The host of a jwksUri is a Service of the cluster that leads to a pod with a sidecar, which accepts only mutual TLS on that port.",
		ByHand: []diagnose.Look{
			seeAll("requestauthentications.security.istio.io", "a jwksUri that names a Service of the cluster"),
			look("kubectl -n istio-system logs deploy/istiod", "failed to fetch public key, for that URI"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "With PILOT_JWT_ENABLE_REMOTE_JWKS the proxies fetch the keys themselves, by mutual TLS: what istiod's environment says is not read.",
		Fix:        "Open the one port (PERMISSIVE). Or write the keys into the resource (jwks), or let the proxies fetch them.",
		References: []string{"istio.io/docs/reference/config/security/jwt", "istio.io/docs/reference/commands/pilot-discovery", "pilot/pkg/model/jwks_resolver.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.RequestAuthentications, diagnose.Proxies, diagnose.Services},
	Run:      jwksInMesh,
	Describe: describeJWKS,
}

func jwksInMesh(p *diagnose.Pass) {
	for _, ra := range p.Resources.RequestAuthentications {
		for i, rule := range ra.Spec.JWTRules {
			host, port := jwksHost(rule.JWKSURI)
			if host == "" || !concerned(p, ra.Namespace) {
				p.NotApplicable()
				continue
			}
			for _, name := range []string{host, host + ".svc." + p.Domain, host + "." + p.Domain} {
				for _, ep := range endpointsAt(p, name, numbered(port)) {
					judgeJWKS(p, ra, i, ep)
				}
			}
		}
	}
}

// jwksHost is the host and port of a jwksUri; "" when it names none, or an address.
func jwksHost(uri string) (host string, port uint32) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", 0
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return "", 0
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return strings.TrimSuffix(u.Hostname(), "."), uint32(n)
	}
	if u.Scheme == "https" {
		return strings.TrimSuffix(u.Hostname(), "."), 443
	}
	return strings.TrimSuffix(u.Hostname(), "."), 80
}

func judgeJWKS(p *diagnose.Pass, ra *kube.RequestAuthentication, i int, ep mesh.Endpoint) {
	at, shut := shutsOutside(p, ep)
	if !shut {
		return
	}
	ref := kube.Ref{Kind: "RequestAuthentication", Namespace: ra.Namespace, Name: ra.Name}
	field := fmt.Sprintf("spec.jwtRules[%d].jwksUri", i)
	p.Failed(diagnose.Finding{
		Subject: ref, Field: field, Port: at, Pod: ep.Pod, Workloads: tokenTakers(p, ra),
		Title: fmt.Sprintf("%s has istiod fetch keys from %s, which accepts only mutual TLS: tokens of %s are refused", ref, workloadName(ep.Pod.Workload), ra.Spec.JWTRules[i].Issuer),
		Evidence: []handshake.Fact{
			{Layer: handshake.Policy, Source: ref.String() + " " + field, Value: ra.Spec.JWTRules[i].JWKSURI},
			listenerFact(p, ep.Pod, at),
		},
	})
}

// tokenTakers are the workloads to which a RequestAuthentication applies: their callers' tokens are refused.
func tokenTakers(p *diagnose.Pass, ra *kube.RequestAuthentication) []kube.Ref {
	var out []kube.Ref
	for _, pod := range p.Snapshot.Pods {
		there := ra.Namespace == pod.Namespace || ra.Namespace == p.MeshConfig(pod.Revision()).Root()
		if pod.HasProxy() && there && ra.Spec.Selector.Matches(pod.Labels) && !slices.Contains(out, pod.Workload.Ref) {
			out = append(out, pod.Workload.Ref)
		}
	}
	return out
}

func describeJWKS(p *diagnose.Pass, f *diagnose.Finding) {
	f.Fixes = openPort(p, f.Pod, f.Port, fmt.Sprintf("open port %d to istiod", f.Port))
	f.Fixes = append(f.Fixes, diagnose.Fix{Title: "write the keys into the resource (jwks)", Command: kubectl("edit", f.Subject), Risk: "they have to be changed there when the issuer rotates them"})
}
