package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestLabel(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 27: "AB", 52: "BA", 702: "AAA"} {
		if got := label(i); got != want {
			t.Errorf("%d: got %s, want %s", i, got, want)
		}
	}
}

// holder is a pod of a workload whose proxy holds secrets.
type holder struct {
	workload string
	secrets  []*envoy.Secret // nil when the proxy was not read
}

// holding is a mesh of such pods.
func holding(holders ...holder) *mesh.Snapshot {
	ev := &mesh.Evidence{CapturedAt: captured, Source: mesh.Source{Type: "cluster"}, Resources: &kube.Resources{}, Proxies: map[kube.Key]*envoy.Proxy{}}
	for i, h := range holders {
		p := &kube.Pod{Meta: kube.Meta{
			Name: fmt.Sprintf("%s-%d", h.workload, i), Namespace: "shop",
			OwnerReferences: []kube.OwnerReference{{Kind: "StatefulSet", Name: h.workload, Controller: true}},
		}}
		p.Spec.Containers = []kube.Container{{Name: "istio-proxy", Args: []string{"proxy", "sidecar"}}}
		p.Status.Phase = "Running"
		ev.Resources.Pods = append(ev.Resources.Pods, p)
		if h.secrets != nil {
			ev.Proxies[p.Key()] = &envoy.Proxy{Read: neededSections, Secrets: h.secrets}
		} else {
			ev.Gaps = append(ev.Gaps, mesh.Gap{Subject: kube.PodRef(p.Key()), Stage: "port-forward", Message: "timed out"})
		}
	}
	return mesh.New(ev)
}

// own are the secrets of a proxy: its certificate and what it trusts.
func own(leaf *testca.Leaf, roots ...*testca.CA) []*envoy.Secret {
	var trust certs.Chain
	for _, r := range roots {
		trust = append(trust, r.Certificate)
	}
	return []*envoy.Secret{
		{Name: "default", Freshness: envoy.Freshness{State: envoy.Active}, Chain: leaf.Chain},
		{Name: "ROOTCA", Freshness: envoy.Freshness{State: envoy.Active}, Bundle: certs.NewBundle(trust...)},
	}
}

func everyPod(*mesh.Pod) bool { return true }

func listed(t *testing.T, l *CertificateList, format Format) string {
	t.Helper()
	var b strings.Builder
	if err := l.Render(&b, Style{Format: format}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCertificates: each state, and who trusts whom.
func TestCertificates(t *testing.T) {
	root := testca.New(captured)
	next := testca.New(captured, testca.Seed("next"))
	lived := func(used float64) testca.Option {
		life := 24 * time.Hour
		from := captured.Add(-time.Duration(used * float64(life)))
		return testca.Valid(from, from.Add(life))
	}
	dying := root.Intermediate(testca.Valid(captured.Add(-300*24*time.Hour), captured.Add(10*24*time.Hour)), testca.Seed("dying"))
	waiting := []*envoy.Secret{{Name: "default", Freshness: envoy.Freshness{State: envoy.Warming}}, {Name: "ROOTCA", Freshness: envoy.Freshness{State: envoy.Warming}}}
	filed := append(own(root.Leaf("shop/filed", lived(0.5)), root, next), &envoy.Secret{Name: "file-cert:/etc/x", File: "/etc/x", Freshness: envoy.Freshness{State: envoy.Static}})
	s := holding(
		holder{"fresh", own(root.Leaf("shop/fresh", lived(0.25)), root, next)},
		holder{"fresh", own(root.Leaf("shop/fresh", lived(0.125)), root, next)},
		holder{"due", own(root.Leaf("shop/due", lived(0.6)), root, next)},
		holder{"late", own(root.Leaf("shop/late", lived(0.8)), root)},
		holder{"expired", own(root.Leaf("shop/expired", testca.Expired(captured)), root, next)},
		holder{"early", own(next.Leaf("shop/early", testca.NotYetValid(captured)), root, next)},
		holder{"ending", own(dying.Leaf("shop/ending", lived(0)), root, next)},
		holder{"stranger", own(testca.New(captured, testca.Seed("nobody's")).Leaf("shop/stranger", lived(0)), root, next)},
		holder{"waiting", waiting},
		holder{"filed", filed},
		holder{"unread", nil},
	)
	l := Certificates(s, everyPod)
	want := `WORKLOAD                         PODS  IDENTITY                           KEY    ISSUER                           ROOT  TRUSTS  USED  ENDS   STATE
shop/sts/expired                 1     cluster.local/ns/shop/sa/expired   P-256  CN=root,O=cluster.local          A     A+B     100%  0s     expired
shop/sts/early                   1     cluster.local/ns/shop/sa/early     P-256  CN=root,O=cluster.local          B     A+B     -4%   1d1h   not-yet-valid
shop/sts/waiting                 1     -                                  -      -                                -     -       -     -      missing
shop/sts/filed file-cert:/etc/x  1     -                                  -      -                                -     A+B     -     -      unreadable: it is in file /etc/x
shop/sts/late                    1     cluster.local/ns/shop/sa/late      P-256  CN=root,O=cluster.local          A     A       80%   4h48m  renewal-late
shop/sts/ending                  1     cluster.local/ns/shop/sa/ending    P-256  CN=intermediate,O=cluster.local  A     A+B     0%    1d     ending
shop/sts/due                     1     cluster.local/ns/shop/sa/due       P-256  CN=root,O=cluster.local          A     A+B     60%   9h36m  renewal-due
shop/sts/filed                   1     cluster.local/ns/shop/sa/filed     P-256  CN=root,O=cluster.local          A     A+B     50%   12h    fresh
shop/sts/fresh                   2     cluster.local/ns/shop/sa/fresh     P-256  CN=root,O=cluster.local          A     A+B     25%   18h    fresh
shop/sts/stranger                1     cluster.local/ns/shop/sa/stranger  P-256  CN=root,O=cluster.local          ?     A+B     0%    1d     fresh

ROOT  SUBJECT                  SHA256             ENDS   SIGNS  TRUSTED BY
A     CN=root,O=cluster.local  ################…  3285d  7      9 of 9 proxies
B     CN=root,O=cluster.local  ################…  3285d  1      8 of 9 proxies
! root B signs 1 certificate and is not trusted by 1 proxy
? 1 pod (shop/unread-10): timed out
`
	got := regexp.MustCompile(`[0-9a-f]{16}…`).ReplaceAllString(listed(t, l, Table), "################…")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !l.Incomplete() {
		t.Error("it is complete without a proxy that was not read")
	}
	if text := listed(t, l, JSON); strings.Contains(text, "null") {
		t.Errorf("a null in %s", text)
	}
	wide := listed(t, l, Wide)
	if n := strings.Count(wide, "  default  "); n != 10 || !strings.Contains(wide, "  chain           CN=intermediate,O=cluster.local") {
		t.Errorf("-o wide has %d certificates:\n%s", n, wide)
	}
	if rows := strings.Split(strings.TrimSpace(listed(t, l, CSV)), "\n"); len(rows) != 1+len(l.Certificates) {
		t.Errorf("-o csv has %d rows for %d certificates", len(rows), len(l.Certificates))
	}
}

// Pods that were not listed may have proxies: a list without them is not complete.
func TestCertificatesOfUnknownPods(t *testing.T) {
	s := mesh.New(&mesh.Evidence{CapturedAt: captured, Resources: &kube.Resources{}, Gaps: []mesh.Gap{
		{Subject: kube.Ref{Kind: "List", Name: "pods.core"}, Stage: "list", Message: "is not in the bundle"},
		{Subject: kube.Ref{Kind: "List", Name: "secrets.core"}, Stage: "list", Message: "forbidden"},
	}})
	l := Certificates(s, everyPod)
	if !l.Incomplete() {
		t.Error("it is complete without the pods")
	}
	text := listed(t, l, Table)
	if !strings.Contains(text, "? the list of pods: is not in the bundle\n") || strings.Contains(text, "secrets") {
		t.Error(text)
	}
}

// TestManyCertificates: of many workloads, those that are well are one line for each root.
func TestManyCertificates(t *testing.T) {
	root := testca.New(captured)
	leaf := root.Leaf("shop/x")
	var holders []holder
	for i := range 3000 {
		holders = append(holders, holder{fmt.Sprint("w", i/3), own(leaf, root)})
	}
	holders[7].secrets = own(root.Leaf("shop/old", testca.Expired(captured)), root)
	got := listed(t, Certificates(holding(holders...), everyPod), Table)
	want := "and 2999 certificates of 1000 workloads: fresh, P-256, root A, trusting A; the first ends in 22h (-o wide shows them)\n"
	if lines := strings.Count(got, "\n"); lines != 6 || !strings.Contains(got, want) {
		t.Errorf("%d lines:\n%s", lines, got)
	}
}

// TestUndated: without the time of a capture nothing is called fresh.
func TestUndated(t *testing.T) {
	s := holding(holder{"a", own(testca.New(captured).Leaf("shop/a"))})
	s.Source.Type = "dump"
	if l := Certificates(s, everyPod); l.Certificates[0].State != Undated {
		t.Errorf("it is %s", l.Certificates[0].State)
	}
}
