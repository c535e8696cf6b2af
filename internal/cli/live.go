package cli

import (
	"context"
	"errors"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// readCluster reads a live cluster through a collector, into a file as well if there is one.
// When the time is over it returns what was read until then, along with probe.ErrTimeout.
func (o *evidenceOptions) readCluster(ctx context.Context, env *Env, s *scopeOptions, targets []string, w *bundle.Writer) (*mesh.Evidence, error) {
	scope, err := o.liveScope(s, targets)
	if err != nil {
		return nil, err
	}
	options, err := o.probeOptions(env, scope)
	if err != nil {
		return nil, err
	}
	if p := newProgress(env, o.quiet); p != nil {
		defer p.clear()
		options.Progress = p
	}
	collector := bundle.NewCollector(w)
	defer collector.Abort()
	manifest, err := env.Collect(ctx, options, collector)
	if err != nil && !errors.Is(err, probe.ErrTimeout) {
		return nil, err
	}
	manifest.ToolVersion = buildVersion().Version
	evidence, closeErr := collector.Close(manifest)
	if closeErr != nil {
		return nil, closeErr
	}
	return evidence, err
}

// liveScope is the scope of a live run: the current namespace, unless the user's words say another one.
func (o *evidenceOptions) liveScope(s *scopeOptions, targets []string) (mesh.Scope, error) {
	scope, err := s.words(targets, o.overrides.Context.Namespace)
	if err != nil || s.all || len(scope.Namespaces) > 0 || allPlaced(scope.Targets) {
		return scope, err
	}
	namespace, _, err := o.clientConfig().Namespace()
	if err != nil {
		return scope, kubeconfigError(err)
	}
	scope.Namespaces = []string{namespace}
	return scope, nil
}

func (o *evidenceOptions) probeOptions(env *Env, scope mesh.Scope) (probe.Options, error) {
	rest, err := o.clientConfig().ClientConfig()
	if err != nil {
		return probe.Options{}, kubeconfigError(err)
	}
	rest.UserAgent = "kubectl-mtls-doctor/" + buildVersion().Version
	options := probe.Options{
		Config: rest, Context: o.contextName(), Scope: &scope, Namespaces: namespacesOf(scope),
		IstioNamespace: o.istioNamespace, Revision: scope.Revision, AdminPort: o.adminPort,
		Concurrency: o.maxProxies, MaxPeers: o.maxPeers, ProxyTimeout: o.proxyTimeout, Timeout: o.timeout,
		UseExec: o.exec, Clock: env.Now,
	}
	if narrows(scope) {
		options.Pods = func(r *kube.Resources) ([]kube.Key, error) {
			found, err := resolve(mesh.New(&mesh.Evidence{Resources: r}), scope)
			if err != nil {
				return nil, err
			}
			return found.keys(), nil
		}
	}
	return options, nil
}

// contextName is the kubeconfig context that is used.
func (o *evidenceOptions) contextName() string {
	if o.overrides.CurrentContext != "" {
		return o.overrides.CurrentContext
	}
	raw, err := o.clientConfig().RawConfig()
	if err != nil {
		return ""
	}
	return raw.CurrentContext
}

func kubeconfigError(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return failed("name a kubeconfig with --kubeconfig or KUBECONFIG, or read a capture with --from PATH",
			"there is no kubeconfig, and so no cluster to read")
	}
	return failed("`kubectl config get-contexts` lists the contexts; --context and --kubeconfig choose", "the kubeconfig does not say how to reach a cluster: %v", err)
}
