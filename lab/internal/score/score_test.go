package score

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

func edge(verdict, pod string) Edge {
	var e Edge
	e.Client.Namespace, e.Client.Pod = "shop", "client-1"
	e.Server.Host, e.Server.Port, e.Server.Pod = "server", 80, pod
	e.Verdict = verdict
	return e
}

// pair is a call that reached pod a.
func pair(ok bool, mtls *bool) truth.Pair {
	return truth.Pair{From: truth.From{Namespace: "shop", Pod: "client-1", Injected: true}, To: truth.To{Host: "server", Port: 80, Pod: "a"}, OK: ok, MTLS: mtls}
}

func TestComparePairs(t *testing.T) {
	yes, no := new(true), new(false)
	tests := []struct {
		name  string
		pair  truth.Pair
		edges []Edge
		want  string
	}{
		{"mutual TLS", pair(true, yes), []Edge{edge("mTLS", "a")}, "agree"},
		{"said plaintext, was mutual TLS", pair(true, yes), []Edge{edge("plaintext", "a")}, "wrong"},
		{"said mutual TLS, was plaintext", pair(true, no), []Edge{edge("mTLS", "a")}, "wrong"},
		{"the application's own TLS", pair(true, no), []Edge{edge("appTLS", "a")}, "agree"},
		{"said fails, works", pair(true, yes), []Edge{edge("fails", "a")}, "wrong"},
		{"said works, fails", pair(false, nil), []Edge{edge("mTLS", "a")}, "wrong"},
		{"denied", pair(false, nil), []Edge{edge("denied", "a")}, "agree"},
		{"unknown", pair(true, yes), []Edge{edge("unknown", "a")}, "unknown"},
		{"another endpoint", pair(true, yes), []Edge{edge("mTLS", "b")}, "missing"},
		{"one of two endpoints", pair(true, yes), []Edge{edge("fails", "b"), edge("mTLS", "a")}, "agree"},
		{"one edge for all endpoints", pair(true, yes), []Edge{edge("mTLS", "")}, "agree"},
		{"no edge", pair(true, yes), nil, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ComparePairs(truth.Truth{Pairs: []truth.Pair{tt.pair}}, tt.edges)
			got := map[string]int{"agree": p.Agree, "wrong": len(p.Wrong), "unknown": len(p.Unknown), "missing": len(p.Missing)}
			want := map[string]int{"agree": 0, "wrong": 0, "unknown": 0, "missing": 0}
			want[tt.want] = 1
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBeyond(t *testing.T) {
	tests := []struct {
		name, client, server string
		ok                   bool
		err                  string
		want                 bool
	}{
		{"no endpoint", "UH no_healthy_upstream", "", false, "", true},
		{"the application's answer", "via_upstream", "via_upstream", false, "", true},
		{"a chain that is not there", "UC", "NR filter_chain_not_found", false, "", false},
		{"a name that nobody has", "DF dns_resolution_failure", "", false, "", true},
		{"TLS", "UF TLS_error", "", false, "", false},
		{"refused by policy", "via_upstream", "rbac_access_denied", false, "", false},
		{"an address that nobody has", "UF,URX delayed_connect_error:_Network_is_unreachable", "", false, "", true},
		{"no answer to packets", "URX,UF upstream_reset_before_response_started{connection_timeout}", "", false, "", true},
		{"such an address, past the proxy", "", "", false, "dial tcp4 240.0.0.1:80: connect: network is unreachable", true},
		{"it works", "via_upstream", "", true, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := truth.Pair{From: truth.From{Injected: true}, OK: tt.ok, Client: tt.client, Server: tt.server, Error: tt.err}
			if got := beyond(p); got != tt.want {
				t.Errorf("%t, want %t", got, tt.want)
			}
		})
	}
}

func found(code, severity, namespace, name, field string) Finding {
	f := Finding{Code: code, Severity: severity, Field: field}
	f.Subject.Kind, f.Subject.Namespace, f.Subject.Name = "DestinationRule", namespace, name
	return f
}

func TestCompareFindings(t *testing.T) {
	cause := scenario.Expect{Cause: &scenario.Finding{Code: "MTD301", Subject: "DestinationRule shop/server", Field: "spec.trafficPolicy"}}
	right := found("MTD301", "error", "shop", "server", "spec.trafficPolicy.tls.mode")
	caused := found("MTD403", "error", "shop", "other", "")
	caused.CausedBy = &struct{ Code string }{"MTD301"}
	stray := found("MTD403", "error", "shop", "other", "")
	stray.CausedBy = &struct{ Code string }{"MTD402"}
	tests := []struct {
		name string
		want scenario.Expect
		got  []Finding
		n    int
	}{
		{"the cause", cause, []Finding{right, found("MTD601", "info", "shop", "x", "")}, 0},
		{"a consequence", cause, []Finding{right, caused}, 0},
		{"a consequence of something else", cause, []Finding{right, stray}, 1},
		{"another error", cause, []Finding{right, found("MTD302", "error", "pay", "x", "")}, 1},
		{"another field", cause, []Finding{found("MTD301", "error", "shop", "server", "spec.subsets[0]")}, 1},
		{"a warning only", cause, []Finding{found("MTD301", "warning", "shop", "server", "spec.trafficPolicy")}, 1},
		{"nothing found", cause, nil, 1},
		{"healthy", scenario.Expect{Healthy: true}, []Finding{found("MTD601", "info", "shop", "x", "")}, 0},
		{"healthy with a warning", scenario.Expect{Healthy: true}, []Finding{found("MTD310", "warning", "shop", "x", "")}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CompareFindings(tt.want, tt.got); len(got) != tt.n {
				t.Errorf("%d wrong, want %d: %q", len(got), tt.n, got)
			}
		})
	}
}

func TestMisleads(t *testing.T) {
	failing, working := pair(false, nil), pair(true, new(true))
	for _, p := range []*truth.Pair{&failing, &working} {
		p.From.Workload, p.To.Service, p.To.Namespace = "client", "server", "shop"
	}
	tests := []struct {
		name  string
		works bool
		pairs []truth.Pair
		n     int
	}{
		{"it fails, as it has to", false, []truth.Pair{failing}, 0},
		{"it works", false, []truth.Pair{failing, working}, 1},
		{"it works, as it has to", true, []truth.Pair{working}, 0},
		{"it was not made", true, nil, 1},
	}
	for _, tt := range tests {
		call := scenario.Call{From: "shop/client", To: "server.shop:80", Works: tt.works}
		if got := misleads([]scenario.Call{call}, truth.Truth{Pairs: tt.pairs}); len(got) != tt.n {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestClears(t *testing.T) {
	for report, want := range map[string]bool{
		`{"notMTLS": {"basis": "no handshake fails", "next": []}}`: true, `{"notMTLS": {}}`: false, `{}`: false, `no report`: false,
	} {
		if got := clears([]byte(report)); got != want {
			t.Errorf("%s: %t", report, got)
		}
	}
}

func TestFindings(t *testing.T) {
	const report = `{"findings": [{"code": "MTD403", "severity": "error", "subject": {"kind": "Deployment", "namespace": "shop", "name": "server"},
		"causedBy": {"code": "MTD301", "fingerprint": "a"}}, {"code": "MTD301"}]}`
	got, err := findings([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name() != "Deployment shop/server" || got[0].CausedBy == nil || got[1].CausedBy != nil {
		t.Errorf("%+v", got)
	}
}

func TestExcuse(t *testing.T) {
	list := []Known{{"a", "pair x -> y", "why"}, {"b", "pair x -> y", "why"}}
	left, known := Excuse("a", []string{"pair x -> y: says fails", "cause MTD301"}, list)
	if diff := cmp.Diff([]string{"cause MTD301"}, left); diff != "" || known != 1 {
		t.Errorf("known %d, left %s", known, diff)
	}
	if left, _ := Excuse("b", nil, list); len(left) != 1 {
		t.Errorf("an entry that is right now must fail the run; left %q", left)
	}
}

func TestSame(t *testing.T) {
	x := []byte("{\"capturedAt\": \"2026-01-01T00:00:01.97Z\",\n\"now\": \"2026-01-01T00:00:01Z\", \"agree\": 1, \"title\": \"expired 59s before the capture\"}")
	y := []byte("{\"capturedAt\": \"2026-01-01T00:00:02.08Z\",\n\"now\": \"2026-01-01T00:00:02Z\", \"agree\": 2, \"title\": \"expired 1m00s before the capture\"}")
	if at, ok := same(x, y); !ok {
		t.Errorf("differ at %s", at)
	}
	if _, ok := same(x, append(y[:len(y)-1:len(y)-1], ", \"more\": 1}"...)); ok {
		t.Error("a difference is not seen")
	}
}
