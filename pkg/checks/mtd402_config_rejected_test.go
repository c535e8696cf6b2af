package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const nack = "16-xds-nack"

func TestConfigRejected(t *testing.T) {
	r := record(t, nack)
	f := r.one(mtd402)
	has(t, lines([]*diagnose.Finding{f}), "error EnvoyFilter shop/")
	has(t, f.Title, "the proxy of shop/server rejects its config and runs an older one")
	if len(f.Evidence) != 1 {
		t.Errorf("a listener that is there with and without a name is one: %+v", f.Evidence)
	}
	has(t, f.Evidence[0].Source, "listener/virtualInbound")
}

// Two EnvoyFilters that could be to blame leave the workload as the subject.
func TestConfigRejectedBlamesNobodyInVain(t *testing.T) {
	two := func(applyTo, namespace string, labels map[string]string) string {
		r := record(t, nack)
		other := &kube.EnvoyFilter{Meta: kube.Meta{Name: "other", Namespace: namespace}}
		other.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: applyTo}}
		if labels != nil {
			other.Spec.WorkloadSelector = &kube.EntrySelector{Labels: labels}
		}
		r.Resources.EnvoyFilters = append(r.Resources.EnvoyFilters, other)
		return r.one(mtd402).Subject.Kind
	}
	for _, c := range []struct {
		applyTo, namespace string
		labels             map[string]string
		want               string
	}{
		{"HTTP_FILTER", "shop", nil, "Deployment"},
		{"HTTP_FILTER", "istio-system", nil, "Deployment"},
		{"HTTP_FILTER", "pay", nil, "EnvoyFilter"},
		{"HTTP_FILTER", "shop", map[string]string{"app": "client"}, "EnvoyFilter"},
		{"CLUSTER", "shop", nil, "EnvoyFilter"},
	} {
		if got := two(c.applyTo, c.namespace, c.labels); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A proxy that rejects its first inbound listener has none: nobody gets in.
func TestConfigRejectedAtStart(t *testing.T) {
	r := record(t, nack)
	p := r.proxy("shop/server")
	kept := p.Listeners[:0]
	for _, l := range p.Listeners {
		if l.Name != "virtualInbound" {
			kept = append(kept, l)
		}
	}
	p.Listeners = kept
	f := r.one(mtd402)
	has(t, f.Title, "accepts nothing")
	if len(f.Edges) == 0 {
		t.Error("no edges")
	}
}

func TestClusterRejected(t *testing.T) {
	spoil := func(change func(*envoy.Proxy)) *recording {
		r := record(t, healthy)
		p := r.proxy("shop/client")
		for _, c := range p.Clusters {
			if strings.HasPrefix(c.Name, "outbound|80||server.shop") {
				next := *c
				next.State = envoy.Warming
				p.Clusters = append(p.Clusters, &next)
				break
			}
		}
		change(p)
		return r
	}
	counted := func(n uint64) func(*envoy.Proxy) {
		return func(p *envoy.Proxy) { p.Stats = map[string]uint64{clustersRejected: n} }
	}
	has(t, spoil(counted(1)).says(mtd402), "error Deployment shop/client [] 0: the proxy of shop/client rejects its config")
	spoil(counted(0)).quiet(mtd402)

	// Envoy once refused something, and the next push has just come.
	arriving := spoil(counted(1))
	p := arriving.proxy("shop/client")
	p.Clusters[len(p.Clusters)-1].LastUpdated = arriving.CapturedAt.Add(-time.Second)
	arriving.quiet(mtd402)

	uncounted := spoil(func(p *envoy.Proxy) { p.Stats = nil })
	if got := uncounted.says(mtd402); got != "" {
		t.Error(got)
	}
	if got := uncounted.unknowns(mtd402); len(got) != 1 || !strings.Contains(got[0], "was not collected") {
		t.Errorf("%q", got)
	}
	spoil(func(p *envoy.Proxy) {
		counted(1)(p)
		p.Secrets = nil
	}).quiet(mtd402)
}

func TestRejectionGravity(t *testing.T) {
	got := map[string]diagnose.Severity{}
	for _, r := range []envoy.Rejection{
		{Kind: "listener", Name: "virtualInbound"},
		{Kind: "listener"},
		{Kind: "secret", Name: "default"},
		{Kind: "listener", Name: "0.0.0.0_9093"},
		{Kind: "route", Name: "80"},
	} {
		got[r.Kind+" "+r.Name] = gravity(r)
	}
	want := map[string]diagnose.Severity{
		"listener virtualInbound": diagnose.Error, "listener ": diagnose.Error, "secret default": diagnose.Error,
		"listener 0.0.0.0_9093": diagnose.Warning, "route 80": diagnose.Warning,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConfigRejectedQuietAndBlind(t *testing.T) {
	record(t, healthy).quiet(mtd402)
	r := record(t, nack)
	r.Proxies = nil
	r.blind(mtd402, diagnose.Proxies)
}
