package services

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func service(name, ip string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{ClusterIP: ip, Ports: ports}}
}

func slice(service, port string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	number := int32(8080)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Ports:      []discoveryv1.EndpointPort{{Name: &port, Port: &number}},
		Endpoints:  endpoints,
	}
}

func at(ip string) discoveryv1.Endpoint { return discoveryv1.Endpoint{Addresses: []string{ip}} }

func unready(ip string) discoveryv1.Endpoint {
	e := at(ip)
	e.Conditions.Ready = new(bool)
	return e
}

func TestRules(t *testing.T) {
	http := corev1.ServicePort{Name: "http", Port: 80}
	tests := map[string]struct {
		services []*corev1.Service
		slices   []*discoveryv1.EndpointSlice
		want     []string
	}{
		"nothing": {},
		"headless": {
			services: []*corev1.Service{service("db", "None", http)},
			slices:   []*discoveryv1.EndpointSlice{slice("db", "http", at("10.244.1.1"))},
		},
		"no ready endpoint": {
			services: []*corev1.Service{service("server", "10.96.0.7", http)},
			slices:   []*discoveryv1.EndpointSlice{slice("server", "http", unready("10.244.1.1"))},
		},
		"another port's endpoints": {
			services: []*corev1.Service{service("server", "10.96.0.7", http)},
			slices:   []*discoveryv1.EndpointSlice{slice("server", "grpc", at("10.244.1.1"))},
		},
		"three endpoints in two slices, one twice": {
			services: []*corev1.Service{service("server", "10.96.0.7", http)},
			slices: []*discoveryv1.EndpointSlice{
				slice("server", "http", at("10.244.1.3"), at("10.244.1.1")),
				slice("server", "http", at("10.244.1.2"), at("10.244.1.1"), unready("10.244.1.4")),
			},
			want: []string{
				"-A LAB-SERVICES -d 10.96.0.7/32 -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.3333333333 -j DNAT --to-destination 10.244.1.1:8080",
				"-A LAB-SERVICES -d 10.96.0.7/32 -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.5000000000 -j DNAT --to-destination 10.244.1.2:8080",
				"-A LAB-SERVICES -d 10.96.0.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.3:8080",
				"-A LAB-HAIRPIN -s 10.244.1.1/32 -d 10.244.1.1/32 -j MASQUERADE",
				"-A LAB-HAIRPIN -s 10.244.1.2/32 -d 10.244.1.2/32 -j MASQUERADE",
				"-A LAB-HAIRPIN -s 10.244.1.3/32 -d 10.244.1.3/32 -j MASQUERADE",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(Rules(test.services, test.slices)), "\n")
			if diff := cmp.Diff([]string{"*nat", ":LAB-SERVICES - [0:0]", ":LAB-HAIRPIN - [0:0]"}, lines[:3]); diff != "" {
				t.Error(diff)
			}
			if last := lines[len(lines)-1]; last != "COMMIT" {
				t.Errorf("last line %q, want COMMIT", last)
			}
			var got []string
			got = append(got, lines[3:len(lines)-1]...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}
