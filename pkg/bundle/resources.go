package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// resourcePart is what one member held of the cluster's resources.
type resourcePart struct {
	member
	read *kube.Resources
	// items counts everything in the member, also the kinds that are not read.
	items int
	// whole says that the member was read to its proper end.
	whole bool
}

func (a *Assembler) addResources(p resourcePart) {
	a.locked(func() { a.resources = append(a.resources, p) })
}

var errIncomplete = errors.New("the list is not complete: a page of it could not be read")

// addList reads the list of one kind. A list that names a continuation is not complete.
func (a *Assembler) addList(m member, r io.Reader) error {
	kind, _ := kube.KindByID(m.id)
	p := resourcePart{member: m, read: &kube.Resources{}}
	next, err := p.read.AddList(kind, r)
	if err == nil && next != "" {
		err = errIncomplete
	}
	if err == nil {
		p.read.MarkRead(m.id)
		p.whole = true
	}
	a.addResources(p)
	if err != nil {
		return a.lost(ListGap(m.id, "", "capture again"), err)
	}
	return nil
}

// addObjects reads any number of objects, in YAML or JSON, of whatever kinds.
func (a *Assembler) addObjects(m member, r io.Reader) error {
	p := resourcePart{member: m, read: &kube.Resources{}}
	take := func(raw []byte) error { return addForeign(p.read, m.id, raw) }
	var err error
	br := bufio.NewReaderSize(r, 64<<10)
	if startsJSON(br) {
		p.items, err = eachJSON(br, take)
	} else {
		p.items, err = eachYAML(br, take)
	}
	p.whole = err == nil
	a.addResources(p)
	if err != nil {
		gap := mesh.Gap{Subject: bundleRef(m.path), Stage: StageList, Hint: "make the archive again"}
		return a.lost(gap, fmt.Errorf("read only in part: %w", err))
	}
	return nil
}

// addStore reads istiod's own store, /debug/configz: a JSON array of Istio's resources.
func (a *Assembler) addStore(m member, r io.Reader) error { return a.addObjects(m, r) }

// addForeign adds an object that another tool wrote. An object in a list of its kind may leave
// out its kind, which is then the list's (id). ConfigMaps are kept only as far as a capture of
// ours would.
func addForeign(into *kube.Resources, id string, raw []byte) error {
	known, err := into.AddObject(raw)
	if kind, ok := kube.KindByID(id); !known && err == nil && ok && !hasKind(raw) {
		_, err = into.AddList(kind, bytes.NewReader(slices.Concat([]byte(`{"items":[`), raw, []byte(`]}`))))
	}
	if n := len(into.ConfigMaps); n > 0 && !wantedConfigMap(into.ConfigMaps[n-1]) {
		into.ConfigMaps = into.ConfigMaps[:n-1]
	}
	return err
}

// marks says which kinds are known to be complete, from members that are whole.
func marks(parts []resourcePart) []string {
	var ids []string
	crs := slices.ContainsFunc(parts, func(p resourcePart) bool { return p.crs() && p.whole && p.items > 0 })
	for _, p := range parts {
		switch {
		case !p.whole || p.part == kubeList:
		case p.layout == mustGather:
			ids = append(ids, p.id)
		case p.crs() && crs, p.part == istiodStore && p.items > 0 && !crs:
			ids = append(ids, istioKinds()...)
		case p.layout == bugReport && strings.HasSuffix(p.path, "/k8s-resources"):
			ids = append(ids, bugReportKinds...)
			if len(p.read.EndpointSlices) > 0 {
				ids = append(ids, "endpointslices.discovery.k8s.io")
			}
		}
	}
	return ids
}

// bugReportKinds are those that every release of bug-report asks for in k8s-resources;
// EndpointSlices came later.
var bugReportKinds = []string{
	"namespaces.core", "pods.core", "services.core", "configmaps.core", "replicasets.apps", "jobs.batch",
}

func (p resourcePart) crs() bool { return p.layout == bugReport && strings.HasSuffix(p.path, "/crs") }

func istioKinds() []string {
	var ids []string
	for _, k := range kube.Kinds() {
		if strings.HasSuffix(k.Group, ".istio.io") {
			ids = append(ids, k.ID())
		}
	}
	return ids
}

// takeResources joins the parts, lists before single objects, and istiod's own store only when
// the custom resources themselves are missing: bug-report writes an empty list of them when it
// was given two namespaces, and the store also holds what istiod made itself.
func (a *Assembler) takeResources() *kube.Resources {
	slices.SortStableFunc(a.resources, func(x, y resourcePart) int { return strings.Compare(x.path, y.path) })
	crs := slices.ContainsFunc(a.resources, func(p resourcePart) bool { return p.crs() && p.items > 0 })
	var parts []*kube.Resources
	for _, p := range a.resources {
		if p.part != istiodStore || !crs {
			parts = append(parts, p.read)
		}
	}
	out := kube.Merge(parts...)
	for _, id := range marks(a.resources) {
		out.MarkRead(id)
	}
	return out
}
