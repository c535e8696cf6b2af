package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/simulation"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	kubelib "istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/network"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Istiod is istiod's config generation over one case, with what it gives each proxy.
type Istiod struct {
	Case      Case
	Resources *kube.Resources
	Mesh      *meshapi.MeshConfig
	// Proxies are those of the pods with an istio-proxy container, in the order of the case.
	Proxies []*Proxy
	server  *xds.FakeDiscoveryServer
}

// Proxy is one sidecar or gateway and its config.
type Proxy struct {
	Pod       *kube.Pod
	Node      *model.Proxy
	Endpoints []*endpoint.ClusterLoadAssignment
	// Simulation holds the listeners, clusters and routes.
	Simulation *simulation.Simulation
}

// Start lets istiod read a case. It ends with the test. An error means that istiod's own
// parsers refuse the case, or that it panics over it.
func Start(t *testing.T, c Case) (i *Istiod, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil { // istiod trusts its validation, and a case may be half-valid
			err = fmt.Errorf("istiod panics: %v", p)
		}
	}()
	i = &Istiod{Case: c}
	if i.Resources, err = c.Resources(); err != nil {
		return nil, err
	}
	if i.Mesh, err = mesh.ApplyMeshConfigDefaults(c.meshConfig()); err != nil {
		return nil, fmt.Errorf("mesh config: %w", err)
	}
	opts := xds.FakeOptions{MeshConfig: i.Mesh}
	if opts.KubernetesObjects, err = c.kubernetes(); err != nil {
		return nil, err
	}
	if opts.Configs, err = c.configs(); err != nil {
		return nil, err
	}
	krt.GlobalDebugHandler = new(krt.DebugHandler) // or it keeps every server of the run
	i.server = xds.NewFakeDiscoveryServer(t, opts)
	for _, p := range i.Resources.Pods {
		if p.Container("istio-proxy") != nil {
			i.Proxies = append(i.Proxies, i.proxy(t, p))
		}
	}
	return i, nil
}

// kubernetes are the objects of the fake API server.
func (c Case) kubernetes() ([]runtime.Object, error) {
	var out []runtime.Object
	decode := kubelib.IstioCodec.UniversalDeserializer().Decode
	for _, o := range c.keep(func(o Object) bool { return !o.istio() }) {
		text, err := Case{o}.YAML()
		if err != nil {
			return nil, err
		}
		decoded, _, err := decode(text, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Kind(), o.Key(), err)
		}
		out = append(out, decoded)
	}
	return out, nil
}

// configs are Istio's resources as istiod's config store holds them. istiod's validation is not
// asked: what an old webhook, or none, let into a cluster is there.
func (c Case) configs() ([]config.Config, error) {
	var out []config.Config
	for _, o := range c.keep(Object.istio) {
		cfg, _, err := o.config()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Kind(), o.Key(), err)
		}
		out = append(out, *cfg)
	}
	return out, nil
}

// config is one of Istio's resources in istiod's form, with its schema.
func (o Object) config() (*config.Config, resource.Schema, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	obj := new(crd.IstioKind)
	if err := json.Unmarshal(raw, obj); err != nil {
		return nil, nil, err
	}
	gvk := obj.GroupVersionKind()
	schema, known := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !known {
		return nil, nil, errors.New("istiod does not know the kind")
	}
	cfg, err := crd.ConvertObject(schema, obj, "cluster.local")
	return cfg, schema, err
}

// valid reports whether istiod's webhook would let one of Istio's resources in.
func (o Object) valid() bool {
	cfg, schema, err := o.config()
	if err != nil {
		return false
	}
	_, err = schema.ValidateConfig(*cfg)
	return err == nil
}

func (i *Istiod) proxy(t *testing.T, pod *kube.Pod) *Proxy {
	p := &Proxy{Pod: pod}
	p.Node = i.server.SetupProxy(&model.Proxy{
		Type: role(pod), ID: pod.Name + "." + pod.Namespace, ConfigNamespace: pod.Namespace,
		IPAddresses: []string{pod.Status.PodIP}, Labels: pod.Labels,
		Metadata: &model.NodeMetadata{
			Namespace: pod.Namespace, Labels: pod.Labels, ClusterID: "Kubernetes", IstioVersion: "1.31.0",
			ServiceAccount: pod.Spec.ServiceAccountName, InterceptionMode: model.InterceptionRedirect,
			Network: network.ID(pod.Labels["topology.istio.io/network"]),
		},
	})
	p.Simulation = simulation.NewSimulation(t, i.server, p.Node)
	p.Endpoints = i.server.Endpoints(p.Node)
	for _, l := range p.Simulation.Listeners {
		nameChains(l)
	}
	return p
}

// role is what a pod's proxy says that it is.
func role(pod *kube.Pod) model.NodeType {
	if c := pod.Container("istio-proxy"); c != nil && slices.Contains(c.Args, "router") {
		return model.Router
	}
	return model.SidecarProxy
}

// nameChains gives every filter chain a name of its own: istiod calls all chains of a port alike.
func nameChains(l *listener.Listener) {
	for n, fc := range l.FilterChains {
		fc.Name = fmt.Sprintf("%s#%d", fc.Name, n)
	}
}

// Proxy returns the proxy of a pod, or nil.
func (i *Istiod) Proxy(k kube.Key) *Proxy {
	n := slices.IndexFunc(i.Proxies, func(p *Proxy) bool { return p.Pod.Key() == k })
	if n < 0 {
		return nil
	}
	return i.Proxies[n]
}

// Listener returns a listener by name, or nil.
func (p *Proxy) Listener(name string) *listener.Listener {
	for _, l := range p.Simulation.Listeners {
		if l.Name == name {
			return l
		}
	}
	return nil
}
