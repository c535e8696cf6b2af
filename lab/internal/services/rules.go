// Package services is kube-proxy's part: connections to a Service's cluster IP go to one of its
// ready endpoints, by NAT rules in the node's network namespace.
package services

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Rules are the chains LAB-SERVICES (what is sent to a cluster IP) and LAB-HAIRPIN (a pod that
// meets itself behind a service) for iptables-restore --noflush.
func Rules(services []*corev1.Service, endpointSlices []*discoveryv1.EndpointSlice) string {
	endpoints := byPort(endpointSlices)
	var b strings.Builder
	b.WriteString("*nat\n:LAB-SERVICES - [0:0]\n:LAB-HAIRPIN - [0:0]\n")
	own := map[string]bool{}
	for _, s := range slices.SortedFunc(slices.Values(services), byName) {
		for _, ip := range clusterIPs(s) {
			for _, p := range s.Spec.Ports {
				targets := endpoints[portKey{s.Namespace, s.Name, p.Name, protocol(p.Protocol)}]
				writePort(&b, ip, p, targets)
				for _, t := range targets {
					own[t.ip] = true
				}
			}
		}
	}
	for _, ip := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&b, "-A LAB-HAIRPIN -s %s/32 -d %[1]s/32 -j MASQUERADE\n", ip)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// writePort spreads connections evenly: of n rules the first takes 1/n, the next 1/(n-1) of the rest, …
func writePort(b *strings.Builder, ip string, p corev1.ServicePort, targets []target) {
	for i, t := range targets {
		chance := ""
		if left := len(targets) - i; left > 1 {
			chance = fmt.Sprintf(" -m statistic --mode random --probability %.10f", 1/float64(left))
		}
		fmt.Fprintf(b, "-A LAB-SERVICES -d %s/32 -p %s -m %[2]s --dport %d%s -j DNAT --to-destination %s\n",
			ip, strings.ToLower(string(protocol(p.Protocol))), p.Port, chance, net.JoinHostPort(t.ip, strconv.Itoa(int(t.port))))
	}
}

type portKey struct {
	namespace, service, port string
	protocol                 corev1.Protocol
}

type target struct {
	ip   string
	port int32
}

// byPort are the ready endpoints of every service port.
func byPort(list []*discoveryv1.EndpointSlice) map[portKey][]target {
	all := map[portKey][]target{}
	for _, s := range list {
		for _, p := range s.Ports {
			if p.Port == nil {
				continue
			}
			k := portKey{s.Namespace, s.Labels[discoveryv1.LabelServiceName], value(p.Name), protocol(value(p.Protocol))}
			for _, ip := range Ready(s) {
				all[k] = append(all[k], target{ip, *p.Port})
			}
		}
	}
	for k, targets := range all {
		slices.SortFunc(targets, func(x, y target) int { return cmp.Or(cmp.Compare(x.ip, y.ip), cmp.Compare(x.port, y.port)) })
		all[k] = slices.Compact(targets)
	}
	return all
}

// Ready are the addresses of a slice that may be used: those that are ready or do not say.
func Ready(s *discoveryv1.EndpointSlice) []string {
	var ips []string
	for _, e := range s.Endpoints {
		if e.Conditions.Ready == nil || *e.Conditions.Ready {
			ips = append(ips, e.Addresses...)
		}
	}
	return ips
}

func clusterIPs(s *corev1.Service) []string {
	if s.Spec.Type == corev1.ServiceTypeExternalName || s.Spec.ClusterIP == corev1.ClusterIPNone || s.Spec.ClusterIP == "" {
		return nil
	}
	return []string{s.Spec.ClusterIP}
}

func byName(x, y *corev1.Service) int {
	return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
}

func protocol(p corev1.Protocol) corev1.Protocol { return cmp.Or(p, corev1.ProtocolTCP) }

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
