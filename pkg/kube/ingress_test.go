package kube_test

import (
	"testing"

	jsonx "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestIngress: the fields as kubernetes.io/docs/concepts/services-networking/ingress has them.
func TestIngress(t *testing.T) {
	raw, err := yaml.YAMLToJSON([]byte(`
metadata: {name: web, namespace: shop, annotations: {kubernetes.io/ingress.class: old}}
spec:
  defaultBackend: {service: {name: fallback, port: {number: 80}}}
  rules:
  - host: a.example
  - http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: server, port: {name: http}}}}
      - {path: /icons, pathType: Prefix, backend: {resource: {apiGroup: k8s.example, kind: Bucket, name: icons}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var i kube.Ingress
	if err := jsonx.Unmarshal(raw, &i); err != nil {
		t.Fatal(err)
	}
	want := []*kube.IngressService{{Name: "fallback", Port: kube.IngressPort{Number: 80}}, {Name: "server", Port: kube.IngressPort{Name: "http"}}}
	if diff := cmp.Diff(want, i.Services()); diff != "" {
		t.Error(diff)
	}
	if got := i.Class(); got != "old" {
		t.Errorf("the annotation names the class: %q", got)
	}
	if i.Spec.ClassName = "nginx"; i.Class() != "nginx" {
		t.Errorf("the field wins: %q", i.Class())
	}
}
