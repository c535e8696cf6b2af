package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// remark gives the endpoints of a service, in the config of all proxies, another tlsMode: "" for none.
func (r *recording) remark(service, mode string) {
	for _, p := range r.Proxies {
		for name, list := range p.Endpoints {
			for i := range list {
				if !strings.HasSuffix(name, "||"+service+".svc.cluster.local") {
					continue
				}
				list[i].SocketMatch = nil
				if mode != "" {
					list[i].SocketMatch = map[string]string{"tlsMode": mode}
				}
			}
		}
	}
}

// relabel sets the label by which istiod knows that pods do mutual TLS; "" removes it.
func (r *recording) relabel(app, mode string) {
	for _, p := range r.pods(app) {
		withTLSMode(mode)(p)
	}
}

func TestLabelMissing(t *testing.T) {
	for _, mode := range []string{"", "disabled"} {
		r := record(t, healthy)
		r.relabel("server", mode)
		r.remark("server.shop", "")
		f := r.one(mtd322)
		has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [spec.template.metadata.labels[security.istio.io/tlsMode]] 21: "+
			"pods of shop/server have a proxy and no label security.istio.io/tlsMode: istio, so clients of server.shop send plaintext, which shop/server refuses")
		hasFix(t, f, `kubectl -n shop patch deployment server --type=json -p '[{"op":"add","path":"/spec/template/metadata/labels/security.istio.io~1tlsMode","value":"istio"}]'`)
		has(t, f.Evidence[0].Source, "label security.istio.io/tlsMode")
		complete(t, f)
		if got := causes(r.judge(All()...)); len(got) != 1 {
			t.Errorf("one fault, and to blame are %v", got)
		}
	}
}

// Behind a headless Service it turns all clients to plaintext, with nobody to be injected.
func TestLabelMissingBehindAHeadlessService(t *testing.T) {
	r := record(t, healthy)
	r.relabel("hl", "")
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "||hl.shop.svc.cluster.local") {
				c.Socket, c.Matches = nil, nil
			}
		}
	}
	has(t, r.says(mtd322), "error Deployment shop/hl [spec.template.metadata.labels[security.istio.io/tlsMode]] 14: pods of shop/hl have a proxy and no label")
	r.silent(mtd312)
}

// Endpoints written by hand lead to pods that istiod looks for in the Service's namespace only.
func TestEndpointsByHand(t *testing.T) {
	f := byHand(t).one(mtd322)
	has(t, lines([]*diagnose.Finding{f}), "error Service pay/server [spec.selector] 7: the endpoints of Service pay/server are written by hand and lead to shop/server in another namespace")
	has(t, f.Fixes[0].Manifest, "host: server.pay.svc.cluster.local")
	complete(t, f)
}

// Behind a headless Service they turn all clients to plaintext, though every pod has the label.
func TestHeadlessEndpointsByHand(t *testing.T) {
	r := byHand(t)
	for _, s := range r.Resources.Services {
		if s.Namespace == "pay" && s.Name == "server" {
			s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", nil
		}
	}
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "||server.pay.svc.cluster.local") {
				c.Socket, c.Matches = nil, nil
			}
		}
	}
	has(t, r.says(mtd322), "error Service pay/server [spec.selector]")
}

// byHand moves Service shop/server to namespace pay, with endpoints that name no pod.
func byHand(t *testing.T) *recording {
	r := record(t, healthy)
	r.remark("server.shop", "")
	for _, s := range r.Resources.Services {
		if s.Namespace == "shop" && s.Name == "server" {
			s.Namespace = "pay"
		}
	}
	for _, s := range r.Resources.EndpointSlices {
		if s.Namespace == "shop" && s.Service() == "server" {
			s.Namespace = "pay"
			for i := range s.Endpoints {
				s.Endpoints[i].TargetRef = nil
			}
		}
	}
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			c.Name = strings.Replace(c.Name, "server.shop.", "server.pay.", 1)
			c.ServiceName = strings.Replace(c.ServiceName, "server.shop.", "server.pay.", 1)
		}
		for name, list := range p.Endpoints {
			p.Endpoints[strings.Replace(name, "server.shop.", "server.pay.", 1)] = list
		}
		for _, rc := range p.Routes {
			for _, vh := range rc.VirtualHosts {
				for i := range vh.Domains {
					vh.Domains[i] = strings.Replace(vh.Domains[i], "server.shop.", "server.pay.", 1)
				}
				for _, route := range vh.Routes {
					for i := range route.Clusters {
						route.Clusters[i].Name = strings.Replace(route.Clusters[i].Name, "server.shop.", "server.pay.", 1)
					}
				}
			}
		}
	}
	return r
}

// A gateway has no such label, and needs none.
func TestLabelOfAGateway(t *testing.T) {
	r := record(t, healthy)
	r.gateway("shop.example", nil)
	r.silent(mtd322)
}

func TestLabelMissingQuietAndBlind(t *testing.T) {
	open := record(t, "02-permissive-default")
	open.relabel("server", "")
	open.remark("server.shop", "")
	open.quiet(mtd322)
	shared(t, healthy).silent(mtd322)
	shared(t, "08-headless-mixed").silent(mtd322)
	blinded(t, healthy, mtd322)
	unseenProxy(t, healthy, "shop/server", mtd322)
	r := record(t, healthy)
	r.relabel("server", "")
	r.remark("server.shop", "")
	r.Resources.DestinationRules = append(r.Resources.DestinationRules, &kube.DestinationRule{
		Meta: kube.Meta{Namespace: "shop", Name: "server"},
		Spec: kube.DestinationRuleSpec{Host: "server", TrafficPolicy: &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "DISABLE"}}},
	})
	r.silent(mtd322) // then the rule is to blame
}
