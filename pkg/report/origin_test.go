package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestOrigin(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
	helm := map[string]string{"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}
	for name, tc := range map[string]struct {
		meta *kube.Meta
		says string
	}{
		"nothing is known": {&kube.Meta{Name: "x"}, ""},
		"not read":         {nil, ""},
		"made":             {&kube.Meta{CreationTimestamp: day(1), Generation: 1}, "since 2026-11-01 09:00:00Z"},
		"made, and written since, nobody knows when": {&kube.Meta{CreationTimestamp: day(1), Generation: 2}, "created 2026-11-01 09:00:00Z"},
		"made, and perhaps written since":            {&kube.Meta{CreationTimestamp: day(1)}, "created 2026-11-01 09:00:00Z"},
		"written": {
			&kube.Meta{CreationTimestamp: day(1), ManagedFields: []kube.ManagedField{
				{Manager: "kubectl-edit", Time: day(3)}, {Manager: "helm", Time: day(2)}, {Manager: "pilot-discovery", Time: day(4), Subresource: "status"},
			}},
			"since 2026-11-03 09:00:00Z, written by kubectl-edit; created 2026-11-01 09:00:00Z",
		},
		"made by its first writer": {
			&kube.Meta{CreationTimestamp: day(1), ManagedFields: []kube.ManagedField{{Manager: "kubectl\x1b", Time: day(1)}}},
			`since 2026-11-01 09:00:00Z, written by kubectl\x1b`,
		},
		"made by an apply that straddles a second": {
			&kube.Meta{CreationTimestamp: day(1).Add(time.Second), Generation: 1, ManagedFields: []kube.ManagedField{{Manager: "kubectl-client-side-apply", Time: day(1)}}},
			"since 2026-11-01 09:00:01Z, written by kubectl-client-side-apply",
		},
		"made by one manager, and written at once by another": {
			&kube.Meta{CreationTimestamp: day(1).Add(time.Second), ManagedFields: []kube.ManagedField{
				{Manager: "helm", Time: day(1)}, {Manager: "kubectl-edit", Time: day(1).Add(2 * time.Second)},
			}},
			"since 2026-11-01 09:00:02Z, written by kubectl-edit; created 2026-11-01 09:00:01Z",
		},
		"who made it is not known": {
			&kube.Meta{CreationTimestamp: day(2), Generation: 1, ManagedFields: []kube.ManagedField{{Manager: "helm", Time: day(1)}}},
			"since 2026-11-02 09:00:00Z",
		},
		"Helm": {&kube.Meta{Annotations: helm}, "managed by Helm release shop/web: it undoes a patch, so make the change there"},
		"Argo CD, with a chart": {
			&kube.Meta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:networking.istio.io/DestinationRule:shop/server", "meta.helm.sh/release-name": "web"}},
			"managed by Argo CD application shop: it undoes a patch, so make the change there",
		},
		"Argo CD's label": {&kube.Meta{Labels: map[string]string{"argocd.argoproj.io/instance": "shop"}}, "managed by Argo CD application shop: it undoes a patch, so make the change there"},
		"Flux": {
			&kube.Meta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
			"managed by Flux Kustomization flux-system/apps: it undoes a patch, so make the change there",
		},
		"Flux, with a chart": {
			&kube.Meta{Labels: map[string]string{"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"}, Annotations: helm},
			"managed by Flux HelmRelease shop/web: it undoes a patch, so make the change there",
		},
		"an operator": {
			&kube.Meta{Namespace: "shop", OwnerReferences: []kube.OwnerReference{{Kind: "Mesh", Name: "a", Controller: true}}},
			"managed by Mesh shop/a: it undoes a patch, so make the change there",
		},
	} {
		p := newPage(&Report{}, Style{})
		p.origin(originOf(tc.meta))
		if diff := cmp.Diff(tc.says, strings.Join(strings.Fields(p.b.String()), " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
