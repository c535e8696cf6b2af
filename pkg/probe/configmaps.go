package probe

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const (
	configMaps     = "configmaps.core"
	meshConfigName = "istio"
	rootCertName   = "istio-ca-root-cert"
)

// readConfigMaps lists, by name, the mesh configs of all revisions that pods or namespaces
// name, and the root certificates that istiod publishes to every namespace. No other ConfigMap
// leaves the API server; RBAC may therefore grant these names alone (a list by metadata.name
// counts as one of that name).
func (r *lister) readConfigMaps(ctx context.Context, istioNamespace, revision string) {
	kind, _ := kube.KindByID(configMaps)
	l := list{Kind: kind, keep: true}
	var failed error
	note := func(err error) error {
		if failed == nil {
			failed = err
		}
		return err
	}
	var pagers []bundle.Pager
	for _, name := range meshConfigNames(&r.kept, revision) {
		pagers = append(pagers, r.named(ctx, l, istioNamespace, name, nil))
	}
	pagers = append(pagers, r.rootCerts(ctx, l)...)
	for i, next := range pagers {
		pagers[i] = func(token string) (io.ReadCloser, error) {
			body, err := next(token)
			return body, note(err)
		}
	}
	if err := r.sink.AddList(configMaps, pagers...); err != nil && failed == nil {
		failed = err
	}
	if failed != nil {
		message, hint := explainList(ctx, failed, "configmaps named istio, istio-REVISION and "+rootCertName)
		r.sink.Gap(bundle.ListGap(configMaps, message, hint))
	}
}

// rootCerts lists the root certificates in all namespaces, else in those of the scope.
func (r *lister) rootCerts(ctx context.Context, l list) []bundle.Pager {
	first, err := r.api.get(ctx, page{path: l.path("v1", ""), selector: "metadata.name=" + rootCertName}, "")
	if err == nil || len(r.scope) == 0 {
		return []bundle.Pager{r.named(ctx, l, "", rootCertName, first)}
	}
	var pagers []bundle.Pager
	for _, ns := range r.scope {
		pagers = append(pagers, r.named(ctx, l, ns, rootCertName, nil))
	}
	return pagers
}

func (r *lister) named(ctx context.Context, l list, namespace, name string, first io.ReadCloser) bundle.Pager {
	return r.pager(ctx, l, page{path: l.path("v1", namespace), selector: "metadata.name=" + name}, first)
}

// meshConfigNames are the names of the ConfigMaps that hold a mesh config.
func meshConfigNames(r *kube.Resources, revision string) []string {
	names := map[string]bool{meshConfigName: true}
	add := func(rev string) {
		if rev != "" && rev != "default" {
			names[meshConfigName+"-"+rev] = true
		}
	}
	add(revision)
	for _, p := range r.Pods {
		add(p.Labels["istio.io/rev"])
		add(p.Annotations["istio.io/rev"])
	}
	for _, ns := range r.Namespaces {
		add(ns.Labels["istio.io/rev"])
	}
	return slices.Sorted(maps.Keys(names))
}

// meshConfig is the mesh config of the default revision, else of any, or nil.
func meshConfig(r *kube.Resources, istioNamespace string) *kube.MeshConfig {
	var found *kube.MeshConfig
	for _, cm := range r.ConfigMaps {
		if cm.Namespace != istioNamespace || cm.Data["mesh"] == "" {
			continue
		}
		m, err := kube.ParseMeshConfig([]byte(cm.Data["mesh"]))
		if err == nil && (found == nil || cm.Name == meshConfigName) {
			found = m
		}
	}
	return found
}
