package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const externalEntry = "se-external-is-mesh"

func TestExternalEntryOfTheMesh(t *testing.T) {
	r := truth(t, externalEntry)
	f := r.one(mtd320)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry pay/ext [spec.location] 14: "+
		"ServiceEntry pay/ext leads to shop/server, which is STRICT, and says MESH_EXTERNAL: clients of ext.example send it plaintext")
	hasFix(t, f, `kubectl -n pay patch serviceentry ext --type=json -p '[{"op":"add","path":"/spec/location","value":"MESH_INTERNAL"},`+
		`{"op":"add","path":"/spec/endpoints/0/labels","value":{"security.istio.io/tlsMode":"istio"}}]'`)
	has(t, f.Fixes[0].Risk, "any identity of the mesh")
	has(t, f.Fixes[1].Manifest, "host: ext.example\n  trafficPolicy:\n    tls:\n      mode: ISTIO_MUTUAL\n")
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// internal makes the recorded entry one of the mesh, in the namespace of its endpoint: clients then
// choose by endpoint, and this one is not marked.
func (r *recording) internal() *kube.ServiceEntry {
	se := *r.Resources.ServiceEntries[0]
	se.Namespace, se.Spec.Location = "shop", "MESH_INTERNAL"
	r.Resources.ServiceEntries = []*kube.ServiceEntry{&se}
	for _, p := range r.Proxies {
		var auto []envoy.SocketMatch
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "|80||server.shop.svc.cluster.local") {
				auto = c.Matches
			}
		}
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "||ext.example") {
				c.Matches = auto
			}
		}
	}
	return &se
}

func TestInternalEntryWithoutMark(t *testing.T) {
	r := truth(t, externalEntry)
	r.internal()
	f := r.one(mtd320)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/ext [spec.endpoints[0].serviceAccount] 14: "+
		"ServiceEntry shop/ext leads to shop/server, which is STRICT, and does not say that the endpoint does mutual TLS: clients of ext.example send it plaintext")
	hasFix(t, f, `kubectl -n shop patch serviceentry ext --type=json -p '[{"op":"add","path":"/spec/endpoints/0/serviceAccount","value":"server"}]'`)
	if f.Fixes[0].Risk != "" {
		t.Error(f.Fixes[0].Risk)
	}
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// selected makes an entry select its endpoints, and a WorkloadEntry that it selects, which has no address yet.
func (r *recording) selected(se *kube.ServiceEntry) *kube.WorkloadEntry {
	we := &kube.WorkloadEntry{Meta: kube.Meta{Namespace: se.Namespace, Name: "vm"}}
	we.Spec.Labels = map[string]string{"app": "vm"}
	se.Spec.WorkloadSelector = &kube.EntrySelector{Labels: we.Spec.Labels}
	r.Resources.WorkloadEntries = []*kube.WorkloadEntry{we}
	return we
}

// What selects its endpoints is not to blame, but the WorkloadEntry that it selects.
func TestWorkloadEntryWithoutMark(t *testing.T) {
	r := truth(t, externalEntry)
	se := r.internal()
	we := r.selected(se)
	we.Spec.Address = se.Spec.Endpoints[0].Address
	se.Spec.Endpoints = nil
	f := r.one(mtd320)
	has(t, lines([]*diagnose.Finding{f}), "error WorkloadEntry shop/vm [spec.serviceAccount] 14: ")
	hasFix(t, f, `kubectl -n shop patch workloadentry vm --type=json -p '[{"op":"add","path":"/spec/serviceAccount","value":"server"}]'`)
}

// rename has the proxies know a host of ServiceEntries by another name.
func (r *recording) rename(from, to string) {
	named := func(s string) string { return strings.ReplaceAll(s, from, to) }
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			c.Name, c.ServiceName = named(c.Name), named(c.ServiceName)
		}
		for name, list := range p.Endpoints {
			delete(p.Endpoints, name)
			p.Endpoints[named(name)] = list
		}
		for _, rc := range p.Routes {
			for _, vh := range rc.VirtualHosts {
				for i := range vh.Domains {
					vh.Domains[i] = named(vh.Domains[i])
				}
				for _, route := range vh.Routes {
					for i := range route.Clusters {
						route.Clusters[i].Name = named(route.Clusters[i].Name)
					}
				}
			}
		}
	}
}

// Nor is a Service that selects it.
func TestServiceOfAWorkloadEntryWithoutMark(t *testing.T) {
	r := truth(t, externalEntry)
	se := r.internal()
	we := r.selected(se)
	we.Spec.Address, we.Spec.Ports = se.Spec.Endpoints[0].Address, map[string]int32{"http": 8080}
	service := &kube.Service{Meta: kube.Meta{Namespace: "shop", Name: "vm"}}
	service.Spec.Selector, service.Spec.ClusterIP = we.Spec.Labels, se.Spec.Addresses[0]
	service.Spec.Ports = []kube.ServicePort{{Name: "http", Port: 80}}
	r.Resources.ServiceEntries, r.Resources.Services = nil, append(r.Resources.Services, service)
	r.rename("ext.example", "vm.shop.svc.cluster.local")
	f := r.one(mtd320)
	has(t, lines([]*diagnose.Finding{f}), "error WorkloadEntry shop/vm [spec.serviceAccount] 7: ")
	hasFix(t, f, `kubectl -n shop patch workloadentry vm --type=json -p '[{"op":"add","path":"/spec/serviceAccount","value":"server"}]'`)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// A label beside others is added, not put in their place, and an account of another namespace is not named.
func TestMark(t *testing.T) {
	pod := &mesh.Pod{Pod: &kube.Pod{}}
	pod.Namespace, pod.Spec.ServiceAccountName = "shop", "server"
	we := kube.WorkloadEntrySpec{Labels: map[string]string{"app": "x"}}
	var m marker
	m.mark(&we, "pay", "/spec", pod)
	if got := m.operations[0]; got != `{"op":"add","path":"/spec/labels/security.istio.io~1tlsMode","value":"istio"}` || !m.anonymous {
		t.Error(got)
	}
	if we.ServiceAccount != "" || we.Labels[tlsMode] != "istio" || we.Labels["app"] != "x" {
		t.Errorf("%+v", we)
	}
}

func TestUnmarkedQuietAndBlind(t *testing.T) {
	marked := truth(t, externalEntry)
	marked.internal().Spec.Endpoints[0].ServiceAccount = "server"
	marked.silent(mtd320) // then the proxies are behind, not the entry
	truth(t, "se-selector").silent(mtd320)
	shared(t, "14-serviceentry-double-tls").silent(mtd320)
	shared(t, healthy).silent(mtd320)
	for _, need := range mtd320.Needs {
		r := truth(t, externalEntry)
		if need == diagnose.Proxies {
			r.Proxies = nil
		}
		r.unread(need)
		r.blind(mtd320, need)
	}
	if got := truth(t, externalEntry).withoutProxy("shop/server").unknowns(mtd320); len(got) == 0 {
		t.Error("shop/server was not read")
	}
}
