package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const envoyGateway = "gateway.envoyproxy.io/gatewayclass-controller"

// route adds an HTTPRoute of Gateway legacy/public, which a controller has taken, that leads to pay/api.
func (r *recording) route(controller string) *kube.Route {
	route := &kube.Route{Meta: kube.Meta{Namespace: "pay", Name: "web"}}
	route.Spec.Rules = []kube.RouteRule{{BackendRefs: []kube.BackendRef{{Name: "api", Port: 80}}}}
	route.Status.Parents = []kube.RouteParent{{
		ParentRef: kube.ParentRef{Namespace: "legacy", Name: "public"}, ControllerName: controller, Conditions: []kube.Condition{{Type: "Accepted", Status: "True"}},
	}}
	r.Resources.HTTPRoutes = append(r.Resources.HTTPRoutes, route)
	return route
}

// mark labels a workload's pods.
func (r *recording) mark(workload string, labels map[string]string) *recording {
	for _, p := range r.pods(workload) {
		for k, v := range labels {
			p.Labels[k] = v
		}
	}
	return r
}

func TestStrictGatewayRoute(t *testing.T) {
	const says = " HTTPRoute pay/web [backendRef pay/api] 0: HTTPRoute pay/web leads to port 8080 of pay/api, which accepts only mutual TLS, and "
	r := record(t, healthy)
	r.route(envoyGateway)
	f := r.one(mtd613)
	has(t, lines([]*diagnose.Finding{f}), "warning"+says+"no gateway with a proxy is seen")
	has(t, f.Fixes[0].Manifest, "mode: PERMISSIVE")
	complete(t, f)

	f = r.mark("naked", map[string]string{"gateway.networking.k8s.io/gateway-name": "public"}).one(mtd613)
	has(t, lines([]*diagnose.Finding{f}), "error"+says+"legacy/naked, a gateway, has no proxy")
	has(t, f.Fixes[0].Command, "kubectl -n legacy rollout restart deployment/naked")
	complete(t, f)
}

// A route is attached to several listeners of one Gateway, each with a status of its own.
func TestStrictGatewayRouteOfTwoListeners(t *testing.T) {
	r := record(t, healthy).mark("naked", map[string]string{gatewayLabels[0].name: "public"})
	route := r.route(envoyGateway)
	once := r.one(mtd613)
	route.Status.Parents = append(route.Status.Parents, route.Status.Parents[0])
	if diff := cmp.Diff(once.Fixes, r.one(mtd613).Fixes); diff != "" {
		t.Error(diff)
	}
}

// Whose pods carry a Gateway's traffic is told by labels: another's pod without a proxy is innocent.
func TestStrictGatewayRouteOfWhichGateway(t *testing.T) {
	for name, c := range map[string]struct {
		controller, workload string
		labels               map[string]string
		want                 string // severity; "" for none
	}{
		"another gateway":  {envoyGateway, "naked", map[string]string{gatewayLabels[0].name: "private"}, "warning"},
		"envoy gateway":    {envoyGateway, "naked", map[string]string{gatewayLabels[1].name: "public", gatewayLabels[1].namespace: "legacy"}, "error"},
		"of elsewhere":     {envoyGateway, "naked", map[string]string{gatewayLabels[1].name: "public", gatewayLabels[1].namespace: "pay"}, "warning"},
		"traefik":          {"traefik.io/gateway-controller", "naked", map[string]string{"app.kubernetes.io/name": "traefik"}, "error"},
		"another's":        {"traefik.io/gateway-controller", "naked", map[string]string{"app.kubernetes.io/name": "kong"}, "warning"},
		"not a controller": {"traefik.io/gateway-controller", "naked", map[string]string{"app.kubernetes.io/name": "gateway"}, "warning"},
		"with a proxy":     {"traefik.io/gateway-controller", "multi", map[string]string{"app.kubernetes.io/name": "traefik"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			r.route(c.controller)
			if r.mark(c.workload, c.labels); c.want == "" {
				r.quiet(mtd613)
				return
			}
			has(t, r.says(mtd613), c.want+" HTTPRoute pay/web")
		})
	}
}

func TestStrictGatewayRouteQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd613)
	open := record(t, "02-permissive-default")
	open.route(envoyGateway)
	open.quiet(mtd613)
	for name, change := range map[string]func(*kube.Route){
		"Istio's":         func(r *kube.Route) { r.Status.Parents[0].ControllerName = "istio.io/gateway-controller" },
		"of a mesh":       func(r *kube.Route) { r.Status.Parents[0].ParentRef.Kind = "Service" },
		"not accepted":    func(r *kube.Route) { r.Status.Parents[0].Conditions[0].Status = "False" },
		"no weight":       func(r *kube.Route) { r.Spec.Rules[0].BackendRefs[0].Weight = new(int32) },
		"not a Service":   func(r *kube.Route) { r.Spec.Rules[0].BackendRefs[0].Kind = "InferencePool" },
		"no such port":    func(r *kube.Route) { r.Spec.Rules[0].BackendRefs[0].Port = 81 },
		"no such Service": func(r *kube.Route) { r.Spec.Rules[0].BackendRefs[0].Namespace = "nosuch" },
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			change(r.route(envoyGateway))
			r.silent(mtd613)
		})
	}
	unread := record(t, healthy)
	unread.route(envoyGateway)
	if got := unread.withoutProxy("pay/api").unknowns(mtd613); len(got) == 0 {
		t.Error("pay/api was not read")
	}
	blinded(t, healthy, mtd613)
}
