package kube_test

import (
	"testing"

	jsonx "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func fromYAML(t *testing.T, text string, into any) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = jsonx.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRoute: the fields as gateway-api.sigs.k8s.io/reference/spec has them.
func TestRoute(t *testing.T) {
	var r kube.Route
	fromYAML(t, `
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: public}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: server, port: 80}, {name: old, port: 80, weight: 0}, {kind: ServiceImport, name: far, port: 80}]
  - backendRefs: [{kind: Service, name: api, namespace: pay, port: 81, weight: 1}]
status:
  parents:
  - parentRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
    controllerName: example.com/gateway
    conditions: [{type: ResolvedRefs, status: "False"}, {type: Accepted, status: "True"}]
  - parentRef: {group: "", kind: Service, name: server, namespace: pay}
    controllerName: istio.io/mesh-controller
    conditions: [{type: Accepted, status: "False"}]
`, &r)
	want := []kube.ServiceReference{{Namespace: "shop", Name: "server", Port: 80}, {Namespace: "pay", Name: "api", Port: 81}}
	if diff := cmp.Diff(want, r.Services()); diff != "" {
		t.Error(diff)
	}
	first, second := r.Status.Parents[0], r.Status.Parents[1]
	if key, is := first.Gateway(&r); key != (kube.Key{Namespace: "shop", Name: "public"}) || !is || !first.Accepted() {
		t.Errorf("%v, %t: %+v", key, is, first)
	}
	if key, is := second.Gateway(&r); key.Namespace != "pay" || is || second.Accepted() {
		t.Errorf("%v, %t: %+v", key, is, second)
	}
}

func TestRoutesOfAllKinds(t *testing.T) {
	one := func(name string) []*kube.Route { return []*kube.Route{{Meta: kube.Meta{Namespace: "n", Name: name}}} }
	r := &kube.Resources{HTTPRoutes: one("a"), GRPCRoutes: one("b"), TLSRoutes: one("c"), TCPRoutes: one("d")}
	var got []string
	for ref := range r.Routes() {
		got = append(got, ref.String())
	}
	if diff := cmp.Diff([]string{"HTTPRoute n/a", "GRPCRoute n/b", "TLSRoute n/c", "TCPRoute n/d"}, got); diff != "" {
		t.Error(diff)
	}
	for range r.Routes() {
		break // and nothing panics
	}
}

// TestMonitor: the fields as prometheus-operator.dev/docs/api-reference/api has them.
func TestMonitor(t *testing.T) {
	var m kube.Monitor
	fromYAML(t, `
metadata: {name: apps, namespace: monitoring}
spec:
  selector:
    matchLabels: {team: shop}
    matchExpressions: [{key: old, operator: DoesNotExist}]
  endpoints:
  - {port: http, interval: 15s, scheme: https, tlsConfig: {certFile: /etc/prom-certs/cert-chain.pem}, relabelings: [{action: keep, sourceLabels: [a], regex: b}]}
  - targetPort: 8080
  podMetricsEndpoints: [{portNumber: 81}]
`, &m)
	want := []kube.MonitorEndpoint{{Port: "http", Scheme: "https", Relabelings: []kube.Relabeling{{Action: "keep"}}}, {TargetPort: &kube.IntOrString{Int: 8080}}}
	if diff := cmp.Diff(want, m.Spec.Endpoints); diff != "" || m.Spec.PodEndpoints[0].PortNumber != 81 {
		t.Errorf("%s; %+v", diff, m.Spec.PodEndpoints)
	}
	labels := map[string]string{"team": "shop"}
	for _, c := range []struct {
		of        kube.NamespaceSelector
		namespace string
		want      bool
	}{
		{kube.NamespaceSelector{}, "monitoring", true},
		{kube.NamespaceSelector{}, "shop", false},
		{kube.NamespaceSelector{Names: []string{"shop"}}, "shop", true},
		{kube.NamespaceSelector{Names: []string{"shop"}}, "monitoring", false},
		{kube.NamespaceSelector{Any: true}, "pay", true},
	} {
		if m.Spec.Namespaces = c.of; m.Selects(c.namespace, labels) != c.want || m.Selects(c.namespace, nil) {
			t.Errorf("%+v selects %s: not %t", c.of, c.namespace, c.want)
		}
	}
}

func TestLabelSelector(t *testing.T) {
	labels := map[string]string{"app": "a"}
	for _, c := range []struct {
		kube.LabelRequirement
		want bool
	}{
		{kube.LabelRequirement{Key: "app", Operator: "In", Values: []string{"a", "b"}}, true},
		{kube.LabelRequirement{Key: "app", Operator: "In", Values: []string{"b"}}, false},
		{kube.LabelRequirement{Key: "tier", Operator: "In", Values: []string{""}}, false},
		{kube.LabelRequirement{Key: "app", Operator: "NotIn", Values: []string{"a"}}, false},
		{kube.LabelRequirement{Key: "tier", Operator: "NotIn", Values: []string{"a"}}, true},
		{kube.LabelRequirement{Key: "app", Operator: "Exists"}, true},
		{kube.LabelRequirement{Key: "tier", Operator: "Exists"}, false},
		{kube.LabelRequirement{Key: "app", Operator: "DoesNotExist"}, false},
		{kube.LabelRequirement{Key: "tier", Operator: "DoesNotExist"}, true},
		{kube.LabelRequirement{Key: "app", Operator: "Like"}, false},
	} {
		s := kube.LabelSelector{MatchExpressions: []kube.LabelRequirement{c.LabelRequirement}}
		if s.Matches(labels) != c.want {
			t.Errorf("%+v: not %t", c.LabelRequirement, c.want)
		}
	}
}
