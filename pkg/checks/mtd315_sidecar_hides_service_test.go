package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestSidecarHides(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	f := r.one(mtd315)
	has(t, r.says(mtd315), "error Sidecar pay/default [spec.egress[0].hosts] 22: Sidecar pay/default hides hl.shop, migration.shop and 2 more from the proxies of pay/api, pay/client, which send them plaintext instead")
	fix := f.Fixes[0].Command
	if strings.Count(fix, `"path":"/spec/egress/0/hosts/-"`) != 5 || !strings.Contains(fix, `"value":"shop/hlmix.shop.svc.cluster.local"`) || !strings.Contains(fix, `"value":"shop/server.shop.svc.cluster.local"`) {
		t.Error(fix)
	}
}

// What was not read may hide more, and what is not exported can not be imported.
func TestSidecarImports(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	if fix := r.one(mtd315).Fixes[0]; fix.Risk != "" {
		t.Error(fix.Risk)
	}
	r.withoutProxy("shop/hl")
	for _, s := range r.Resources.Services {
		if s.Name == "multi" {
			s.Annotations = map[string]string{"networking.istio.io/exportTo": "."}
		}
	}
	for _, f := range r.judge(mtd315).Findings {
		if f.Subject.Kind != "Sidecar" {
			continue
		}
		has(t, f.Fixes[0].Risk, "may be incomplete")
		has(t, f.Fixes[0].Command, "shop/hl.shop.svc.cluster.local")
		if strings.Contains(f.Fixes[0].Command, "multi") {
			t.Error(f.Fixes[0].Command)
		}
	}
}

// A service that is not exported is hidden in the same way, and then the service says so.
func TestExportToHides(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	r.Resources.Sidecars = nil
	for _, s := range r.Resources.Services {
		if s.Namespace == "shop" && s.Name == "server" {
			s.Annotations = map[string]string{"networking.istio.io/exportTo": ".,other"}
		}
	}
	f := r.one(mtd315)
	has(t, r.says(mtd315), "error Service shop/server [metadata.annotations[networking.istio.io/exportTo]]")
	has(t, f.Evidence[len(f.Evidence)-1].Value, "does not include namespace pay")
	hasFix(t, f, `kubectl -n shop patch service server --type=json -p '[{"op":"add","path":"/metadata/annotations/networking.istio.io~1exportTo","value":".,other,pay"}]'`)
}

// With auto mTLS off the proxies would know the services and still send plaintext: there is no such fix.
func TestSidecarImportsMustHeal(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	if f := r.autoOff().one(mtd315); len(f.Fixes) > 0 {
		t.Errorf("%+v", f.Fixes)
	}
}

func TestExportToOfAnEntry(t *testing.T) {
	r := truth(t, "se-selector")
	se := r.Resources.ServiceEntries[0]
	se.Spec.ExportTo, se.Spec.Ports[0].TargetPort = []string{"."}, 80
	for _, p := range []string{"pay/client", "pay/api"} {
		for _, rc := range r.proxy(p).Routes {
			for _, vh := range rc.VirtualHosts {
				for _, route := range vh.Routes {
					for i := range route.Clusters {
						if route.Clusters[i].Name == "outbound|80||int.example" {
							route.Clusters[i].Name = "PassthroughCluster"
						}
					}
				}
			}
		}
	}
	se.Spec.Addresses = []string{r.pods("server")[0].Status.PodIP} // an address that leads somewhere without a proxy's help
	found := r.judge(mtd315).Findings
	if len(found) == 0 {
		t.Error("nothing is found")
	}
	for _, f := range found {
		has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/int [spec.exportTo]")
		hasFix(t, f, `kubectl -n shop patch serviceentry int --type=json -p '[{"op":"add","path":"/spec/exportTo","value":[".","pay"]}]'`)
	}
}

func TestImported(t *testing.T) {
	h := &mesh.Host{Name: "server.shop.svc.cluster.local", Namespace: "shop"}
	for entry, want := range map[string]bool{
		"./*": false, "shop/*": true, "*/*": true, "*/server.shop.svc.cluster.local": true,
		"shop/*.shop.svc.cluster.local": true, "pay/*": false, "shop/other.shop.svc.cluster.local": false,
		"~/*": false, "broken": false,
	} {
		if got := imported(entry, "pay", h); got != want {
			t.Errorf("%s: %v", entry, got)
		}
	}
	if !imported("./*", "shop", h) {
		t.Error("./* is the Sidecar's own namespace")
	}
}

// The Sidecar that selects the pod counts, then the namespace's, then the root namespace's.
func TestSidecarOf(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	selecting := &kube.Sidecar{Meta: kube.Meta{Namespace: "pay", Name: "mine"}}
	selecting.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": "client"}}
	r.Resources.Sidecars = append(r.Resources.Sidecars, selecting)
	has(t, r.says(mtd315), "from the proxies of pay/api, which")

	r.Resources.Sidecars[0].Namespace = "istio-system"
	has(t, r.says(mtd315), "error Sidecar istio-system/default")
}

func TestSidecarHidesQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd315)
	blinded(t, "18-sidecar-egress-hides-service", mtd315)
	unseenProxy(t, "18-sidecar-egress-hides-service", "shop/server", mtd315)
}

// TestExported: what istiod lets a namespace see (push_context.go, IsServiceVisible): its own is none by itself.
func TestExported(t *testing.T) {
	for to, want := range map[string]string{
		"": "shop pay", "*": "shop pay", "~": "", "~,pay": "", "~,*": "shop pay", ".": "shop", "pay": "pay", "shop": "shop", ".,pay": "shop pay",
	} {
		h := &mesh.Host{Namespace: "shop", ExportTo: strings.FieldsFunc(to, func(r rune) bool { return r == ',' })}
		var got []string
		for _, ns := range []string{"shop", "pay"} {
			if exported(h, ns) {
				got = append(got, ns)
			}
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("exportTo %q: %q, want %q", to, all, want)
		}
	}
}

// A host that is exported to nobody is not by one more namespace beside the "~": that has to go.
func TestExportToNobody(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	r.Resources.Sidecars = nil
	for _, s := range r.Resources.Services {
		if s.Namespace == "shop" && s.Name == "server" {
			s.Annotations = map[string]string{"networking.istio.io/exportTo": "~"}
		}
	}
	hasFix(t, r.one(mtd315), `kubectl -n shop patch service server --type=json -p '[{"op":"add","path":"/metadata/annotations/networking.istio.io~1exportTo","value":"pay"}]'`)
}

// A listener with a port imports hosts for that port, and for HTTP nobody else does; other ports are imported by the
// one without.
func TestSidecarListenersWithPorts(t *testing.T) {
	const first = "18-sidecar-egress-hides-service"
	ported := kube.SidecarEgress{Hosts: []string{"shop/server.shop.svc.cluster.local"}, Port: &kube.EntryPort{Number: 80}}
	r := record(t, first)
	s := r.Resources.Sidecars[0]
	s.Spec.Egress = append([]kube.SidecarEgress{ported}, s.Spec.Egress...)
	f := r.one(mtd315)
	if f.Field != "spec.egress" {
		t.Error(f.Field)
	}
	fix := f.Fixes[0]
	has(t, fix.Command, `[{"op":"add","path":"/spec/egress","value":[{"hosts":["shop/server.shop.svc.cluster.local",`)
	has(t, fix.Command, `"shop/migration.shop.svc.cluster.local"`)
	has(t, fix.Risk, "become one")
	if strings.Count(fix.Command, "shop/server.shop") != 1 {
		t.Error(fix.Command)
	}
	for _, e := range f.Edges {
		if e.Server.Name == "server.shop.svc.cluster.local" && e.Server.Port == 80 {
			t.Error("port 80 of shop/server is imported")
		}
	}

	s.Spec.Egress[1].Hosts = []string{"*/*"} // which is not asked about port 80
	for _, e := range r.one(mtd315).Edges {
		if e.Server.Port != 80 {
			t.Errorf("port %d is imported", e.Server.Port)
		}
	}

	r = record(t, first)
	r.Resources.Sidecars[0].Spec.Egress = []kube.SidecarEgress{ported}
	if f = r.one(mtd315); f.Field != "spec.egress" {
		t.Error(f.Field)
	}
	has(t, f.Fixes[0].Command, `[{"op":"add","path":"/spec/egress","value":[{"hosts":["shop/server.shop.svc.cluster.local",`)
}
