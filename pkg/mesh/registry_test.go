package mesh_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// port80 is the endpoints of a host's port 80.
func port80(t *testing.T, s *mesh.Snapshot, host string) []string {
	t.Helper()
	hosts := s.HostsNamed(host)
	if len(hosts) != 1 || hosts[0].Port(80) == nil {
		t.Fatalf("no host %s with port 80 in %v", host, s.Hosts)
	}
	return list(hosts[0].Port(80).Endpoints)
}

func TestServiceEndpoints(t *testing.T) {
	const web = "web.shop.svc.cluster.local"
	http := `"clusterIP":"10.96.0.1","ports":[{"name":"http","port":80,"targetPort":8080}]`
	server, host := pod("server", "10.1.0.1", `"labels":{"app":"web"}`, ""), pod("host", "172.16.0.1", "", `"hostNetwork":true`)
	const p8080 = `{"name":"http","port":8080}`
	tests := []struct {
		name    string
		objects []string
		want    []string
	}{
		{"a pod behind its address", []string{server, service("web", http), slice("web", p8080, `{"addresses":["10.1.0.1"]}`)}, []string{"10.1.0.1:8080 ready shop/server"}},
		{"a pod on the node's network, by reference", []string{
			host, service("web", http),
			slice("web", p8080, `{"addresses":["172.16.0.1"],"targetRef":{"kind":"Pod","namespace":"shop","name":"host"}}`),
		}, []string{"172.16.0.1:8080 ready shop/host"}},
		{"an address outside", []string{service("web", http), slice("web", p8080, `{"addresses":["192.0.2.1"]}`)}, []string{"192.0.2.1:8080 ready"}},
		{"not ready", []string{service("web", http), slice("web", p8080, `{"addresses":["192.0.2.1"],"conditions":{"ready":false}}`)}, []string{"192.0.2.1:8080"}},
		{"several slices, one endpoint in two of them", []string{
			service("web", http), slice("web", p8080, `{"addresses":["192.0.2.2"]},{"addresses":["192.0.2.1"]}`),
			slice("web", p8080, `{"addresses":["192.0.2.2"]}`),
		}, []string{"192.0.2.1:8080 ready", "192.0.2.2:8080 ready"}},
		{
			"dual stack: slices of both families",
			[]string{service("web", http), slice("web", p8080, `{"addresses":["192.0.2.1"]}`), slice("web", p8080, `{"addresses":["fd00::1"]}`)},
			[]string{"192.0.2.1:8080 ready", "[fd00::1]:8080 ready"},
		},
		{"a slice of another port", []string{service("web", http), slice("web", `{"name":"metrics","port":9090}`, `{"addresses":["192.0.2.1"]}`)}, nil},
		{"a slice of another service", []string{service("web", http), slice("other", p8080, `{"addresses":["192.0.2.1"]}`)}, nil},
		{"words that are no address", []string{service("web", http), slice("web", p8080, `{"addresses":["x"]}`)}, nil},
		{"the selector means nothing where slices were read", []string{server, service("web", http+`,"selector":{"app":"web"}`)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, port80(t, snapshot(t, tt.objects...), web)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSelectorStandsIn: without any EndpointSlices the selector says where a service leads.
func TestSelectorStandsIn(t *testing.T) {
	const named = `"containers":[{"name":"app","ports":[{"name":"web","containerPort":8081}]}]`
	pods := []string{pod("server", "10.1.0.1", `"labels":{"app":"web"}`, named), pod("other", "10.1.0.2", `"labels":{"app":"other"}`, named)}
	for spec, want := range map[string][]string{
		`"targetPort":8080`:   {"10.1.0.1:8080 ready shop/server"},
		`"targetPort":"web"`:  {"10.1.0.1:8081 ready shop/server"},
		`"targetPort":"none"`: nil,
		`"port":80`:           {"10.1.0.1:80 ready shop/server"},
	} {
		r := &kube.Resources{}
		for _, o := range append(pods, service("web", `"selector":{"app":"web"},"ports":[{"name":"http","port":80,`+spec+`}]`)) {
			if spec == `"port":80` {
				o = service("web", `"selector":{"app":"web"},"ports":[{"name":"http","port":80}]`)
				if len(r.Pods) < len(pods) {
					o = pods[len(r.Pods)]
				}
			}
			if _, err := r.AddObject([]byte(o)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, port80(t, mesh.New(&mesh.Evidence{Resources: r}), "web.shop.svc.cluster.local")); diff != "" {
			t.Errorf("%s: %s", spec, diff)
		}
	}
}

func TestServiceKinds(t *testing.T) {
	s := snapshot(t,
		service("web", `"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1","fd00::1"],"ports":[{"name":"http","port":80},{"name":"dns","port":53,"protocol":"UDP"}]`),
		service("db", `"clusterIP":"None","ports":[{"name":"tcp","port":80}]`),
		service("alias", `"type":"ExternalName","externalName":"www.example.com","ports":[{"name":"http","port":80}]`),
	)
	web, db, alias := s.HostsNamed("web.shop.svc.cluster.local")[0], s.HostsNamed("db.shop.svc.cluster.local")[0], s.HostsNamed("alias.shop.svc.cluster.local")[0]
	if len(web.Addresses) != 2 || s.HostAt(mustAddr("fd00::1")) != web || s.HostAt(mustAddr("10.96.0.2")) != nil {
		t.Errorf("virtual IPs %v", web.Addresses)
	}
	if len(web.Ports) != 1 {
		t.Errorf("%d ports, want the UDP one left out", len(web.Ports))
	}
	if !db.Headless || len(db.Addresses) != 0 || web.Headless {
		t.Errorf("headless %t with %v, and %t", db.Headless, db.Addresses, web.Headless)
	}
	if diff := cmp.Diff([]string{"www.example.com:80 ready"}, list(alias.Ports[0].Endpoints)); alias.ExternalName != "www.example.com" || diff != "" {
		t.Errorf("ExternalName %q: %s", alias.ExternalName, diff)
	}
}

func TestServiceEntryEndpoints(t *testing.T) {
	const http = `"hosts":["api.example.com"],"ports":[{"number":80,"name":"http","protocol":"HTTP"}]`
	server := pod("server", "10.1.0.1", `"labels":{"app":"vm"}`, "")
	we := `{"apiVersion":"networking.istio.io/v1","kind":"WorkloadEntry","metadata":{"name":"vm","namespace":"shop"},"spec":{"address":"192.0.2.9","labels":{"app":"vm"},"ports":{"http":8000}}}`
	tests := []struct {
		name    string
		objects []string
		want    []string
	}{
		{"DNS: the host itself is resolved", []string{entry("x", http+`,"resolution":"DNS"`)}, []string{"api.example.com:80 ready"}},
		{"DNS with a target port", []string{entry("x", `"hosts":["api.example.com"],"ports":[{"number":80,"targetPort":443,"protocol":"HTTP"}],"resolution":"DNS"`)}, []string{"api.example.com:443 ready"}},
		{
			"DNS with endpoints by name",
			[]string{entry("x", http+`,"resolution":"DNS","endpoints":[{"address":"b.example.com"},{"address":"a.example.com","ports":{"http":8080}}]`)},
			[]string{"b.example.com:80 ready", "a.example.com:8080 ready"},
		},
		{
			"STATIC",
			[]string{entry("x", http+`,"resolution":"STATIC","endpoints":[{"address":"192.0.2.1"},{"address":"10.1.0.1"}]`), server},
			[]string{"10.1.0.1:80 ready shop/server", "192.0.2.1:80 ready"},
		},
		{"STATIC without endpoints", []string{entry("x", http+`,"resolution":"STATIC"`)}, nil},
		{"NONE goes where the client dialled", []string{entry("x", http)}, []string{"api.example.com:80 ready"}},
		{"NONE with an address", []string{entry("x", http+`,"addresses":["10.1.0.1"]`), server}, []string{"10.1.0.1:80 ready shop/server"}},
		{
			"a selector of WorkloadEntries and pods",
			[]string{entry("x", http+`,"resolution":"STATIC","workloadSelector":{"labels":{"app":"vm"}}`), we, server},
			[]string{"10.1.0.1:80 ready shop/server", "192.0.2.9:8000 ready"},
		},
		{"a selector that selects nothing", []string{entry("x", http+`,"resolution":"DNS","workloadSelector":{"labels":{"app":"no"}}`), we}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, port80(t, snapshot(t, tt.objects...), "api.example.com")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEntryRepeatsService: the Service has the host, and takes static endpoints of an entry of its own namespace, first.
func TestEntryRepeatsService(t *testing.T) {
	const host = `"hosts":["server.shop.svc.cluster.local"],"ports":[{"number":80,"name":"http","protocol":"HTTP"}]`
	static := host + `,"resolution":"STATIC","endpoints":[{"address":"192.0.2.1"}]`
	for _, c := range []struct {
		name, spec, service string
		want                []string
	}{
		{"static", static, "", []string{"192.0.2.1:80 ready"}},
		{"by name", host + `,"resolution":"DNS"`, "", nil},
		{"a headless Service", static, `"clusterIP":"None",`, nil},
		{"a port of another name", strings.Replace(static, `"name":"http"`, `"name":"web"`, 1), "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			service := `{"apiVersion":"v1","kind":"Service","metadata":{"name":"server","namespace":"shop"},"spec":{` + c.service + `"ports":[{"name":"http","port":80}]}}`
			s := snapshot(t, entry("again", c.spec), service)
			if hosts := s.HostsNamed("server.shop.svc.cluster.local"); len(hosts) != 1 || hosts[0].Ref.Kind != "Service" {
				t.Fatalf("%+v", hosts)
			}
			if diff := cmp.Diff(c.want, port80(t, s, "server.shop.svc.cluster.local")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestServiceSelectsEntries: a Service takes WorkloadEntries beside pods, at the port that they map its own or
// its target to; a headless one takes none.
func TestServiceSelectsEntries(t *testing.T) {
	const selector = `"selector":{"app":"vm"},`
	entry := func(name, spec string) string {
		return `{"apiVersion":"networking.istio.io/v1","kind":"WorkloadEntry","metadata":{"name":"` + name + `","namespace":"shop"},"spec":{"labels":{"app":"vm"},` + spec + `}}`
	}
	plain, mapped := entry("a", `"address":"192.0.2.1"`), entry("b", `"address":"192.0.2.2","ports":{"http":8001,"web":8002}`)
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"by number":       {`"ports":[{"name":"http","port":80,"targetPort":8080}]`, []string{"192.0.2.1:8080 ready", "192.0.2.2:8001 ready"}},
		"the port itself": {`"ports":[{"name":"other","port":80}]`, []string{"192.0.2.1:80 ready", "192.0.2.2:80 ready"}},
		"by name":         {`"ports":[{"name":"http","port":80,"targetPort":"web"}]`, []string{"192.0.2.2:8002 ready"}},
		"headless":        {`"clusterIP":"None","ports":[{"name":"http","port":80,"targetPort":8080}]`, nil},
	} {
		s := snapshot(t, plain, mapped, service("vm", selector+c.spec))
		if diff := cmp.Diff(c.want, port80(t, s, "vm.shop.svc.cluster.local")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	s := snapshot(t, entry("a", `"address":"192.0.2.1","serviceAccount":"vm"`), service("vm", selector+`"ports":[{"name":"http","port":80}]`))
	e := s.Hosts[0].Ports[0].Endpoints[0]
	want := kube.Ref{Kind: "WorkloadEntry", Namespace: "shop", Name: "a"}
	if !e.ProxiesOnly {
		t.Error("kube-proxy reads no WorkloadEntry")
	}
	if e.Declared == nil || e.Declared.By != want || e.Declared.ServiceAccount != "vm" || e.Labels["security.istio.io/tlsMode"] != "istio" {
		t.Errorf("%+v", e)
	}
}

// TestEndpointLabels: istiod knows an endpoint by what declares it. The pod behind the address of a
// ServiceEntry counts only where the entry selects it, that of a slice only in its own namespace.
func TestEndpointLabels(t *testing.T) {
	const mode = "security.istio.io/tlsMode"
	const ports = `"hosts":["a.example.com"],"ports":[{"number":80,"name":"http"}],"resolution":"STATIC",`
	server := pod("server", "10.1.0.1", `"labels":{"app":"server","`+mode+`":"istio"}`, "")
	sliced := service("s", `"clusterIP":"10.96.0.9","ports":[{"name":"http","port":80}]`)
	byHand := slice("s", `{"name":"http","port":8080}`, `{"addresses":["10.1.0.1"]}`)
	elsewhere := strings.ReplaceAll(server, `"namespace":"shop"`, `"namespace":"other"`)
	for name, c := range map[string]struct {
		objects []string
		want    string
	}{
		"address":          {[]string{server, entry("x", ports+`"endpoints":[{"address":"10.1.0.1"}]`)}, ""},
		"label":            {[]string{server, entry("x", ports+`"endpoints":[{"address":"10.1.0.1","labels":{"`+mode+`":"istio"}}]`)}, "istio"},
		"service account":  {[]string{server, entry("x", ports+`"endpoints":[{"address":"10.1.0.1","serviceAccount":"x"}]`)}, "istio"},
		"label says no":    {[]string{server, entry("x", ports+`"endpoints":[{"address":"10.1.0.1","serviceAccount":"x","labels":{"`+mode+`":"disabled"}}]`)}, "disabled"},
		"selected":         {[]string{server, entry("x", ports+`"workloadSelector":{"labels":{"app":"server"}}`)}, "istio"},
		"slice by hand":    {[]string{server, sliced, byHand}, "istio"},
		"of another space": {[]string{elsewhere, sliced, byHand}, ""},
	} {
		e := snapshot(t, c.objects...).Hosts[0].Ports[0].Endpoints[0]
		if got := e.Labels[mode]; got != c.want || e.Pod == nil {
			t.Errorf("%s: %q, want %q (pod %v)", name, got, c.want, e.Pod)
		}
	}
}

func TestServiceEntryKinds(t *testing.T) {
	s := snapshot(t,
		entry("in", `"hosts":["in.example.com"],"location":"MESH_INTERNAL","resolution":"STATIC","addresses":["10.96.0.1","10.97.0.0/16","0.0.0.0","192.0.2.5/32"]`),
		entry("out", `"hosts":["out.example.com","*.example.com"],"resolution":"DNS","ports":[{"number":53,"protocol":"UDP"}]`),
	)
	in, out := s.HostsNamed("in.example.com")[0], s.HostsNamed("out.example.com")[0]
	switch {
	case in.External || !out.External:
		t.Error("location")
	case len(in.Addresses) != 2 || len(in.Ranges) != 1 || in.Ranges[0].String() != "10.97.0.0/16":
		t.Errorf("addresses %v, ranges %v", in.Addresses, in.Ranges)
	case len(out.Ports) != 0:
		t.Error("a UDP port is kept")
	case len(s.HostsNamed("*.example.com")) != 1:
		t.Error("the second host is missing")
	case in.Headless || s.HostsNamed("*.example.com")[0].Headless:
		t.Error("headless without resolution NONE")
	}
}

func TestParseProtocol(t *testing.T) {
	tests := []struct {
		port                 uint32
		name, app, transport string
		want                 mesh.Protocol
	}{
		{80, "http", "", "TCP", mesh.HTTP},
		{80, "http-web", "", "", mesh.HTTP},
		{80, "HTTP2-x", "", "", mesh.HTTP},
		{80, "grpc", "", "", mesh.HTTP},
		{80, "grpc-web", "", "", mesh.HTTP},
		{80, "grpc-web-x", "", "", mesh.HTTP},
		{80, "https", "", "", mesh.TLS},
		{80, "tls-raft", "", "", mesh.TLS},
		{80, "tcp", "", "", mesh.TCP},
		{80, "mysql", "", "", mesh.TCP},
		{80, "redis-cache", "", "", mesh.TCP},
		{80, "mongo", "", "", mesh.TCP},
		{80, "web", "", "", mesh.Auto},
		{80, "httpx", "", "", mesh.Auto},
		{80, "", "", "", mesh.Auto},
		{80, "hbone", "", "", mesh.Auto},
		{53, "dns", "", "UDP", mesh.UDP},
		{80, "http", "", "udp", mesh.UDP},
		{80, "http", "https", "", mesh.TLS},
		{80, "tcp", "kubernetes.io/h2c", "", mesh.HTTP},
		{80, "web", "kubernetes.io/wss", "", mesh.TLS},
		{80, "kubernetes.io/h2c", "", "", mesh.Auto},
		{80, "http", "example.com/own", "", mesh.Auto}, // the name does not count beside an appProtocol
		{80, "tcp", "GRPC", "", mesh.HTTP},
		{80, "tcp", "http-x", "", mesh.HTTP},
		{3306, "db", "", "", mesh.TCP},
		{3306, "http", "", "", mesh.HTTP},
		{27017, "", "", "", mesh.TCP},
		{25, "mail", "", "", mesh.TCP},
	}
	for _, tt := range tests {
		if got := mesh.ParseProtocol(tt.port, tt.name, tt.app, tt.transport); got != tt.want {
			t.Errorf("%d, %q, %q, %q: %s, want %s", tt.port, tt.name, tt.app, tt.transport, got, tt.want)
		}
	}
}

// TestServiceEntryProtocol: only the field protocol counts, not the port's name.
func TestServiceEntryProtocol(t *testing.T) {
	for port, want := range map[string]mesh.Protocol{
		`"name":"http","protocol":"TLS"`: mesh.TLS, `"name":"http","protocol":"GRPC-Web"`: mesh.HTTP, `"name":"http"`: mesh.Auto,
		`"name":"x","protocol":"MONGO"`: mesh.TCP, `"protocol":"http-x"`: mesh.Auto,
	} {
		s := snapshot(t, entry("x", `"hosts":["a.example.com"],"resolution":"DNS","ports":[{"number":3306,`+port+`}]`))
		if got := s.Hosts[0].Ports[0].Protocol; got != want {
			t.Errorf("%s: %s, want %s", port, got, want)
		}
	}
}

// A load balancer's address and an external IP lead to the Service's port.
func TestBalancedAt(t *testing.T) {
	svc := strings.Replace(service("web", `"clusterIP":"10.96.0.1","externalIPs":["203.0.113.1"],"ports":[{"name":"http","port":80,"targetPort":8080}]`),
		`"spec"`, `"status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.7"},{"hostname":"lb.example.com"}]}},"spec"`, 1)
	s := snapshot(t, svc, slice("web", `{"name":"http","port":8080}`, `{"addresses":["10.1.0.1"]}`))
	for address, found := range map[string]bool{
		"198.51.100.7:80": true, "203.0.113.1:80": true, "[::ffff:203.0.113.1]:80": true, "198.51.100.7:8080": false, "10.96.0.1:80": false,
	} {
		p := s.BalancedAt(netip.MustParseAddrPort(address))
		if (p != nil) != found || p != nil && p.Endpoints[0].Address.String() != "10.1.0.1:8080" {
			t.Errorf("%s: %+v", address, p)
		}
	}
}
