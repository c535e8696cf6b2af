package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// The defaults of Options.
const (
	DefaultConcurrency    = 8
	DefaultMaxPeers       = 200
	DefaultProxyTimeout   = 15 * time.Second
	DefaultTimeout        = 5 * time.Minute
	DefaultIstioNamespace = "istio-system"
)

// Options say what is read, from where, and how much of it at once. Only Config and Clock are
// required.
type Options struct {
	// Config reaches the API server, with the user's credentials and impersonation.
	Config *rest.Config
	// Context is the kubeconfig context, as the report names its source.
	Context string

	// Namespaces are those in scope; none means all.
	Namespaces []string
	// Pods narrows the scope to these pods. It is called once, when the pods, services,
	// namespaces, replica sets and jobs are known (of the latter two only the metadata), and its
	// error ends the reading: a target that does not exist. Nil means all pods of Namespaces.
	Pods func(*kube.Resources) ([]kube.Key, error)
	// Scope is what the manifest says of the scope; nil means Namespaces alone.
	Scope *mesh.Scope

	// IstioNamespace is where istiod and its ConfigMaps are; "" means istio-system.
	IstioNamespace string
	// Revision is one whose mesh config is read even if no pod or namespace names it.
	Revision string

	// AdminPort overrides what pods and the mesh config say; 0 means no override.
	AdminPort int32
	// Concurrency bounds how many proxies are asked at the same time; 0 means DefaultConcurrency.
	Concurrency int
	// MaxPeers bounds how many proxies outside the scope are read; 0 means DefaultMaxPeers, a
	// negative number no bound.
	MaxPeers int
	// ProxyTimeout bounds the reading of one proxy, Timeout that of everything.
	// 0 means the defaults.
	ProxyTimeout, Timeout time.Duration
	// UseExec allows pods/exec where port-forward is forbidden.
	UseExec bool

	// Clock tells when the reading ended: the time of every judgement.
	Clock func() time.Time
	// Progress is told how it goes on; may be nil.
	Progress Progress
}

func (o Options) withDefaults() Options {
	o.IstioNamespace = cmp.Or(o.IstioNamespace, DefaultIstioNamespace)
	o.Concurrency = max(1, cmp.Or(o.Concurrency, DefaultConcurrency))
	o.MaxPeers = cmp.Or(o.MaxPeers, DefaultMaxPeers)
	o.ProxyTimeout = cmp.Or(o.ProxyTimeout, DefaultProxyTimeout)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if o.Scope == nil && len(o.Namespaces) > 0 {
		o.Scope = &mesh.Scope{Namespaces: o.Namespaces}
	}
	return o
}

// Sink takes what is read, as the members of a bundle. *bundle.Collector is one.
type Sink interface {
	Add(path string, r io.Reader) error
	AddList(id string, pagers ...bundle.Pager) error
	Gap(mesh.Gap)
}

// Collect reads a cluster into a sink and returns what the bundle's manifest says of it; the
// caller closes the sink with it. What can not be read becomes a gap. An error means that there
// is nothing to report (*Error, an error of Options.Pods, or the context's), with one exception:
// ErrTimeout comes with a manifest, and what was read until then is valid.
func Collect(ctx context.Context, o Options, into Sink) (bundle.Manifest, error) {
	o = o.withDefaults()
	run, cancel := context.WithTimeoutCause(ctx, o.Timeout, ErrTimeout)
	defer cancel()
	client, err := newAPI(o.Config)
	if err != nil {
		return bundle.Manifest{}, err
	}
	c := &collection{Options: o, api: client, sink: into}
	if err := c.run(run); err != nil && !errors.Is(err, ErrTimeout) {
		return bundle.Manifest{}, err
	}
	if err := ctx.Err(); err != nil {
		return bundle.Manifest{}, context.Cause(ctx)
	}
	return c.manifest(), context.Cause(run)
}

// collection is one run of Collect.
type collection struct {
	Options
	api  *api
	sink Sink

	clusterVersion string
	namespaces     []string
}

func (c *collection) run(ctx context.Context) error {
	var err error
	if c.clusterVersion, err = c.api.version(ctx); err != nil {
		return err
	}
	if err := c.checkNamespaces(ctx); err != nil {
		return err
	}
	resources := c.readLists(ctx)
	inScope, err := c.scope(resources)
	if err != nil {
		return err
	}
	sel := selectProxies(resources, inScope, c.MaxPeers, c.adminPorts(resources))
	for _, g := range sel.gaps {
		c.sink.Gap(g)
	}
	c.readProxies(ctx, sel.targets)
	return nil
}

// checkNamespaces fails when a namespace in scope is known not to exist.
func (c *collection) checkNamespaces(ctx context.Context) error {
	for _, ns := range c.Namespaces {
		body, err := c.api.getAsList(ctx, "/api/v1/namespaces/"+ns)
		if apierrors.IsNotFound(err) {
			return &Error{Kind: ErrNoNamespace, What: fmt.Sprintf("%q", ns), Next: "kubectl get namespaces lists those that exist; -n or a target names another"}
		}
		if err == nil {
			body.Close() //nolint:errcheck // asked for its existence alone
		}
	}
	return nil
}

// readLists reads all resources and returns those that the probe needs itself.
func (c *collection) readLists(ctx context.Context) *kube.Resources {
	r := &lister{api: c.api, sink: c.sink}
	if len(c.Namespaces) > 0 {
		r.scope = namespaces(c.Namespaces, []string{c.IstioNamespace})
	}
	all := lists()
	count := &counter{to: c.Progress, phase: "lists", total: len(all) + 1}
	parallel(listsAtOnce, all, func(l list) {
		count.started(l.ID())
		r.read(ctx, l)
		count.finished(l.ID())
	})
	r.readConfigMaps(ctx, c.IstioNamespace, c.Revision)
	count.finished(configMaps)
	for _, ns := range r.kept.Namespaces {
		c.namespaces = append(c.namespaces, ns.Name)
	}
	slices.Sort(c.namespaces)
	return &r.kept
}

// scope returns whether a pod is in scope.
func (c *collection) scope(r *kube.Resources) (func(*kube.Pod) bool, error) {
	if c.Pods == nil {
		return func(p *kube.Pod) bool {
			return len(c.Namespaces) == 0 || slices.Contains(c.Namespaces, p.Namespace)
		}, nil
	}
	keys, err := c.Pods(r)
	if err != nil {
		return nil, err
	}
	set := make(map[kube.Key]bool, len(keys))
	for _, k := range keys {
		set[k] = true
	}
	return func(p *kube.Pod) bool { return set[p.Key()] }, nil
}

// adminPorts says where a pod's Envoy listens.
func (c *collection) adminPorts(r *kube.Resources) func(*kube.Pod) int32 {
	config := meshConfig(r, c.IstioNamespace)
	return func(p *kube.Pod) int32 {
		if c.AdminPort != 0 {
			return c.AdminPort
		}
		return adminPort(p, config)
	}
}

func (c *collection) manifest() bundle.Manifest {
	return bundle.Manifest{
		CapturedAt:         c.Clock(),
		ClusterVersion:     c.clusterVersion,
		IstioRootNamespace: c.IstioNamespace,
		Namespaces:         c.namespaces,
		Source:             "live",
		Context:            c.Context,
		Scope:              c.Scope,
	}
}

// parallel calls f for all items, at most n at a time, and returns when all calls did.
func parallel[T any](n int, items []T, f func(T)) {
	next := make(chan T)
	var workers sync.WaitGroup
	for range min(n, len(items)) {
		workers.Go(func() {
			for item := range next {
				f(item)
			}
		})
	}
	for _, item := range items {
		next <- item
	}
	close(next)
	workers.Wait()
}
