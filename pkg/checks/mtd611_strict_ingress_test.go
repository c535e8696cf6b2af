package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// ingress adds an Ingress that leads to a Service of its namespace.
func (r *recording) ingress(class, service string, port kube.IngressPort) *recording {
	i := &kube.Ingress{Meta: kube.Meta{Namespace: "pay", Name: "web"}}
	i.Spec.ClassName = class
	i.Spec.Rules = []kube.IngressRule{{}, {HTTP: &kube.IngressPaths{Paths: []kube.IngressPath{{Backend: kube.IngressBackend{Service: &kube.IngressService{Name: service, Port: port}}}}}}}
	r.Resources.Ingresses = append(r.Resources.Ingresses, i)
	r.Resources.MarkRead(string(diagnose.Ingresses))
	return r
}

// controller labels a workload's pods as those of an ingress controller.
func (r *recording) controller(workload, name, component string) *recording {
	for _, p := range r.pods(workload) {
		p.Labels["app.kubernetes.io/name"] = name
		p.Labels["app.kubernetes.io/component"] = component
	}
	return r
}

var httpPort = kube.IngressPort{Number: 80}

func TestStrictIngress(t *testing.T) {
	const says = " Ingress pay/web [backend api] 0: Ingress pay/web leads to port 8080 of pay/api, which accepts only mutual TLS, and "
	r := record(t, healthy).ingress("nginx", "api", httpPort)
	f := r.one(mtd611)
	has(t, lines([]*diagnose.Finding{f}), "warning"+says+"no controller with a proxy is seen")
	has(t, f.Fixes[0].Manifest, "mode: PERMISSIVE")
	complete(t, f)

	f = r.controller("naked", "ingress-nginx", "controller").one(mtd611)
	has(t, lines([]*diagnose.Finding{f}), "error"+says+"legacy/naked, a controller, has no proxy")
	has(t, f.Fixes[0].Command, "kubectl -n legacy rollout restart deployment/naked")
	complete(t, f)

	byName := record(t, healthy).ingress("", "api", kube.IngressPort{Name: "http"})
	has(t, byName.says(mtd611), "warning"+says)
}

func TestStrictIngressQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd611)
	record(t, "02-permissive-default").ingress("nginx", "api", httpPort).quiet(mtd611)
	record(t, healthy).ingress("istio", "api", httpPort).silent(mtd611)
	private := record(t, healthy).ingress("private", "api", httpPort)
	private.MeshConfigs["canary"] = &kube.MeshConfig{IngressClass: "private"}
	private.silent(mtd611)
	record(t, healthy).ingress("nginx", "nosuch", httpPort).silent(mtd611)
	record(t, healthy).ingress("nginx", "api", kube.IngressPort{Number: 81}).silent(mtd611)
	record(t, healthy).ingress("nginx", "api", httpPort).controller("multi", "ingress-nginx", "").quiet(mtd611)
	ambient := record(t, healthy).ingress("nginx", "api", httpPort).controller("naked", "ingress-nginx", "")
	for _, p := range ambient.pods("naked") { // whose calls ztunnel carries
		p.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"}
	}
	ambient.quiet(mtd611)
	unread := record(t, healthy).ingress("nginx", "api", httpPort)
	if got := unread.withoutProxy("pay/api").unknowns(mtd611); len(got) == 0 {
		t.Error("pay/api was not read")
	}
	blinded(t, healthy, mtd611)
}

// Which controller serves an Ingress is told by its class: another's pod without a proxy is innocent.
func TestStrictIngressOfWhichController(t *testing.T) {
	for _, c := range []struct{ name, component, class, want string }{
		{"traefik", "", "nginx", "warning"}, // another class
		{"aws-load-balancer-controller", "", "alb", "warning"},
		{"ingress-nginx", "admission-webhook", "nginx", "warning"},
		{"ingress-nginx", "controller", "nginx-internal", "error"},
		{"ingress-nginx", "controller", "", "error"},
	} {
		says := record(t, healthy).ingress(c.class, "api", httpPort).controller("naked", c.name, c.component).says(mtd611)
		has(t, says, c.want+" Ingress pay/web")
		if named := strings.Contains(says, "legacy/naked"); named != (c.want == "error") {
			t.Errorf("%+v: %s", c, says)
		}
	}

	cloud := record(t, healthy).ingress("alb", "api", httpPort).controller("multi", "ingress-nginx", "")
	has(t, cloud.says(mtd611), "warning Ingress pay/web") // a controller with a proxy that does not serve it

	either := record(t, healthy).ingress("nginx", "api", httpPort).controller("multi", "ingress-nginx", "").controller("naked", "ingress-nginx", "")
	says := either.says(mtd611)
	has(t, says, "warning Ingress pay/web")
	has(t, says, "legacy/naked, a controller, has no proxy")
}

// What a class is called says little: its IngressClass names the controller.
func TestStrictIngressOfAClassThatWasRead(t *testing.T) {
	with := func(class, controller, annotation string) *recording {
		r := record(t, healthy).ingress(class, "api", httpPort)
		read := &kube.IngressClass{Meta: kube.Meta{Name: "public", Annotations: map[string]string{"ingressclass.kubernetes.io/is-default-class": annotation}}}
		read.Spec.Controller = controller
		r.Resources.IngressClasses = []*kube.IngressClass{read}
		return r
	}
	has(t, with("public", "k8s.io/ingress-nginx", "").controller("naked", "ingress-nginx", "").says(mtd611), "legacy/naked, a controller, has no proxy")
	has(t, with("", "k8s.io/ingress-nginx", "true").controller("naked", "ingress-nginx", "").says(mtd611), "legacy/naked, a controller, has no proxy")
	if says := with("", "traefik.io/ingress-controller", "true").controller("naked", "ingress-nginx", "").says(mtd611); strings.Contains(says, "legacy/naked") {
		t.Error(says)
	}
	with("public", "istio.io/ingress-controller", "").silent(mtd611)
}

// While a controller gets its proxy, some of its pods have one.
func TestStrictIngressOfAControllerInRollout(t *testing.T) {
	r := record(t, healthy).ingress("nginx", "api", httpPort).controller("naked", "ingress-nginx", "")
	old := r.pods("naked")[0]
	replica := *old
	replica.Name, replica.UID = old.Name+"-meshed", ""
	replica.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"}
	r.Resources.Pods = append([]*kube.Pod{&replica}, r.Resources.Pods...)
	has(t, r.says(mtd611), "warning Ingress pay/web [backend api] 0: Ingress pay/web leads to port 8080 of pay/api, which accepts only mutual TLS, and legacy/naked, a controller, has pods without a proxy")
}
