package probe

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	networkingv1beta1 "istio.io/client-go/pkg/apis/networking/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// listsAtOnce bounds how many lists are fetched in parallel.
const listsAtOnce = 6

// The versions in which Istio's kinds are tried, the newest first. Which of them a cluster
// serves depends on its Istio: v1 came with 1.22, and EnvoyFilter never left v1alpha3.
var (
	istioVersions = []string{
		networkingv1.SchemeGroupVersion.Version,
		networkingv1beta1.SchemeGroupVersion.Version,
		networkingv1alpha3.SchemeGroupVersion.Version,
	}
	envoyFilterVersions = []string{
		networkingv1alpha3.SchemeGroupVersion.Version,
		networkingv1.SchemeGroupVersion.Version,
	}
	// gateway-api.sigs.k8s.io/concepts/versioning: HTTPRoute and GRPCRoute are v1 for long, the others are not, or are lately.
	gatewayAPIVersions = []string{"v1", "v1beta1", "v1alpha3", "v1alpha2"}
)

// list is one kind of resource to be listed.
type list struct {
	kube.Kind
	// versions are tried in order until one is served.
	versions []string
	accept   string
	// keep says that the probe itself needs the resources: to find the proxies.
	keep bool
}

// lists are all kinds but ConfigMaps, which are listed by name.
func lists() []list {
	var out []list
	for _, k := range kube.Kinds() {
		if k.ID() != configMaps {
			out = append(out, newList(k))
		}
	}
	return out
}

func newList(k kube.Kind) list {
	l := list{Kind: k, versions: []string{"v1"}}
	switch {
	case k.Name == "EnvoyFilter":
		l.versions = envoyFilterVersions
	case strings.HasSuffix(k.Group, ".istio.io"):
		l.versions = istioVersions
	case k.Group == "gateway.networking.k8s.io":
		l.versions = gatewayAPIVersions
	}
	switch k.ID() {
	case "replicasets.apps", "jobs.batch":
		l.accept = metadataOnly
		l.keep = true
	case "deployments.apps", "statefulsets.apps", "daemonsets.apps", "cronjobs.batch":
		l.accept = metadataOnly
	case "pods.core", "services.core", "namespaces.core":
		l.keep = true
	}
	return l
}

// resource is the kind as RBAC names it: "pods", "destinationrules.networking.istio.io".
func (l list) resource() string { return strings.TrimSuffix(l.ID(), ".core") }

// path is the URL path of the list in one namespace, or in all ("").
func (l list) path(version, namespace string) string {
	base := "/apis/" + l.Group + "/" + version
	if l.Group == "core" {
		base = "/api/" + version
	}
	if namespace != "" {
		base += "/namespaces/" + namespace
	}
	return base + "/" + l.Plural
}

// lister fetches lists into the sink.
type lister struct {
	api   *api
	sink  Sink
	scope []string // namespaces to fall back on; empty: none

	mu   sync.Mutex
	kept kube.Resources
}

// read fetches the list in all namespaces, else in those of the scope.
func (r *lister) read(ctx context.Context, l list) {
	version, first, err := r.first(ctx, l)
	switch {
	case err == nil:
		err = r.sink.AddList(l.ID(), r.pager(ctx, l, page{path: l.path(version, ""), accept: l.accept}, first))
	case apierrors.IsForbidden(err) && len(r.scope) > 0 && (!l.Clustered || l.Name == "Namespace"):
		r.readScope(ctx, l, version, err)
		return
	}
	if err != nil {
		r.gap(ctx, l, err)
	}
}

// gap tells that a list was not read, unless nothing is missing without it.
func (r *lister) gap(ctx context.Context, l list, err error) {
	if l.AddOn && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err)) {
		return
	}
	message, hint := explainList(ctx, err, l.resource())
	r.sink.Gap(bundle.ListGap(l.ID(), message, hint))
}

// first finds the served version and fetches the first page, so that it is known in time
// whether the list is allowed at all.
func (r *lister) first(ctx context.Context, l list) (version string, body io.ReadCloser, err error) {
	for _, version = range l.versions {
		body, err = r.api.get(ctx, page{path: l.path(version, ""), accept: l.accept}, "")
		if !apierrors.IsNotFound(err) {
			break
		}
	}
	return version, body, err
}

// readScope fetches the list namespace by namespace. What lies outside is unknown: a gap, with
// the reason why not all namespaces could be listed.
func (r *lister) readScope(ctx context.Context, l list, version string, all error) {
	var listed []string
	var pagers []bundle.Pager
	for _, ns := range r.scope {
		next := r.pager(ctx, l, page{path: l.path(version, ns), accept: l.accept}, nil)
		if l.Name == "Namespace" {
			next = r.namespacePager(ctx, l, version, ns)
		}
		pagers = append(pagers, func(token string) (io.ReadCloser, error) {
			body, err := next(token)
			if err == nil && token == "" {
				listed = append(listed, ns)
			}
			return body, err
		})
	}
	err := r.sink.AddList(l.ID(), pagers...)
	if l.AddOn {
		r.gap(ctx, l, cmp.Or(err, all))
		return
	}
	message, hint := explainList(ctx, all, l.resource())
	switch {
	case len(listed) > 0:
		message = "only listed in " + strings.Join(listed, ", ") + ": " + message
	case err != nil && !apierrors.IsForbidden(err):
		message, hint = explainList(ctx, err, l.resource())
	}
	r.sink.Gap(bundle.ListGap(l.ID(), message, hint))
}

// pager pages through one list. first, if there is one, is its first page.
func (r *lister) pager(ctx context.Context, l list, p page, first io.ReadCloser) bundle.Pager {
	return func(token string) (io.ReadCloser, error) {
		body := first
		if first = nil; body == nil || token != "" {
			var err error
			if body, err = r.api.get(ctx, p, token); err != nil {
				return nil, err
			}
		}
		if !l.keep {
			return body, nil
		}
		return r.keep(l, body)
	}
}

// namespacePager gives one namespace as a list, for users who may not list them.
func (r *lister) namespacePager(ctx context.Context, l list, version, name string) bundle.Pager {
	return func(string) (io.ReadCloser, error) {
		body, err := r.api.getAsList(ctx, l.path(version, "")+"/"+name)
		if err != nil {
			return nil, err
		}
		return r.keep(l, body)
	}
}

// keep reads a page for the probe itself and passes it on.
func (r *lister) keep(l list, body io.ReadCloser) (io.ReadCloser, error) {
	defer body.Close() //nolint:errcheck // a body that was read to its end has nothing left to say
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.resource(), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// A page that can not be decoded is the sink's to report: it decodes the same bytes.
	_, _ = r.kept.AddList(l.Kind, bytes.NewReader(raw)) // see above
	return io.NopCloser(bytes.NewReader(raw)), nil
}

// namespaces joins lists of namespaces without doubles.
func namespaces(parts ...[]string) []string {
	all := slices.Concat(parts...)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(ns string) bool { return ns == "" })
}
