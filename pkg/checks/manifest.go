package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// ruleManifest is a DestinationRule in YAML, as far as it sets tls.
func ruleManifest(r *kube.DestinationRule) string {
	var b strings.Builder
	head(&b, "networking.istio.io/v1", ruleRef(r))
	fmt.Fprintf(&b, "  host: %s\n  trafficPolicy:\n", r.Spec.Host)
	if tls := r.Spec.TrafficPolicy.TLS; tls != nil {
		fmt.Fprintf(&b, "    tls:\n      mode: %s\n", tls.Mode)
	}
	if len(r.Spec.TrafficPolicy.PortLevelSettings) > 0 {
		b.WriteString("    portLevelSettings:\n")
	}
	for _, e := range r.Spec.TrafficPolicy.PortLevelSettings {
		fmt.Fprintf(&b, "    - port:\n        number: %d\n      tls:\n        mode: %s\n", e.Port.Number, e.TLS.Mode)
	}
	return b.String()
}

// policyManifest is a PeerAuthentication in YAML: a mode for the workloads with these labels,
// and modes for some of their container ports.
func policyManifest(ref kube.Ref, labels map[string]string, mode string, ports map[uint32]string) string {
	var b strings.Builder
	head(&b, "security.istio.io/v1", ref)
	if len(labels) > 0 {
		b.WriteString("  selector:\n    matchLabels:\n")
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&b, "      %s: %q\n", k, labels[k])
	}
	if mode != "" {
		fmt.Fprintf(&b, "  mtls:\n    mode: %s\n", mode)
	}
	if len(ports) > 0 {
		b.WriteString("  portLevelMtls:\n")
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		fmt.Fprintf(&b, "    %d:\n      mode: %s\n", port, ports[port])
	}
	return b.String()
}

func head(b *strings.Builder, api string, r kube.Ref) {
	fmt.Fprintf(b, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n", api, r.Kind, r.Name, r.Namespace)
}

// headlessManifest is a headless Service in YAML over the pods with one app label.
func headlessManifest(ref kube.Ref, app string, ports []uint32) string {
	var b strings.Builder
	head(&b, "v1", ref)
	fmt.Fprintf(&b, "  clusterIP: None\n  publishNotReadyAddresses: true\n  selector:\n    app: %q\n  ports:\n", app)
	for _, port := range ports {
		fmt.Fprintf(&b, "    - name: tcp-%d\n      port: %d\n", port, port)
	}
	return b.String()
}
