package bundle

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Assembler builds evidence from the members of a bundle. The bundle reader and the live
// probe both use it, so that the two can not differ. It is safe for concurrent use: the
// members of different proxies are decoded in parallel.
type Assembler struct {
	interner *envoy.Interner

	mu       sync.Mutex
	manifest *Manifest
	// gaps were told by the caller or the manifest; found were met while reading.
	gaps, found []mesh.Gap
	proxies     map[proxyID]*proxyPart
	dumps       []dumpPart
	resources   []resourcePart
	meshConfigs []meshPart
	clock       clock
	source      mesh.Source // what a foreign archive tells of its cluster
	seen        map[layout]int
	root        string
	otherRoots  map[string]bool
}

// NewAssembler returns an assembler that has read nothing.
func NewAssembler() *Assembler {
	return &Assembler{
		interner:   envoy.NewInterner(),
		proxies:    map[proxyID]*proxyPart{},
		seen:       map[layout]int{},
		otherRoots: map[string]bool{},
	}
}

// Add reads one member: "manifest.json", "kubernetes/pods.core.json", "istiod/mesh.json",
// "proxies/shop/client-1/config_dump.json". Unknown members are ignored. A member that can not
// be read, or not wholly, becomes a gap of the evidence; the error is returned for information.
func (a *Assembler) Add(path string, r io.Reader) error {
	return a.add(path, time.Time{}, r)
}

// add is Add with the member's modification time, zero when there is none.
func (a *Assembler) add(path string, modified time.Time, r io.Reader) error {
	m := classify(path)
	if !a.accept(m) {
		return nil
	}
	a.locked(func() { a.clock.modified(modified) })
	switch m.part {
	case manifest:
		return a.addManifest(r)
	case kubeList:
		return a.addList(m, r)
	case kubeObjects:
		return a.addObjects(m, r)
	case istiodStore:
		return a.addStore(m, r)
	case proxyFile:
		return a.addProxyFile(m, r)
	case meshConfig:
		return a.addMeshConfig(m, r)
	case loneDump:
		return a.addDump(m, r)
	}
	return a.addNote(m, r)
}

// accept decides whether a member is read at all: it is of a known form, and it belongs to the
// one bundle that is read. A must-gather may have several roots, one for each image that ran.
func (a *Assembler) accept(m member) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case m.part == unknown:
		return false
	case m.layout == dumps:
		return a.seen[ours]+a.seen[bugReport]+a.seen[mustGather] == 0
	case m.layout == mustGather:
		if a.seen[ours]+a.seen[bugReport] > 0 {
			return false
		}
	case a.seen[ours]+a.seen[bugReport] == 0:
		a.root = m.root
	case a.root != m.root:
		a.otherRoots[m.root] = true
		return false
	}
	a.seen[m.layout]++
	return true
}

// Gap records evidence that could not be read.
func (a *Assembler) Gap(g mesh.Gap) { a.locked(func() { a.gaps = append(a.gaps, g) }) }

// SetManifest sets what manifest.json would say.
func (a *Assembler) SetManifest(m Manifest) { a.locked(func() { a.manifest = &m }) }

func (a *Assembler) addManifest(r io.Reader) error {
	m, err := ReadManifest(r)
	if err != nil {
		return a.lost(mesh.Gap{Subject: bundleRef("manifest.json"), Stage: StageBundle, Hint: "capture again"}, err)
	}
	a.SetManifest(m)
	return nil
}

// lost records the gap that an error leaves and returns the error.
func (a *Assembler) lost(g mesh.Gap, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lostLocked(g, err)
	return err
}

func (a *Assembler) lostLocked(g mesh.Gap, err error) {
	if notRead, ok := errors.AsType[*envoy.NotReadError](err); ok {
		g.Message, g.Hint = notRead.What+": "+notRead.Why, notRead.Next
	} else {
		g.Message = err.Error()
	}
	g.Message = oneLine(g.Message)
	a.found = append(a.found, g)
}

func (a *Assembler) locked(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// maxMessage bounds what an error may quote.
const maxMessage = 400

// oneLine makes a message fit for a gap.
func oneLine(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\uFFFD")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return strings.TrimSuffix(s, ".")
}
