package checks

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// object is a mapping of a manifest.
type object map[string]any

// manifest writes a resource in YAML. Everything goes through an encoder: names and labels come
// from the cluster, and must not be able to say more than they are.
func manifest(api string, r kube.Ref, spec object) string {
	text, err := yaml.Marshal(object{
		"apiVersion": api, "kind": r.Kind, "spec": spec,
		"metadata": object{"name": r.Name, "namespace": r.Namespace},
	})
	if err != nil { // texts, numbers and mappings always encode
		return ""
	}
	return string(text)
}

// ruleManifest is a DestinationRule in YAML, as far as it sets tls.
func ruleManifest(r *kube.DestinationRule) string {
	policy := object{}
	if tls := r.Spec.TrafficPolicy.TLS; tls != nil {
		policy["tls"] = mode(tls.Mode)
	}
	var entries []object
	for _, e := range r.Spec.TrafficPolicy.PortLevelSettings {
		entries = append(entries, object{"port": object{"number": e.Port.Number}, "tls": mode(e.TLS.Mode)})
	}
	if len(entries) > 0 {
		policy["portLevelSettings"] = entries
	}
	spec := object{"host": r.Spec.Host, "trafficPolicy": policy}
	if len(r.Spec.ExportTo) > 0 {
		spec["exportTo"] = r.Spec.ExportTo
	}
	return manifest("networking.istio.io/v1", ruleRef(r), spec)
}

// wholeRule is a DestinationRule in YAML with all that is read of it.
func wholeRule(r *kube.DestinationRule) string {
	var spec object
	text, err := json.Marshal(r.Spec)
	if err != nil || json.Unmarshal(text, &spec) != nil { // what was read encodes
		return ""
	}
	return manifest("networking.istio.io/v1", ruleRef(r), spec)
}

func mode(m string) object { return object{"mode": m} }

// policyManifest is a PeerAuthentication in YAML: a mode for the workloads with these labels,
// and modes for some of their container ports.
func policyManifest(ref kube.Ref, labels map[string]string, mtls string, ports map[uint32]string) string {
	spec := object{}
	if len(labels) > 0 {
		spec["selector"] = object{"matchLabels": labels}
	}
	if mtls != "" {
		spec["mtls"] = mode(mtls)
	}
	byPort := object{}
	for port, m := range ports {
		byPort[strconv.FormatUint(uint64(port), 10)] = mode(m)
	}
	if len(byPort) > 0 {
		spec["portLevelMtls"] = byPort
	}
	return manifest("security.istio.io/v1", ref, spec)
}

// headlessManifest is a headless Service in YAML over the pods with one app label.
func headlessManifest(ref kube.Ref, app string, ports []uint32) string {
	var entries []object
	for _, port := range ports {
		entries = append(entries, object{"name": fmt.Sprintf("tcp-%d", port), "port": port})
	}
	return manifest("v1", ref, object{
		"clusterIP": "None", "publishNotReadyAddresses": true,
		"selector": object{"app": app}, "ports": entries,
	})
}
