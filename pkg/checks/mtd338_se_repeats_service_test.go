package checks

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const server80 = "outbound|80||" + serverHost

// repeats adds a ServiceEntry that repeats the host of shop/server, as istiod then configures it: the entry's endpoints
// join those of the Service, and win (lab/oracle/testdata/regress/entry-repeats-service.yaml).
func (r *recording) repeats(address string, hosts ...string) *kube.ServiceEntry {
	se := &kube.ServiceEntry{Meta: kube.Meta{Namespace: "shop", Name: "again"}}
	se.Spec.Hosts, se.Spec.Resolution = slices.Concat(hosts, []string{serverHost}), "STATIC"
	se.Spec.Ports = []kube.EntryPort{{Number: 80, Name: "http", Protocol: "HTTP", TargetPort: 8080}}
	se.Spec.Endpoints = []kube.WorkloadEntrySpec{{Address: address}}
	r.Resources.ServiceEntries = append(r.Resources.ServiceEntries, se)
	added := envoy.Endpoint{Address: endpointAddress(address, 8080), Port: 8080}
	for _, p := range r.Proxies {
		list := []envoy.Endpoint{added}
		for _, ep := range p.Endpoints[server80] {
			if ep.Address != added.Address {
				list = append(list, ep)
			}
		}
		p.Endpoints[server80] = list
	}
	return se
}

func TestEntryRepeatsService(t *testing.T) {
	r := record(t, healthy)
	r.repeats(r.pods("server")[0].Status.PodIP)
	f := r.one(mtd338)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/again [spec.hosts[0]] ")
	has(t, f.Title, "ServiceEntry shop/again repeats the host of Service shop/server and adds endpoints to it: clients send plaintext to shop/server, which is STRICT")
	has(t, f.Fixes[0].Command, "kubectl -n shop delete serviceentry again")
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// Of an entry with hosts of its own only the Service's is taken away.
func TestEntryRepeatsServiceBesidesAnother(t *testing.T) {
	r := record(t, healthy)
	r.repeats(r.pods("server")[0].Status.PodIP, "own.example")
	hasFix(t, r.one(mtd338), `kubectl -n shop patch serviceentry again --type=json -p '[{"op":"remove","path":"/spec/hosts/1"}]'`)
}

// TestEntryWithoutHost: what is tried on paper is what is advised, and the entry itself stays as it was read.
func TestEntryWithoutHost(t *testing.T) {
	se := &kube.ServiceEntry{Spec: kube.ServiceEntrySpec{Hosts: []string{"a", "b"}}}
	rest := withoutHost(se, "a")
	if !slices.Equal(rest.Spec.Hosts, []string{"b"}) || len(se.Spec.Hosts) != 2 || withoutHost(rest, "b") != nil {
		t.Errorf("%v of %v", rest.Spec.Hosts, se.Spec.Hosts)
	}
}

func TestEntryLeadsServiceAstray(t *testing.T) {
	r := record(t, healthy)
	r.repeats("10.9.9.9")
	f := r.one(mtd338)
	has(t, lines([]*diagnose.Finding{f}), "warning ServiceEntry shop/again [spec.hosts[0]] ")
	has(t, f.Title, "a share of its calls goes to 10.9.9.9:8080 in clear")
	has(t, f.Fixes[0].Risk, "10.9.9.9:8080")
	complete(t, f)
}

// TestEntryRepeatsServiceTwice: an entry of the pod's address and of another breaks calls and leads some astray, and taking
// it away mends both.
func TestEntryRepeatsServiceTwice(t *testing.T) {
	r := record(t, healthy)
	astray := r.repeats("10.9.9.9")
	r.Resources.ServiceEntries = nil
	both := r.repeats(r.pods("server")[0].Status.PodIP)
	both.Spec.Endpoints = append(both.Spec.Endpoints, astray.Spec.Endpoints...)
	f := r.one(mtd338)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/again [spec.hosts[0]] ")
	has(t, f.Title, ": clients send plaintext to shop/server, which is STRICT, and a share of its calls goes to 10.9.9.9:8080 in clear")
	has(t, f.Fixes[0].Command, "kubectl -n shop delete serviceentry again")
	has(t, f.Fixes[0].Risk, "10.9.9.9:8080")
	complete(t, f)
}

func TestEntryRepeatsServiceQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd338)
	marked := record(t, healthy)
	before := marked.proxy("shop/client").Endpoints[server80]
	se := marked.repeats(marked.pods("server")[0].Status.PodIP)
	se.Spec.Endpoints[0].Labels = map[string]string{tlsMode: "istio"}
	for _, p := range marked.Proxies {
		p.Endpoints[server80] = before
	}
	marked.silent(mtd338)
	elsewhere := record(t, healthy)
	se = elsewhere.repeats(elsewhere.pods("server")[0].Status.PodIP)
	se.Namespace = "pay" // adds nothing: that the clients send plaintext has another cause
	elsewhere.silent(mtd338)
	blinded(t, healthy, mtd338)
	unseenProxy(t, healthy, "shop/client", mtd338)
}
