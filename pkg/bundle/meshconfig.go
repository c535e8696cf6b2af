package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// meshPart is a mesh config that a file of its own held.
type meshPart struct {
	member
	config *kube.MeshConfig
}

// maxMeshConfig bounds a mesh config; a ConfigMap holds at most 1 MB.
const maxMeshConfig = 4 << 20

var errLongMeshConfig = errors.New("it is larger than any ConfigMap")

func (a *Assembler) addMeshConfig(m member, r io.Reader) error {
	c, err := readMeshConfig(r)
	if err != nil {
		return a.lost(mesh.Gap{Subject: meshRef(cmp.Or(m.rev, m.pod.Name)), Stage: StageMesh, Hint: "capture again"}, err)
	}
	a.locked(func() { a.meshConfigs = append(a.meshConfigs, meshPart{m, c}) })
	return nil
}

func readMeshConfig(r io.Reader) (*kube.MeshConfig, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxMeshConfig+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxMeshConfig {
		return nil, errLongMeshConfig
	}
	return kube.ParseMeshConfig(data)
}

func meshRef(rev string) kube.Ref { return kube.Ref{Kind: "MeshConfig", Name: rev} }

// takeMeshConfigs returns the mesh config of each revision. What an istiod says that it runs with
// comes before the ConfigMap that it was told to read.
func (a *Assembler) takeMeshConfigs(res *kube.Resources) map[string]*kube.MeshConfig {
	out := map[string]*kube.MeshConfig{}
	set := func(rev string, c *kube.MeshConfig) {
		if out[rev] == nil {
			out[rev] = c
		}
	}
	slices.SortFunc(a.meshConfigs, func(x, y meshPart) int { return strings.Compare(x.path, y.path) })
	for _, p := range a.meshConfigs {
		set(cmp.Or(p.rev, revisionOfPod(res, p.pod)), p.config)
	}
	for _, cm := range slices.SortedFunc(slices.Values(res.ConfigMaps), byKey) {
		text, ok := cm.Data["mesh"]
		if !ok || !a.inRoot(cm.Namespace) {
			continue
		}
		c, err := kube.ParseMeshConfig([]byte(text))
		if err != nil {
			a.lostLocked(mesh.Gap{Subject: meshRef(revisionOfConfigMap(cm)), Stage: StageMesh}, fmt.Errorf("ConfigMap %s: %w", cm.Key(), err))
			continue
		}
		set(revisionOfConfigMap(cm), c)
	}
	return out
}

func byKey(x, y *kube.ConfigMap) int { return x.Key().Compare(y.Key()) }

// inRoot reports whether a namespace may hold the mesh config: the one that the manifest names.
func (a *Assembler) inRoot(namespace string) bool {
	return a.manifest == nil || a.manifest.IstioRootNamespace == "" || a.manifest.IstioRootNamespace == namespace
}

// revisionOfPod is the revision that an istiod pod serves.
func revisionOfPod(res *kube.Resources, k kube.Key) string {
	for _, p := range res.Pods {
		if p.Key() == k {
			return cmp.Or(p.Labels["istio.io/rev"], "default")
		}
	}
	return "default"
}

// revisionOfConfigMap: "istio" is the default revision's, "istio-<revision>" another's.
func revisionOfConfigMap(cm *kube.ConfigMap) string {
	rev, ok := strings.CutPrefix(cm.Name, "istio-")
	if !ok {
		rev = "default"
	}
	return cmp.Or(cm.Labels["istio.io/rev"], rev)
}
