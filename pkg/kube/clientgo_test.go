package kube_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	jsonx "github.com/go-json-experiment/json"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestReadsAsClientGo reads a resource that sets every field of ours, once into our type and
// once into istio client-go's: what we hold must be there under the same name and value, and
// nothing that we hold may be left at zero.
func TestReadsAsClientGo(t *testing.T) {
	tests := []struct {
		ours, theirs any
		manifest     string
	}{
		{new(kube.PeerAuthentication), new(securityv1.PeerAuthentication), `
spec:
  selector: {matchLabels: {app: server}}
  mtls: {mode: STRICT}
  portLevelMtls: {"8080": {mode: DISABLE}}`},
		{new(kube.DestinationRule), new(networkingv1.DestinationRule), `
spec:
  host: server
  exportTo: ["."]
  workloadSelector: {matchLabels: {app: client}}
  trafficPolicy: &policy
    tls: &tls
      {mode: MUTUAL, sni: a, subjectAltNames: [b], clientCertificate: /c, privateKey: /k, caCertificates: /ca, credentialName: cred, insecureSkipVerify: true}
    loadBalancer: {simple: PASSTHROUGH}
    proxyProtocol: {version: V2}
    portLevelSettings: [{port: {number: 80}, tls: *tls, loadBalancer: {simple: RANDOM}}]
  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: *policy}]`},
		{new(kube.ServiceEntry), new(networkingv1.ServiceEntry), `
spec:
  hosts: [a.example]
  addresses: [240.0.0.1]
  location: MESH_INTERNAL
  resolution: STATIC
  exportTo: ["*"]
  subjectAltNames: [spiffe://td/x]
  ports: [{number: 443, name: https, protocol: HTTPS, targetPort: 8443}]
  workloadSelector: {labels: {app: x}}
  endpoints: [{address: 10.0.0.1, ports: {https: 1}, labels: {a: b}, serviceAccount: s, network: net}]`},
		{new(kube.WorkloadEntry), new(networkingv1.WorkloadEntry), `
spec: {address: 10.0.0.1, ports: {http: 80}, labels: {a: b}, serviceAccount: s, network: net}`},
		{new(kube.Sidecar), new(networkingv1.Sidecar), `
spec:
  workloadSelector: {labels: {app: x}}
  ingress: [{port: {number: 8080, protocol: HTTP, name: http, targetPort: 1}, defaultEndpoint: "127.0.0.1:8080", tls: {mode: SIMPLE, credentialName: cert}}]
  egress: [{hosts: ["./*"], port: {number: 80, protocol: HTTP, name: http, targetPort: 1}}]
  outboundTrafficPolicy: {mode: ALLOW_ANY}`},
		{new(kube.VirtualService), new(networkingv1.VirtualService), `
spec:
  hosts: [a]
  gateways: [mesh]
  exportTo: ["*"]
  http: [{name: r, route: [{weight: 10, destination: &to {host: b, subset: v1, port: {number: 80}}}]}]
  tls: [{route: [{weight: 10, destination: *to}]}]
  tcp: [{route: [{weight: 10, destination: *to}]}]`},
		{new(kube.Gateway), new(networkingv1.Gateway), `
spec:
  selector: {istio: ingress}
  servers: [{hosts: ["*"], port: {number: 443, name: https, protocol: HTTPS, targetPort: 8443}, tls: {mode: MUTUAL, credentialName: c}}]`},
		{new(kube.AuthorizationPolicy), new(securityv1.AuthorizationPolicy), `
spec:
  selector: {matchLabels: {app: x}}
  action: DENY
  rules: [{from: [{source: {principals: [a], notPrincipals: [b], namespaces: [c], notNamespaces: [d]}}]}]`},
		{new(kube.RequestAuthentication), new(securityv1.RequestAuthentication), `
spec:
  selector: {matchLabels: {app: x}}
  jwtRules: [{issuer: i, jwksUri: "https://i/keys"}]`},
		{new(kube.EnvoyFilter), new(networkingv1alpha3.EnvoyFilter), `
spec:
  workloadSelector: {labels: {app: x}}
  configPatches:
  - {applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND, cluster: {name: c, service: s, subset: v, portNumber: 80}}, patch: {operation: MERGE, value: {name: c, transport_socket: {name: s}, transport_socket_matches: [{name: m}], typed_extension_protocol_options: {o: {name: o}}}}}
  - {applyTo: LISTENER, match: {context: SIDECAR_INBOUND, listener: {portNumber: 80}}, patch: {operation: MERGE, value: {name: c, transport_socket: {name: s}, transport_socket_matches: [{name: m}], typed_extension_protocol_options: {o: {name: o}}}}}`},
	}
	for _, tt := range tests {
		t.Run(reflect.TypeOf(tt.ours).Elem().Name(), func(t *testing.T) {
			raw, err := yaml.YAMLToJSON([]byte("metadata: {name: some, namespace: shop}" + tt.manifest))
			if err != nil {
				t.Fatal(err)
			}
			if err := jsonx.Unmarshal(raw, tt.ours); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, tt.theirs); err != nil {
				t.Fatal(err)
			}
			spec := reflect.ValueOf(tt.ours).Elem().FieldByName("Spec")
			for _, path := range zeroFields(spec, "spec") {
				if notIstio[path] || strings.HasSuffix(path, ".Rest") {
					continue
				}
				t.Errorf("%s is not set: the name differs from Istio's, or the manifest does not set it", path)
			}
			if diff := missing(generic(t, spec.Interface()), generic(t, tt.theirs)["spec"], "spec"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// notIstio are fields of ours that Istio does not have there: TLS and TCP routes share a type with
// HTTP routes, which alone have names; a patch is for clusters or for listeners. Fields named Rest hold what is not modelled.
var notIstio = map[string]bool{
	"spec.TLS[0].Name": true, "spec.TCP[0].Name": true,
	"spec.ConfigPatches[0].Match.Listener.PortNumber": true,
	"spec.ConfigPatches[1].Match.Cluster.Name":        true, "spec.ConfigPatches[1].Match.Cluster.Service": true,
	"spec.ConfigPatches[1].Match.Cluster.Subset": true, "spec.ConfigPatches[1].Match.Cluster.PortNumber": true,
}

// generic reads a value back as plain JSON.
func generic(t *testing.T, v any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// missing says what of ours is not in theirs.
func missing(ours, theirs any, path string) string {
	switch o := ours.(type) {
	case map[string]any:
		th, ok := theirs.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v, theirs %v", path, ours, theirs)
		}
		for k, v := range o {
			if d := missing(v, th[k], path+"."+k); d != "" {
				return d
			}
		}
	case []any:
		th, ok := theirs.([]any)
		if !ok || len(th) != len(o) {
			return fmt.Sprintf("%s: %v, theirs %v", path, ours, theirs)
		}
		for i, v := range o {
			if d := missing(v, th[i], fmt.Sprintf("%s[%d]", path, i)); d != "" {
				return d
			}
		}
	default:
		if ours != theirs {
			return fmt.Sprintf("%s: %v, theirs %v", path, ours, theirs)
		}
	}
	return ""
}

// zeroFields lists the fields of a value that are zero. A port policy in a port policy would
// never end, and Istio has none.
func zeroFields(v reflect.Value, path string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return []string{path}
		}
		return zeroFields(v.Elem(), path)
	case reflect.Struct:
		var out []string
		for i := range v.NumField() {
			out = append(out, zeroFields(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
		return out
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return []string{path}
		}
		if v.Kind() == reflect.Slice {
			return zeroFields(v.Index(0), path+"[0]")
		}
		return nil
	}
	if v.IsZero() {
		return []string{path}
	}
	return nil
}
