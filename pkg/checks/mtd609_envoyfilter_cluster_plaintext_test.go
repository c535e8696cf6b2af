package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// addCluster gives the proxy of pay/client a cluster that istiod did not make.
func (r *recording) addCluster(c envoy.Cluster) {
	p := r.proxy("pay/client")
	c.Name, c.State = "ratelimit", envoy.Active
	p.Clusters = append(p.Clusters, &c)
}

func TestInfrastructureCluster(t *testing.T) {
	for name, ep := range map[string]func(*recording) envoy.Endpoint{
		"host":       func(*recording) envoy.Endpoint { return envoy.Endpoint{Hostname: serverHost, Port: 80} },
		"short host": func(*recording) envoy.Endpoint { return envoy.Endpoint{Hostname: "server.shop", Port: 80} },
		"virtual IP": func(r *recording) envoy.Endpoint {
			for _, s := range r.Resources.Services {
				if s.Name == "server" {
					return envoy.Endpoint{Address: endpointAddress(s.Spec.ClusterIP, 80)}
				}
			}
			return envoy.Endpoint{}
		},
		"pod": func(r *recording) envoy.Endpoint {
			return envoy.Endpoint{Address: endpointAddress(r.pods("server")[0].Status.PodIP, 8080)}
		},
	} {
		r := record(t, healthy)
		r.addCluster(envoy.Cluster{Type: "STRICT_DNS", Endpoints: []envoy.Endpoint{ep(r)}})
		filter := &kube.EnvoyFilter{Meta: kube.Meta{Namespace: "istio-system", Name: "limits"}}
		filter.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: "CLUSTER", Patch: kube.EnvoyPatch{Operation: "ADD", Value: kube.EnvoyConfig{Name: "ratelimit"}}}}
		r.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
		f := r.one(mtd609)
		if got := lines([]*diagnose.Finding{f}); got != "error EnvoyFilter istio-system/limits [cluster ratelimit] 0: cluster ratelimit of pay/client calls shop/server without mutual TLS, which refuses it" {
			t.Errorf("%s: %s", name, got)
		}
		has(t, f.Fixes[1].Manifest, "\"8080\":\n      mode: PERMISSIVE")
		complete(t, f)
	}
}

// Of a cluster whose origin is not known the workload is told, and of a server that takes it as information.
func TestInfrastructureClusterOtherwise(t *testing.T) {
	r := record(t, "02-permissive-default")
	r.addCluster(envoy.Cluster{Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 80}}})
	has(t, r.says(mtd609), "info Deployment pay/client [cluster ratelimit] 0: cluster ratelimit of pay/client calls shop/server without mutual TLS, which takes it")
}

// A version of the cluster that is still warming up has no endpoints.
func TestInfrastructureClusterThatIsReplaced(t *testing.T) {
	r := record(t, "02-permissive-default")
	r.addCluster(envoy.Cluster{})
	p := r.proxy("pay/client")
	p.Clusters[len(p.Clusters)-1].State = envoy.Warming
	r.addCluster(envoy.Cluster{Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 80}}})
	has(t, r.says(mtd609), "cluster ratelimit of pay/client calls shop/server without mutual TLS")
}

func TestInfrastructureClusterQuietAndBlind(t *testing.T) {
	for name, c := range map[string]envoy.Cluster{
		"elsewhere": {Endpoints: []envoy.Endpoint{{Hostname: "www.example.com", Port: 443}}},
		"naked":     {Endpoints: []envoy.Endpoint{{Hostname: "naked.legacy.svc.cluster.local", Port: 80}}},
		"with TLS":  {Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 80}}, Socket: &envoy.TransportSocket{Kind: envoy.TLS}},
		"no port":   {Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 81}}},
	} {
		r := record(t, healthy)
		r.addCluster(c)
		if got := r.says(mtd609); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	shared(t, healthy).silent(mtd609)
	r := record(t, healthy)
	r.addCluster(envoy.Cluster{Endpoints: []envoy.Endpoint{{Hostname: serverHost, Port: 80}}})
	if got := r.withoutProxy("shop/server").unknowns(mtd609); len(got) == 0 {
		t.Error("shop/server was not read")
	}
	blinded(t, healthy, mtd609)
	unseenProxy(t, healthy, "pay/client", mtd609)
}
