package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// evidenceOptions say where evidence is read, and how much of it.
type evidenceOptions struct {
	from       string
	kubeconfig string
	overrides  clientcmd.ConfigOverrides

	istioNamespace string
	adminPort      int32
	maxProxies     int
	maxPeers       int
	proxyTimeout   time.Duration
	timeout        time.Duration
	exec           bool
	quiet          bool
}

func (o *evidenceOptions) addFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&o.from, "from", "", "read `PATH` instead of a cluster: a capture, bug-report, must-gather, config dumps; - is stdin")
	o.addProbeFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress and no notes on standard error")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "path of the kubeconfig file")
	kubectl := clientcmd.RecommendedConfigOverrideFlags("")
	kubectl.ContextOverrideFlags.Namespace.Description = "the namespace; the kubeconfig's own when not given"
	clientcmd.BindOverrideFlags(&o.overrides, f, kubectl)
}

func (o *evidenceOptions) addProbeFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.istioNamespace, "istio-namespace", "i", probe.DefaultIstioNamespace, "namespace of istiod, its root certificates and mesh config")
	f.Int32Var(&o.adminPort, "proxy-admin-port", 0, "admin port of the proxies, when neither pod nor mesh config says it")
	f.IntVar(&o.maxProxies, "max-proxies", probe.DefaultConcurrency, "proxies to read at the same time")
	f.IntVar(&o.maxPeers, "max-peers", probe.DefaultMaxPeers, "proxies outside the scope to read at most; -1 for all")
	f.DurationVar(&o.timeout, "timeout", probe.DefaultTimeout, "time for the whole run")
	f.DurationVar(&o.proxyTimeout, "proxy-timeout", probe.DefaultProxyTimeout, "time for one proxy")
	f.BoolVar(&o.exec, "exec", false, "run pilot-agent request in proxies (pods/exec) where port-forward is forbidden")
}

// live reports whether the evidence comes from a cluster.
func (o *evidenceOptions) live() bool { return o.from == "" }

// read reads evidence: from a path if one was given, else from the cluster.
func (o *evidenceOptions) read(ctx context.Context, env *Env, s *scopeOptions, targets []string) (*mesh.Evidence, error) {
	if o.live() {
		return o.readCluster(ctx, env, s, targets, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.timeout, probe.DefaultTimeout))
	defer cancel()
	return bundle.Open(ctx, o.from, env.In)
}

// clientConfig loads the kubeconfig as kubectl does.
func (o *evidenceOptions) clientConfig() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &o.overrides)
}
