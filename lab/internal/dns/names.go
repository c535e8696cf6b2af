package dns

import (
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/services"
)

// Hosts is an annotation of a pod: names outside the cluster's domain, separated by spaces,
// that resolve to it, and for which its app has a certificate of the public root. So a pod can
// play a host on the internet.
const Hosts = "lab.mtls-doctor/hosts"

// Cluster looks names up among the objects of the API server.
type Cluster struct {
	Domain         string
	Services       corelisters.ServiceLister
	Pods           corelisters.PodLister
	EndpointSlices discoverylisters.EndpointSliceLister
}

// Lookup is Names for the cluster.
func (c Cluster) Lookup(name string) ([]net.IP, bool) {
	rest, inside := strings.CutSuffix(name, ".svc."+c.Domain)
	if !inside {
		return c.outside(name)
	}
	parts := strings.Split(rest, ".")
	switch len(parts) {
	case 2:
		return c.service(parts[1], parts[0])
	case 3:
		return c.member(parts[2], parts[1], parts[0])
	default:
		return nil, false
	}
}

// service is a cluster IP or, of a headless service, its ready pods.
func (c Cluster) service(namespace, name string) ([]net.IP, bool) {
	s, err := c.Services.Services(namespace).Get(name)
	if err != nil {
		return nil, false
	}
	if s.Spec.ClusterIP != corev1.ClusterIPNone {
		return parse(s.Spec.ClusterIP), true
	}
	var ips []net.IP
	for _, slice := range c.slices(s) {
		ips = append(ips, parse(services.Ready(slice)...)...)
	}
	return ips, true
}

// member is one pod behind a headless service, by its host name (StatefulSet).
func (c Cluster) member(namespace, service, hostname string) ([]net.IP, bool) {
	s, err := c.Services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	for _, slice := range c.slices(s) {
		for _, e := range slice.Endpoints {
			if e.Hostname != nil && *e.Hostname == hostname {
				return parse(e.Addresses...), true
			}
		}
	}
	return nil, false
}

func (c Cluster) slices(s *corev1.Service) []*discoveryv1.EndpointSlice {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: s.Name})
	list, err := c.EndpointSlices.EndpointSlices(s.Namespace).List(selector)
	if err != nil {
		return nil
	}
	return list
}

func (c Cluster) outside(name string) (ips []net.IP, known bool) {
	pods, err := c.Pods.List(labels.Everything())
	if err != nil {
		return nil, false
	}
	for _, p := range pods {
		for host := range strings.FieldsSeq(p.Annotations[Hosts]) {
			if host == name && p.DeletionTimestamp == nil {
				ips, known = append(ips, parse(p.Status.PodIP)...), true
			}
		}
	}
	return ips, known
}

func parse(addresses ...string) []net.IP {
	var ips []net.IP
	for _, a := range addresses {
		if ip := net.ParseIP(a); ip != nil {
			ips = append(ips, ip)
		}
	}
	return ips
}
