package oracle

import (
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// mutant is a misreading that the comparison must catch: of resources, before pkg/policy sees
// them, or of a proxy's config, before pkg/handshake does.
type mutant struct {
	name      string
	resources func(*kube.Resources)
	proxy     func(*envoy.Proxy)
}

func mutants() []mutant {
	return append(policyMutants(), proxyMutants()...)
}

func peers(f func(*kube.PeerAuthentication)) func(*kube.Resources) {
	return func(r *kube.Resources) {
		for _, p := range r.PeerAuthentications {
			f(p)
		}
	}
}

func rules(f func(*kube.DestinationRule)) func(*kube.Resources) {
	return func(r *kube.Resources) {
		for _, d := range r.DestinationRules {
			f(d)
		}
	}
}

// policies are the traffic policies of a rule, its subsets' too.
func policies(f func(*kube.TrafficPolicy)) func(*kube.Resources) {
	return rules(func(d *kube.DestinationRule) {
		list := []*kube.TrafficPolicy{d.Spec.TrafficPolicy}
		for _, s := range d.Spec.Subsets {
			list = append(list, s.TrafficPolicy)
		}
		for _, p := range list {
			if p != nil {
				f(p)
			}
		}
	})
}

func policyMutants() []mutant {
	youngest := func(m *kube.Meta) { m.CreationTimestamp = epoch.Add(epoch.Sub(m.CreationTimestamp)) }
	return []mutant{
		{name: "peer-youngest-wins", resources: peers(func(p *kube.PeerAuthentication) { youngest(&p.Meta) })},
		{name: "peer-ports-ignored", resources: peers(func(p *kube.PeerAuthentication) { p.Spec.PortLevelMTLS = nil })},
		{name: "peer-unset-is-permissive", resources: peers(func(p *kube.PeerAuthentication) {
			if p.Spec.MTLS != nil && p.Spec.MTLS.Mode == "UNSET" {
				p.Spec.MTLS.Mode = "PERMISSIVE"
			}
		})},
		{name: "peer-selector-ignored", resources: peers(func(p *kube.PeerAuthentication) { p.Spec.Selector = nil })},
		{name: "rule-youngest-wins", resources: rules(func(d *kube.DestinationRule) { youngest(&d.Meta) })},
		{name: "rule-exported-everywhere", resources: rules(func(d *kube.DestinationRule) { d.Spec.ExportTo = []string{"*"} })},
		{name: "rule-export-default", resources: rules(func(d *kube.DestinationRule) {
			if d.Spec.ExportTo == nil {
				d.Spec.ExportTo = []string{"*"}
			}
		})},
		{name: "rule-for-all-workloads", resources: rules(func(d *kube.DestinationRule) { d.Spec.WorkloadSelector = nil })},
		{name: "rule-wildcards-ignored", resources: rules(func(d *kube.DestinationRule) { d.Spec.Host = strings.TrimPrefix(d.Spec.Host, "*") })},
		{name: "rule-half-names-completed", resources: rules(func(d *kube.DestinationRule) {
			if strings.Count(d.Spec.Host, ".") == 1 && strings.HasSuffix(d.Spec.Host, ".a") {
				d.Spec.Host += ".svc.cluster.local"
			}
		})},
		{name: "rule-subset-policy-ignored", resources: rules(func(d *kube.DestinationRule) {
			for i := range d.Spec.Subsets {
				d.Spec.Subsets[i].TrafficPolicy = nil
			}
		})},
		{name: "rule-empty-policy-is-none", resources: rules(func(d *kube.DestinationRule) {
			if p := d.Spec.TrafficPolicy; p != nil && p.TLS == nil && p.LoadBalancer == nil && p.PortLevelSettings == nil {
				d.Spec.TrafficPolicy = nil
			}
		})},
		{name: "rule-root-ignored", resources: rules(func(d *kube.DestinationRule) {
			if d.Namespace == root {
				d.Namespace = "nobody"
			}
		})},
		{name: "port-settings-inherit-tls", resources: policies(func(p *kube.TrafficPolicy) {
			for i := range p.PortLevelSettings {
				if p.PortLevelSettings[i].TLS == nil {
					p.PortLevelSettings[i].TLS = p.TLS
				}
			}
		})},
		{name: "port-settings-ignored", resources: policies(func(p *kube.TrafficPolicy) { p.PortLevelSettings = nil })},
		{name: "passthrough-ignored", resources: policies(func(p *kube.TrafficPolicy) { p.LoadBalancer = nil })},
		{name: "no-mode-is-istio-mutual", resources: policies(func(p *kube.TrafficPolicy) {
			if p.TLS != nil && p.TLS.Mode == "" {
				p.TLS.Mode = "ISTIO_MUTUAL"
			}
		})},
		{name: "istio-mutual-is-auto", resources: policies(func(p *kube.TrafficPolicy) {
			if p.TLS != nil && p.TLS.Mode == "ISTIO_MUTUAL" {
				p.TLS = nil
			}
		})},
	}
}

func matches(f func(*envoy.FilterChainMatch)) func(*envoy.Proxy) {
	return func(p *envoy.Proxy) {
		for _, l := range p.Listeners {
			for _, fc := range l.FilterChains {
				f(&fc.Match)
			}
		}
	}
}

func clusters(f func(*envoy.Cluster)) func(*envoy.Proxy) {
	return func(p *envoy.Proxy) {
		for _, c := range p.Clusters {
			f(c)
		}
	}
}

func listeners(f func(*envoy.Listener)) func(*envoy.Proxy) {
	return func(p *envoy.Proxy) {
		for _, l := range p.Listeners {
			f(l)
		}
	}
}

func proxyMutants() []mutant {
	return []mutant{
		{name: "chain-alpn-ignored", proxy: matches(func(m *envoy.FilterChainMatch) { m.ApplicationProtocols = nil })},
		{name: "chain-transport-ignored", proxy: matches(func(m *envoy.FilterChainMatch) { m.TransportProtocol = "" })},
		{name: "chain-port-ignored", proxy: matches(func(m *envoy.FilterChainMatch) { m.DestinationPort = 0 })},
		{name: "chain-server-names-ignored", proxy: matches(func(m *envoy.FilterChainMatch) { m.ServerNames = nil })},
		{name: "chain-addresses-ignored", proxy: matches(func(m *envoy.FilterChainMatch) { m.DestinationPrefixes = nil })},
		{name: "no-default-chain", proxy: listeners(func(l *envoy.Listener) { l.Default = nil })},
		{name: "no-inspectors", proxy: listeners(func(l *envoy.Listener) { l.Filters = nil })},
		{name: "socket-matches-ignored", proxy: clusters(func(c *envoy.Cluster) { c.Matches = nil })},
		{name: "socket-ignored", proxy: clusters(func(c *envoy.Cluster) { c.Socket = nil })},
		{name: "port-override-ignored", proxy: clusters(func(c *envoy.Cluster) { c.PortOverride = 0 })},
		{name: "endpoint-marks-ignored", proxy: func(p *envoy.Proxy) {
			for _, list := range p.Endpoints {
				for i := range list {
					list[i].SocketMatch = nil
				}
			}
		}},
		{name: "catch-all-host-ignored", proxy: func(p *envoy.Proxy) {
			for _, rc := range p.Routes {
				for _, vh := range rc.VirtualHosts {
					for i := range vh.Domains {
						vh.Domains[i] = strings.TrimPrefix(vh.Domains[i], "*")
					}
				}
			}
		}},
		{name: "weights-ignored", proxy: func(p *envoy.Proxy) {
			for _, rc := range p.Routes {
				for _, vh := range rc.VirtualHosts {
					for _, r := range vh.Routes {
						r.Clusters = r.Clusters[:min(1, len(r.Clusters))]
					}
				}
			}
		}},
		{name: "wildcard-listeners-ignored", proxy: listeners(func(l *envoy.Listener) {
			if strings.HasPrefix(l.Name, "0.0.0.0_") {
				l.Addresses = nil
			}
		})},
	}
}

func (m mutant) edit(ev *mesh.Evidence) {
	for _, p := range ev.Proxies {
		m.proxy(p)
	}
}
