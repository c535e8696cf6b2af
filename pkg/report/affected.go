package report

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// affects are the connections that a finding breaks, and the workloads that it hits beyond them.
func affects(f *diagnose.Finding) []Affected {
	out := foldAffected(f.Edges)
	for _, w := range f.Workloads {
		out = append(out, Affected{Server: &w})
	}
	return out
}

// foldAffected folds connections by workloads, host, port and outcome, in their order.
func foldAffected(edges []*handshake.Edge) []Affected {
	type fold struct {
		client, server kube.Ref
		host           string
		port           uint32
		verdict        handshake.Verdict
		reason         handshake.Reason
		route          Route
	}
	index := map[fold]int{}
	out := []Affected{}
	for _, e := range edges {
		k := fold{client: e.Client.Workload.Ref, host: e.Server.Name, port: e.Server.Port, verdict: e.Verdict, reason: e.Reason}
		if e.Server.Pod != nil {
			k.server = e.Server.Pod.Workload.Ref
		}
		led := route(e)
		if led != nil {
			k.route = *led
		}
		if i, ok := index[k]; ok {
			out[i].Pairs++
			continue
		}
		index[k] = len(out)
		a := Affected{Client: &k.client, Host: k.host, Port: k.port, Verdict: k.verdict, Reason: k.reason, Route: led, Pairs: 1}
		if e.Server.Pod != nil {
			a.Server = &k.server
		}
		out = append(out, a)
	}
	return out
}

// unexplained are the edges of callers with a proxy that fail in TLS and that no finding breaks.
func unexplained(r *diagnose.Result) []*handshake.Edge {
	explained := map[*handshake.Edge]bool{}
	for _, f := range r.Findings {
		for _, e := range f.Edges {
			explained[e] = true
		}
	}
	var out []*handshake.Edge
	for _, e := range r.Edges() {
		if e.Verdict == handshake.Fails && e.Client.HasProxy() && !e.Reason.NotTLS() && !explained[e] {
			out = append(out, e)
		}
	}
	return out
}
