package truth

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// How often a destination is called: more often where the proxy chooses among endpoints. Of two, 24
// calls leave one out once in eight million times; 10 did so once in 500, which a suite of a thousand
// such choices meets.
const (
	tries  = 2
	choice = 24
)

func usualClients() []string {
	return []string{"shop/client", "shop/server", "pay/client", "legacy/naked"}
}

// target is a destination that all clients call.
type target struct {
	to        To
	protocol  probe.Kind
	address   string // IP of the service
	path      string
	endpoints []node.PodInfo
	asks      string           // what HTTP and TLS are told
	behind    *scenario.Behind // where a gateway sends the calls on to
	// proxiedOnly: the address exists in proxies only.
	proxiedOnly bool
}

// attempt is one call, where it goes and what came of it.
type attempt struct {
	Call   probe.Call
	client node.PodInfo
	target target
	// endpoint is the pod that the client dials itself; nil when its proxy chooses.
	endpoint *node.PodInfo
}

func (r *Runner) targets(ctx context.Context, s scenario.Scenario, pods []node.PodInfo) ([]target, error) {
	list, err := r.Mesh.Kube.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var all []target
	for _, svc := range list.Items {
		if svc.Namespace == mesh.Namespace || len(svc.Spec.Selector) == 0 || replaced(s, host(svc.Namespace, svc.Name)) {
			continue
		}
		endpoints := selected(svc, pods)
		for _, p := range svc.Spec.Ports {
			for _, path := range paths(s, svc, p) {
				all = append(all, ofService(svc, p, path, endpoints))
			}
		}
	}
	for _, t := range s.Targets {
		made, err := ofScenario(t, pods)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

func host(namespace, service string) string {
	return fmt.Sprintf("%s.%s.svc.cluster.local", service, namespace)
}

// replaced: the scenario says itself how the host is called.
func replaced(s scenario.Scenario, host string) bool {
	return slices.ContainsFunc(s.Targets, func(t scenario.Target) bool { return t.Host == host })
}

func selected(svc corev1.Service, pods []node.PodInfo) []node.PodInfo {
	var found []node.PodInfo
	for _, p := range pods {
		if p.Namespace == svc.Namespace && p.Ready && labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(p.Labels)) {
			found = append(found, p)
		}
	}
	return found
}

func paths(s scenario.Scenario, svc corev1.Service, p corev1.ServicePort) []string {
	if more := s.Routes[svc.Namespace+"/"+svc.Name]; more != nil && kind(p.Name) == probe.HTTP {
		return more
	}
	return []string{"/"}
}

// kind is what clients speak on a port of the name.
func kind(port string) probe.Kind {
	switch prefix, _, _ := strings.Cut(port, "-"); prefix {
	case "http2":
		return probe.HTTP2
	case "grpc":
		return probe.GRPC
	case "https", "tls":
		return probe.HTTPS
	case "tcp", "mysql", "mongo", "redis", "serverfirst":
		return probe.TCP
	default:
		return probe.HTTP
	}
}

func ofService(svc corev1.Service, p corev1.ServicePort, path string, endpoints []node.PodInfo) target {
	return target{
		to: To{
			Namespace: svc.Namespace, Service: svc.Name, Host: host(svc.Namespace, svc.Name),
			Port: int(p.Port), TargetPort: cmp.Or(p.TargetPort.IntValue(), int(p.Port)), PortName: p.Name,
			Headless: svc.Spec.ClusterIP == corev1.ClusterIPNone, Subset: strings.Trim(path, "/"),
		},
		asks: host(svc.Namespace, svc.Name), protocol: kind(p.Name), address: svc.Spec.ClusterIP, path: path, endpoints: endpoints,
	}
}

func ofScenario(t scenario.Target, pods []node.PodInfo) (target, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return target{}, err
	}
	filled, err := scenario.Fill(string(text), func(w string) (string, error) {
		p, err := find(pods, w)
		return p.IP, err
	})
	if err != nil {
		return target{}, err
	}
	if err := json.Unmarshal([]byte(filled), &t); err != nil {
		return target{}, err
	}
	made := target{
		asks: cmp.Or(t.Asks, t.Host), behind: t.Behind,
		to:       To{Service: t.Service, Host: t.Host, Port: t.Port, TargetPort: cmp.Or(t.TargetPort, t.Port), PortName: t.Protocol},
		protocol: probe.Kind(t.Protocol), address: t.Address, path: "/", proxiedOnly: t.ProxiedOnly,
	}
	for _, name := range t.Endpoints {
		p, err := find(pods, name)
		if err != nil {
			return made, err
		}
		made.endpoints = append(made.endpoints, p)
	}
	return made, nil
}

// plan is every call, each with a token of its own.
func plan(clients []node.PodInfo, targets []target) []attempt {
	var all []attempt
	for _, c := range clients {
		for _, t := range targets {
			self := slices.ContainsFunc(t.endpoints, func(p node.PodInfo) bool { return p.Name == c.Name && p.Namespace == c.Namespace })
			// a client's own proxy would answer in the name of a gateway
			if self || t.proxiedOnly && !c.Proxied() || t.behind != nil && c.Proxied() {
				continue
			}
			all = append(all, calls(c, t)...)
		}
	}
	for i := range all {
		all[i].Call.Token = fmt.Sprintf("q%05dx", i+1)
	}
	return all
}

// calls of one client to one target. A client without a proxy, and every client of a headless
// service, dials the endpoints themselves: by what the service's rules on the node would make of its port, or, as a
// headless service has none, at the port itself.
func calls(client node.PodInfo, t target) []attempt {
	var all []attempt
	add := func(address string, port, times int, endpoint *node.PodInfo) {
		for range times {
			all = append(all, attempt{
				Call:   probe.Call{Kind: t.protocol, Host: t.asks, Port: t.to.Port, Path: t.path, Address: fmt.Sprintf("%s:%d", address, port)},
				client: client, target: t, endpoint: endpoint,
			})
		}
	}
	if t.to.Headless || !client.Proxied() {
		if t.path != "/" && !client.Proxied() {
			return nil
		}
		port := t.to.TargetPort
		if t.to.Headless {
			port = t.to.Port
		}
		for i := range t.endpoints {
			add(t.endpoints[i].IP, port, tries, &t.endpoints[i])
		}
		return all
	}
	switch {
	case len(t.endpoints) <= 1:
		add(t.address, t.to.Port, tries, nil)
	case t.path == "/":
		add(t.address, t.to.Port, choice, nil)
	default:
		add(t.address, t.to.Port, tries, nil)
	}
	return all
}
