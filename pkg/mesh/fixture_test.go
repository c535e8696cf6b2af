package mesh_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// resources reads objects as they stand in YAML's JSON form; every list counts as read.
func resources(t *testing.T, objects ...string) *kube.Resources {
	t.Helper()
	r := &kube.Resources{}
	for _, o := range objects {
		if known, err := r.AddObject([]byte(o)); err != nil || !known {
			t.Fatalf("%v (known %t): %s", err, known, o)
		}
	}
	for _, k := range kube.Kinds() {
		r.MarkRead(k.ID())
	}
	return r
}

func snapshot(t *testing.T, objects ...string) *mesh.Snapshot {
	t.Helper()
	return mesh.New(&mesh.Evidence{Resources: resources(t, objects...)})
}

// pod is shop/NAME with an address and whatever else its metadata, spec and status hold.
func pod(name, ip, metadata, spec string) string {
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","namespace":"shop"` + comma(metadata) + `},"spec":{` + spec +
		`},"status":{"phase":"Running","podIP":"` + ip + `","conditions":[{"type":"Ready","status":"True"}]}}`
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return "," + s
}

func service(name, spec string) string {
	return `{"apiVersion":"v1","kind":"Service","metadata":{"name":"` + name + `","namespace":"shop"},"spec":{` + spec + `}}`
}

func slice(of, ports, endpoints string) string {
	return `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"` + of + `-x","namespace":"shop","labels":{"kubernetes.io/service-name":"` +
		of + `"}},"ports":[` + ports + `],"endpoints":[` + endpoints + `]}`
}

func entry(name, spec string) string {
	return `{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"` + name + `","namespace":"shop"},"spec":{` + spec + `}}`
}

// list writes endpoints as "10.1.0.1:8080 ready shop/server", "www.example.com:443 ready".
func list(endpoints []mesh.Endpoint) []string {
	var out []string
	for _, e := range endpoints {
		words := []string{e.Address.String()}
		if e.Hostname != "" {
			words[0] = e.Hostname + ":" + netip.AddrPortFrom(netip.IPv4Unspecified(), e.Address.Port()).String()[len("0.0.0.0:"):]
		}
		if e.Ready {
			words = append(words, "ready")
		}
		if e.Pod != nil {
			words = append(words, e.Pod.Key().String())
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func proxyOf(nodeType, id string) *envoy.Proxy {
	return &envoy.Proxy{Node: envoy.Node{Type: nodeType, ID: id}}
}
