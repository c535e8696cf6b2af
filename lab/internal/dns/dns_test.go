package dns

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

func query(t *testing.T, name string, kind dnsmessage.Type) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}},
	}
	text, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func one(name string) ([]net.IP, bool) {
	return map[string][]net.IP{"known.example": {net.IPv4(10, 0, 0, 1), net.IPv4(10, 0, 0, 2), net.ParseIP("fd00::1")}}[name], name == "known.example"
}

func TestAnswer(t *testing.T) {
	tests := []struct {
		name  string
		kind  dnsmessage.Type
		rcode dnsmessage.RCode
		want  []string
	}{
		{"known.example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, []string{"10.0.0.1", "10.0.0.2"}},
		{"KNOWN.example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, []string{"10.0.0.1", "10.0.0.2"}},
		// A name that exists but has no record of the type is no error (RFC 2308, "NODATA").
		{"known.example.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, nil},
		{"other.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
	}
	for _, test := range tests {
		var reply dnsmessage.Message
		if err := reply.Unpack(Answer(query(t, test.name, test.kind), one)); err != nil {
			t.Fatal(err)
		}
		if reply.ID != 7 || !reply.Response || reply.RCode != test.rcode {
			t.Errorf("%s %s: header %+v, want id 7 and code %s", test.name, test.kind, reply.Header, test.rcode)
		}
		var got []string
		for _, a := range reply.Answers {
			got = append(got, net.IP(a.Body.(*dnsmessage.AResource).A[:]).String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.name, test.kind, diff)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05known\x07example\x00\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		reply := Answer(packet, one)
		var m dnsmessage.Message
		if reply != nil && m.Unpack(reply) != nil {
			t.Errorf("Answer(%x) is no message: %x", packet, reply)
		}
	})
}

func TestLookup(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "shop", Name: name} }
	hostname, no := "db-0", false
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta("db-x"), Endpoints: []discoveryv1.Endpoint{
		{Addresses: []string{"10.244.1.1"}, Hostname: &hostname},
		{Addresses: []string{"10.244.1.2"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
	}}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "db"}
	outside := &corev1.Pod{ObjectMeta: meta("partner"), Status: corev1.PodStatus{PodIP: "10.244.1.9"}}
	outside.Annotations = map[string]string{Hosts: "api.partner.example www.partner.example"}
	c := Cluster{
		Domain: "cluster.local",
		Services: corelisters.NewServiceLister(index(t,
			&corev1.Service{ObjectMeta: meta("server"), Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.7"}},
			&corev1.Service{ObjectMeta: meta("db"), Spec: corev1.ServiceSpec{ClusterIP: "None"}})),
		EndpointSlices: discoverylisters.NewEndpointSliceLister(index(t, slice)),
		Pods:           corelisters.NewPodLister(index(t, outside)),
	}
	tests := []struct {
		name  string
		want  string // addresses, joined
		known bool
	}{
		{"server.shop.svc.cluster.local", "10.96.0.7", true},
		{"db.shop.svc.cluster.local", "10.244.1.1", true},
		{"db-0.db.shop.svc.cluster.local", "10.244.1.1", true},
		{"db-1.db.shop.svc.cluster.local", "", false},
		{"server.pay.svc.cluster.local", "", false},
		{"a.b.c.d.svc.cluster.local", "", false},
		{"server.shop.svc", "", false}, // the resolver's search list makes it whole
		{"api.partner.example", "10.244.1.9", true},
		{"partner.example", "", false},
	}
	for _, test := range tests {
		ips, known := c.Lookup(test.name)
		var got string
		for _, ip := range ips {
			got += ip.String()
		}
		if got != test.want || known != test.known {
			t.Errorf("Lookup(%q) = %q, %t; want %q, %t", test.name, got, known, test.want, test.known)
		}
	}
}

func index(t *testing.T, objects ...any) cache.Indexer {
	t.Helper()
	i := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for _, o := range objects {
		if err := i.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return i
}
