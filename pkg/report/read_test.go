package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestWasRead: a proxy counts as read only when all that a verdict rests on was.
func TestWasRead(t *testing.T) {
	tests := map[string]struct {
		proxy   *envoy.Proxy
		missing []string
	}{
		"all":            {&envoy.Proxy{Read: neededSections}, nil},
		"stats cut":      {&envoy.Proxy{Read: neededSections, Cut: envoy.SectionStats}, nil},
		"no config dump": {&envoy.Proxy{Read: envoy.SectionHosts}, []string{"listeners", "clusters", "secrets"}},
		"secrets cut":    {&envoy.Proxy{Read: envoy.SectionListeners | envoy.SectionClusters, Cut: envoy.SectionSecrets}, []string{"secrets"}},
		"routes cut":     {&envoy.Proxy{Read: neededSections, Cut: envoy.SectionRoutes}, []string{"routes"}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.missing, missingSections(test.proxy)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := wasRead(test.proxy); got != (test.missing == nil) {
			t.Errorf("%s: read: %t", name, got)
		}
	}
	if wasRead(nil) {
		t.Error("what is not there was not read")
	}
}

// TestView: of what was not seen, only that counts which bears on the connections in question.
func TestView(t *testing.T) {
	sidecar := &kube.Pod{}
	sidecar.Spec.InitContainers = []kube.Container{{Name: "istio-proxy"}}
	resources := &kube.Resources{}
	for _, name := range []string{"client", "server", "stranger"} {
		p := *sidecar
		p.Meta = kube.Meta{Name: name, Namespace: "shop"}
		resources.Pods = append(resources.Pods, &p)
	}
	gaps := []mesh.Gap{
		{Subject: kube.Ref{Kind: "List", Name: "services.core"}, Message: "m"},
		{Subject: pod("server"), Message: "m"},
		{Subject: pod("stranger"), Message: "m"},
	}
	s := mesh.New(&mesh.Evidence{CapturedAt: captured, Resources: resources, Gaps: gaps})
	client := s.Pod(kube.Key{Namespace: "shop", Name: "client"})
	server := s.Pod(kube.Key{Namespace: "shop", Name: "server"})
	r := diagnose.Run(s, nil, diagnose.Scope{In: func(p *mesh.Pod) bool { return p == client }})
	calls := []*handshake.Edge{call(client, server, 80, handshake.Unknown, handshake.ServerUnread)}

	c := coverage(r, newView(r, calls, r.InScope))
	if diff := cmp.Diff(gaps[:2], c.Gaps); diff != "" {
		t.Error(diff)
	}
	if c.Proxies != (Count{0, 1}) || c.PeersUnread != 1 {
		t.Errorf("got %+v, %d peers unread", c.Proxies, c.PeersUnread)
	}
	v := newView(r, calls, endsOf(calls))
	if c := coverage(r, v); c.Proxies != (Count{0, 2}) || c.PeersUnread != 0 {
		t.Errorf("got %+v, %d peers unread", c.Proxies, c.PeersUnread)
	}
	for ref, want := range map[kube.Ref]bool{{Kind: "DestinationRule", Name: "x"}: true, pod("server"): true, pod("stranger"): false, pod("gone"): true} {
		if got := v.touches(r, ref); got != want {
			t.Errorf("%s: touches: %t", ref, got)
		}
	}
}

// TestDenialSaysWhereToLook: a note of one line about denied calls still says which policy to read.
func TestDenialSaysWhereToLook(t *testing.T) {
	look := Fix{Title: "read it", Command: "kubectl -n pay get authorizationpolicy x -o yaml", Look: true}
	denied := Finding{Code: "MTD399", Severity: "info", Title: "calls are refused", Affects: []Affected{{Verdict: handshake.Denied}}, Fixes: []Fix{look}}
	other := denied
	other.Affects = []Affected{{Verdict: handshake.Fails}}
	caused := other
	caused.CausedBy = &FindingRef{Code: "MTD301"}
	for name, test := range map[string]struct {
		finding Finding
		want    string
	}{
		"denied": {denied, "info MTD399  calls are refused\n     see     " + look.Command + "\n"},
		"fails":  {other, "info MTD399  calls are refused\n"},
		"caused": {caused, "info MTD399  calls are refused; a consequence of MTD301\n"},
	} {
		if got := (&Report{}).findingText(&test.finding, Style{Format: Table}); got != test.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestHeadline: the first line speaks of the calls that were asked about.
func TestHeadline(t *testing.T) {
	inside, outside := Traffic{Total: 2, MTLS: 2}, Traffic{Total: 1, Fails: 1}
	tests := map[string]struct {
		report Report
		want   string
	}{
		"calls":        {Report{EdgeSummary: EdgeSummary{Calls: inside, Outside: outside}}, "2 of 2 possible calls are mTLS"},
		"denied":       {Report{EdgeSummary: EdgeSummary{Calls: Traffic{Total: 4, Fails: 3, Denied: 2, MTLS: 1}}}, "1 of 4 possible calls fails, 2 denied, 1 mTLS"},
		"one denied":   {Report{EdgeSummary: EdgeSummary{Calls: Traffic{}.plus(handshake.Denied)}}, "1 of 1 possible call is denied"},
		"only outside": {Report{EdgeSummary: EdgeSummary{Outside: outside}}, "callers without a proxy: 1 of 1 possible call fails"},
		"asked":        {Report{Scope: Scope{To: "x:80"}, EdgeSummary: EdgeSummary{Calls: inside, Outside: outside}}, "1 of 3 possible calls fails, 2 mTLS"},
		"no pods":      {Report{}, "there are no pods, and so nothing was judged"},
		"nothing":      {Report{Workloads: []Workload{{}}}, "no calls are possible"},
		"a list short": {Report{Coverage: Coverage{Gaps: []mesh.Gap{{}}}}, "no calls are possible"},
		"lone dump":    {Report{Source: mesh.Source{Type: "dump"}, Workloads: []Workload{{}}}, "its peers are not in the evidence, and so no call can be judged"},
	}
	for name, test := range tests {
		if got := test.report.callSentence(); got != test.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
	unread := Report{Coverage: Coverage{Proxies: Count{6, 6}, PeersUnread: 1}}
	unread.Source.Context = "prod-eu"
	if got, want := unread.basis(), "time of capture unknown, 6 of 6 proxies in scope read, 1 peer unread, context prod-eu"; got != want {
		t.Errorf("got %q", got)
	}
	if got := render(t, &unread, Style{Format: Table}); strings.Contains(got, "0001") {
		t.Errorf("no time is shown that nobody knows: %s", got)
	}
}
