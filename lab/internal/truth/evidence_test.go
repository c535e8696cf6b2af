package truth

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
)

func pod(name, ip string, proxied bool) node.PodInfo {
	p := node.PodInfo{Namespace: "shop", Name: name, Workload: name, IP: ip, Ready: true, Containers: []node.ContainerInfo{{Name: "app", Running: true}}}
	if proxied {
		p.Containers = append(p.Containers, node.ContainerInfo{Name: node.ProxyContainer, Running: true})
	}
	return p
}

const token = "q00001x"

func seenOn(legs ...probe.Leg) probe.Seen {
	var s probe.Seen
	for _, l := range legs {
		s.Sightings = append(s.Sightings, probe.Sighting{Token: token, Leg: l})
	}
	return s
}

func TestDecide(t *testing.T) {
	const plainBody, vouched, tlsBody = `server xfcc="" tls=false`, `server xfcc="By=spiffe://a" tls=false`, `server xfcc="" tls=true proto=HTTP/1.1`
	tests := []struct {
		name    string
		proxied bool
		body    string
		legs    []probe.Leg
		want    string
	}{
		{"encrypted to the proxy, vouched for", true, vouched, []probe.Leg{probe.Delivered}, "mtls"},
		{"encrypted to the proxy, through a TCP chain", true, plainBody, []probe.Leg{probe.Delivered}, "mtls"},
		{"in clear to the proxy", true, plainBody, []probe.Leg{probe.Wire, probe.Delivered}, "plaintext"},
		{"past the proxy", true, plainBody, []probe.Leg{probe.Wire}, "plaintext"},
		{"no proxy, in clear", false, plainBody, []probe.Leg{probe.Wire}, "plaintext"},
		{"no proxy, TLS by the client's proxy", false, tlsBody, nil, "plaintext"},
		{"TLS by the client's proxy up to the application", true, tlsBody, nil, "plaintext"},
		{"not seen at all", true, plainBody, nil, "doubt"},
		{"in clear and vouched for", true, vouched, []probe.Leg{probe.Wire}, "doubt"},
		{"nobody of that name", true, "stranger xfcc=", []probe.Leg{probe.Wire}, "doubt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := pod("server", "10.0.0.2", tt.proxied)
			e := evidence{pods: []node.PodInfo{server}, seen: map[string]probe.Seen{"shop/server": seenOn(tt.legs...)}}
			o := e.decide(attempt{Call: probe.Call{Token: token, Kind: probe.HTTP}}, probe.Result{OK: true, Body: tt.body})
			got := "doubt"
			if o.doubt == "" {
				got = map[bool]string{true: "mtls", false: "plaintext"}[*o.mtls]
			}
			if got != tt.want {
				t.Errorf("%s (%s), want %s", got, o.doubt, tt.want)
			}
		})
	}
}

func TestDialled(t *testing.T) {
	client, one, two := pod("client", "10.0.0.1", true), pod("one", "10.0.0.2", true), pod("two", "10.0.0.3", false)
	r := probe.Result{Start: 10, End: 20}
	tests := []struct {
		name      string
		dials     []probe.Dial
		endpoints []node.PodInfo
		want      string
	}{
		{"one endpoint was called", []probe.Dial{{At: 15, To: "10.0.0.3:8080"}}, []node.PodInfo{one, two}, "two"},
		{"before the call", []probe.Dial{{At: 5, To: "10.0.0.3:8080"}, {At: 15, To: "10.0.0.2:8080"}}, []node.PodInfo{one, two}, "one"},
		{"a retry went elsewhere", []probe.Dial{{At: 15, To: "10.0.0.2:8080"}, {At: 16, To: "10.0.0.3:8080"}}, []node.PodInfo{one, two}, ""},
		{"the end of an earlier call", []probe.Dial{{At: 15, To: "10.0.0.3:8080"}}, []node.PodInfo{one}, "one"},
		{"a route to another host", []probe.Dial{{At: 15, To: "10.0.0.3:8080", Began: true}}, []node.PodInfo{one}, ""},
		{"nothing left the proxy, one endpoint", nil, []node.PodInfo{one}, "one"},
		{"nothing left the proxy, two endpoints", nil, []node.PodInfo{one, two}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := evidence{pods: []node.PodInfo{client, one, two}, seen: map[string]probe.Seen{"shop/client": {Dials: tt.dials}}}
			got := ""
			if p := e.dialled(attempt{client: client, target: target{endpoints: tt.endpoints}}, r); p != nil {
				got = p.Name
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A route leads from another host's name back to the client: no packet leaves the pod, and the one endpoint of that host
// has not been called.
func TestDialledItself(t *testing.T) {
	client, one := pod("client", "10.0.0.1", true), pod("one", "10.0.0.2", true)
	log := logLine{request: "GET /q00001x HTTP/1.1", code: "503", upstream: "10.0.0.1:8080", cluster: "outbound|80||client.shop"}
	e := evidence{pods: []node.PodInfo{client, one}, logs: map[string][]logLine{"shop/client": {log}}}
	a := attempt{Call: probe.Call{Token: "q00001x"}, client: client, target: target{endpoints: []node.PodInfo{one}}}
	if p := e.dialled(a, probe.Result{}); p != nil {
		t.Errorf("%s was called", p.Name)
	}
}

func TestPairsKeepTries(t *testing.T) {
	client, server, other := pod("client", "10.0.0.1", true), pod("server", "10.0.0.2", true), pod("other", "10.0.0.3", false)
	plain := probe.Result{OK: true, Body: `server xfcc="" tls=false`}
	elsewhere := probe.Result{OK: true, Body: `other xfcc="" tls=false`}
	refused := probe.Result{Error: "reset", Start: 1e6, End: 3e6}
	tests := []struct {
		name      string
		endpoints []node.PodInfo
		results   []probe.Result
		want      []string
		doubts    int
	}{
		{"agree", []node.PodInfo{server}, []probe.Result{plain, plain}, []string{"server plaintext 2"}, 0},
		{"disagree", []node.PodInfo{server}, []probe.Result{plain, refused}, []string{"server plaintext 1", "server refused 1"}, 1},
		{"two endpoints", []node.PodInfo{server, other}, []probe.Result{plain, elsewhere, plain}, []string{"server plaintext 2", "other plaintext 1"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := target{to: To{Host: "server", Port: 80, TargetPort: 8080}, protocol: probe.HTTP, address: "10.96.0.9", path: "/", endpoints: tt.endpoints}
			attempts := plan([]node.PodInfo{client}, []target{to})[:len(tt.results)]
			results, tokens, seen := map[string]probe.Result{}, map[string]bool{}, probe.Seen{}
			for i, a := range attempts {
				results[a.Call.Token], tokens[a.Call.Token] = tt.results[i], true
				seen.Sightings = append(seen.Sightings, probe.Sighting{Token: a.Call.Token, Leg: probe.Wire})
			}
			e := evidence{pods: []node.PodInfo{client, server, other}, seen: map[string]probe.Seen{"shop/server": seen, "shop/other": seen}}
			pairs, doubts := e.pairs(attempts, results)
			var got []string
			for _, p := range pairs {
				got = append(got, fmt.Sprintf("%s %s %d", p.To.Pod, outcomeOf(p), len(p.Tries)))
				for _, try := range p.Tries {
					if !tokens[try.Token] || try.OK != p.OK || try.OK == (try.Error != "") || !try.OK && try.Millis != 2 {
						t.Errorf("try %+v", try)
					}
					delete(tokens, try.Token)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(doubts) != tt.doubts || len(tokens) > 0 {
				t.Errorf("%s\n%d doubts, want %d; lost tries: %v", diff, len(doubts), tt.doubts, tokens)
			}
		})
	}
}

func TestParseLog(t *testing.T) {
	const http = `[2026-01-02T03:04:05.678Z] "GET /q00001x HTTP/1.1" 503 UC upstream_reset - "-" 0 95 1 - "-" "lab-probe/q00002x" "id" "a.b" "10.0.0.2:8080" outbound|80||a.b 10.0.0.1:40000 10.96.0.9:80 10.0.0.1:50000 - default` + "\n"
	const tcp = `[2026-01-02T03:04:05.678Z] "- - -" 0 UF,URX - - "delayed_connect_error:_x" 0 0 0 - "-" "-" "-" "-" "10.0.0.3:9000" PassthroughCluster - 10.0.0.3:9000 10.0.0.1:50001 - -` + "\n"
	got := parseLog([]byte("2026 info something else\n" + http + tcp))
	want := []logLine{
		{request: "GET /q00001x HTTP/1.1", code: "503", flag: "UC", details: "upstream_reset", agent: "lab-probe/q00002x", upstream: "10.0.0.2:8080", cluster: "outbound|80||a.b", upstreamLocal: "10.0.0.1:40000", dialled: "10.96.0.9:80", downstream: "10.0.0.1:50000", route: "default"},
		{code: "0", flag: "UF,URX", failure: "delayed_connect_error:_x", upstream: "10.0.0.3:9000", cluster: "PassthroughCluster", dialled: "10.0.0.3:9000", downstream: "10.0.0.1:50001"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(logLine{})); diff != "" {
		t.Fatal(diff)
	}
	if !got[0].of("q00001x") || !got[0].of("q00002x") || got[0].of("q00003x") {
		t.Error("a line is of the calls whose token is in its path or its agent")
	}
	if flags := got[0].flags(); flags != "UC upstream_reset" {
		t.Errorf("flags %q", flags)
	}
}

// A TCP connection has no token in the logs: its lines are found by the ends of connections.
func TestLinesOfTCP(t *testing.T) {
	const client = `[2026-01-02T03:04:05.678Z] "- - -" 0 UH - - "-" 0 0 1 - "-" "-" "-" "-" "10.0.0.2:9000" outbound|9000||a.b 10.0.0.1:40000 10.96.0.9:9000 10.0.0.1:50000 - -` + "\n"
	const other = `[2026-01-02T03:04:05.678Z] "- - -" 0 - - - "-" 8 8 1 - "-" "-" "-" "-" "10.0.0.3:9000" outbound|9000||c.b 10.0.0.1:40001 10.96.0.8:9000 10.0.0.1:50000 - -` + "\n"
	const server = `[2026-01-02T03:04:05.678Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 1 - "-" "-" "-" "-" "-" - - 10.0.0.2:9000 10.0.0.1:40000 - -` + "\n"
	from, to := pod("client", "10.0.0.1", true), pod("server", "10.0.0.2", true)
	e := evidence{logs: map[string][]logLine{"shop/client": parseLog([]byte(other + client)), "shop/server": parseLog([]byte(server))}}
	a := attempt{client: from, Call: probe.Call{Token: token, Address: "10.96.0.9:9000"}}
	c, s := e.lines(a, probe.Result{Local: "10.0.0.1:50000"}, outcome{endpoint: &to})
	if c.flags() != "UH" || s.flags() != "NR filter_chain_not_found" {
		t.Errorf("client %q, server %q", c.flags(), s.flags())
	}
	if c, _ := e.lines(a, probe.Result{Local: "10.0.0.1:50001"}, outcome{}); c != nil {
		t.Errorf("%+v is another connection's line", c)
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add([]byte("[2026] \"a\" b"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		for _, l := range parseLog(text) {
			_ = l.flags()
			_ = l.brief()
		}
	})
}
