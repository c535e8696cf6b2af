package mesh

import (
	"net/netip"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Plane says which data plane carries a pod's traffic.
type Plane string

// The planes.
const (
	Sidecar  Plane = "sidecar"
	Gateway  Plane = "gateway"
	Ztunnel  Plane = "ztunnel"
	Waypoint Plane = "waypoint"
	NoProxy  Plane = "none"
)

// Pod is a running pod with its proxy.
type Pod struct {
	*kube.Pod
	Workload  *Workload
	Plane     Plane
	Addresses []netip.Addr
	// Proxy is what its Envoy runs; nil when it has none or it was not read.
	Proxy *envoy.Proxy
	// Unread says why Proxy is nil although the pod has a proxy.
	Unread  string
	Capture Capture
}

// HasProxy reports whether an Envoy of the mesh stands in the pod.
func (p *Pod) HasProxy() bool { return p.Plane == Sidecar || p.Plane == Gateway || p.Plane == Waypoint }

// InMesh reports whether a proxy of its own, or its node's ztunnel, carries the pod's traffic.
func (p *Pod) InMesh() bool { return p.HasProxy() || p.Plane == Ztunnel }

// Revision is the Istio revision that injected the pod, "" when it does not say.
func (p *Pod) Revision() string {
	for _, m := range []map[string]string{p.Annotations, p.Labels} {
		if r := m["istio.io/rev"]; r != "" {
			return r
		}
	}
	return ""
}

func newPod(kp *kube.Pod) *Pod {
	p := &Pod{Pod: kp, Addresses: addresses(kp), Plane: podPlane(kp)}
	p.Capture = newCapture(kp)
	p.Capture.AsProxy = runsAsProxy(kp)
	return p
}

func addresses(p *kube.Pod) []netip.Addr {
	list := []string{p.Status.PodIP}
	for _, ip := range p.Status.PodIPs {
		list = append(list, ip.IP)
	}
	var out []netip.Addr
	for i, s := range list {
		if a, err := netip.ParseAddr(s); err == nil && (i == 0 || len(out) == 0 || a.Unmap() != out[0]) {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// podPlane tells the plane from the pod alone. A hand-written container named istio-proxy
// counts as a proxy too: what it runs is read from its admin port.
func podPlane(p *kube.Pod) Plane {
	if p.Labels["app"] == "ztunnel" || p.Labels["app.kubernetes.io/name"] == "ztunnel" {
		return NoProxy // the node proxy itself speaks for others, its own pod is not in the mesh
	}
	c := p.Container(kube.ProxyContainer)
	switch {
	case c == nil && p.Annotations["ambient.istio.io/redirection"] == "enabled":
		return Ztunnel
	case c == nil:
		return NoProxy
	case p.Labels["gateway.istio.io/managed"] == "istio.io-mesh-controller":
		return Waypoint
	case hasArg(c.Args, "router"):
		return Gateway
	case hasArg(c.Args, "waypoint"):
		return Waypoint
	}
	return Sidecar
}

func hasArg(args []string, want string) bool {
	for _, a := range args {
		if a == want {
			return true
		}
	}
	return false
}

// planeOf prefers what the proxy says of itself.
func planeOf(nodeType string, otherwise Plane) Plane {
	switch nodeType {
	case "sidecar":
		return Sidecar
	case "router":
		return Gateway
	case "waypoint":
		return Waypoint
	}
	if otherwise == NoProxy {
		return Sidecar
	}
	return otherwise
}

// podFromProxy makes a pod from what its proxy says of itself.
func podFromProxy(k kube.Key, proxy *envoy.Proxy) *Pod {
	n := proxy.Node
	kp := &kube.Pod{Meta: kube.Meta{Name: k.Name, Namespace: k.Namespace, Labels: n.Labels}}
	kp.Spec.ServiceAccountName = n.ServiceAccount
	if parts := strings.Split(n.ID, "~"); len(parts) == 4 {
		kp.Status.PodIP = parts[1]
	}
	kp.Status.Phase = "Running"
	kp.Status.Conditions = []kube.Condition{{Type: "Ready", Status: "True"}} // its proxy answers
	p := newPod(kp)
	p.Plane = planeOf(n.Type, Sidecar)
	p.Capture = Capture{Mode: n.Interception, InboundAll: true, RangesAll: true, Source: "assumed: the pod itself was not read", Assumed: true}
	return p
}
