package checks

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// certificateEnv are the variables by which istio-agent is told where certificates come from
// (pilot/cmd/pilot-agent/options).
var certificateEnv = []string{
	"CA_ADDR", "CA_PROVIDER", "CREDENTIAL_FETCHER_TYPE", "FILE_MOUNTED_CERTS", "ISTIO_META_MESH_ID", "OUTPUT_CERTS", "PILOT_CERT_PROVIDER",
	"PKCS8_KEY", "PROV_CERT", "TRUST_DOMAIN",
}

// differences are what a pod says otherwise than its peer about the source of its certificates:
// variables of istio-proxy and annotations. Where they agree on the variables, that is a fact too.
func differences(odd, peer *mesh.Pod) []handshake.Fact {
	var same []string
	var out []handshake.Fact
	a, b := proxyEnv(odd), proxyEnv(peer)
	for _, name := range certificateEnv {
		switch {
		case a[name] != b[name]:
			out = append(out, contrast(odd, peer, "istio-proxy env "+name, a[name], b[name]))
		case a[name] != "":
			same = append(same, name+"="+a[name])
		}
	}
	if len(same) > 0 {
		out = append(out, handshake.Fact{
			Layer: handshake.Cluster, Source: "pod " + odd.Key().String() + " istio-proxy env", Value: "as its peer's: " + strings.Join(same, ", "),
		})
	}
	for _, name := range annotationNames(odd, peer) {
		if x, y := odd.Annotations[name], peer.Annotations[name]; x != y && !strings.HasPrefix(name, "kubectl.kubernetes.io/") {
			out = append(out, contrast(odd, peer, "annotation "+name, x, y))
		}
	}
	return out
}

func annotationNames(a, b *mesh.Pod) []string {
	return unique(append(slices.Collect(maps.Keys(a.Annotations)), slices.Collect(maps.Keys(b.Annotations))...))
}

func contrast(odd, peer *mesh.Pod, what, a, b string) handshake.Fact {
	return handshake.Fact{
		Layer: handshake.Cluster, Source: "pod " + odd.Key().String() + " " + what,
		Value: cmp.Or(a, "not set") + ", while " + peer.Key().String() + " has " + cmp.Or(b, "none"),
	}
}

// proxyEnv are the literal variables of a pod's proxy, a native sidecar or not.
func proxyEnv(pod *mesh.Pod) map[string]string {
	out := map[string]string{}
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		if c.Name == kube.ProxyContainer {
			addEnv(out, c.Env)
		}
	}
	return out
}

func addEnv(to map[string]string, env []kube.EnvVar) {
	for _, v := range env {
		to[v.Name] = v.Value
	}
}
