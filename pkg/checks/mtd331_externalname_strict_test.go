package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// alias adds an ExternalName Service for server.shop, with the clusters that an istiod gives it that
// does not resolve aliases.
func (r *recording) alias() {
	s := &kube.Service{Meta: kube.Meta{Namespace: "shop", Name: "alias"}}
	s.Spec.Type, s.Spec.ExternalName = "ExternalName", serverHost
	s.Spec.Ports = []kube.ServicePort{{Name: "http", Port: 80}}
	r.Resources.Services = append(r.Resources.Services, s)
	for _, p := range r.Proxies {
		for name, rc := range p.Routes {
			if name == "80" {
				rc.VirtualHosts = append([]*envoy.VirtualHost{{
					Name: "alias", Domains: []string{"alias.shop.svc.cluster.local"},
					Routes: []*envoy.Route{{CatchAll: true, Clusters: []envoy.WeightedCluster{{Name: "outbound|80||alias.shop.svc.cluster.local"}}}},
				}}, rc.VirtualHosts...)
			}
		}
		p.Clusters = append(p.Clusters, &envoy.Cluster{
			Name: "outbound|80||alias.shop.svc.cluster.local", Type: "STRICT_DNS", Freshness: envoy.Freshness{State: envoy.Active},
			Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 80}},
		})
	}
}

func TestAlias(t *testing.T) {
	r := record(t, healthy)
	r.alias()
	f := r.one(mtd331)
	has(t, lines([]*diagnose.Finding{f}), "error Service shop/alias [spec.externalName] 7: "+
		"Service shop/alias stands for server.shop.svc.cluster.local, which is in the mesh and STRICT")
	has(t, f.Fixes[1].Manifest, "host: alias.shop.svc.cluster.local")
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

func TestAliasQuietAndBlind(t *testing.T) {
	ruled := record(t, healthy)
	ruled.alias()
	ruled.addRule("shop", "alias", "alias", "DISABLE")
	ruled.silent(mtd331)
	has(t, ruled.says(mtd301), "DestinationRule shop/alias")
	open := record(t, "02-permissive-default")
	open.alias()
	if got := open.says(mtd331); strings.Contains(got, "error") {
		t.Error(got)
	}
	shared(t, healthy).silent(mtd331)
	blinded(t, healthy, mtd331)
	unseenProxy(t, healthy, "shop/server", mtd331)
}
