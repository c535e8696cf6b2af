package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Evidence finishes: lists that were not read become gaps, and everything is put in an order
// that does not depend on the order of the members. Nothing may be added after it.
func (a *Assembler) Evidence() (*mesh.Evidence, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ev := &mesh.Evidence{Resources: a.takeResources(), Proxies: map[kube.Key]*envoy.Proxy{}}
	ev.MeshConfigs = a.takeMeshConfigs(ev.Resources)
	a.takeProxies(ev.Proxies)
	if a.layout() == dumps {
		a.takeDumps(ev.Proxies)
	}
	ev.Source = a.takeSource()
	a.absent(ev)
	ev.CapturedAt = a.time(ev)
	if a.manifest != nil {
		ev.Scope = a.manifest.Scope
		a.gaps = append(a.gaps, a.manifest.Gaps...)
	} else if a.layout() == mustGather {
		ev.Scope = a.gatheredScope(ev.Resources)
	}
	ev.Gaps = joinGaps(a.gaps, a.found)
	return ev, nil
}

// layout is the arrangement of what was read.
func (a *Assembler) layout() layout {
	for _, l := range []layout{ours, bugReport, mustGather} {
		if a.seen[l] > 0 || (l == ours && a.manifest != nil) {
			return l
		}
	}
	return dumps
}

func (a *Assembler) takeProxies(into map[kube.Key]*envoy.Proxy) {
	loose := a.layout() == dumps
	ids := slices.SortedFunc(maps.Keys(a.proxies), func(x, y proxyID) int { return x.pod.Compare(y.pod) })
	for _, id := range ids {
		p, k := a.proxies[id], id.pod
		if id.loose != loose {
			continue
		}
		if !p.stages[StageConfigDump] {
			a.foundLocked(mesh.Gap{Subject: kube.PodRef(k), Stage: StageConfigDump, Message: "its config dump is not in the bundle", Hint: rereadHint})
		}
		proxy := p.decoder.Proxy()
		if loose && proxy.Node.Name != "" {
			k = dumpKey("", proxy)
		}
		if readable(proxy) {
			into[k] = proxy
		}
		a.unreadHosts(id, p)
		a.unreadParts(k, p, proxy)
	}
}

// dumpParts are the parts that a capture makes of every config dump, empty ones too.
const dumpParts = envoy.SectionBootstrap | envoy.SectionListeners | envoy.SectionClusters | envoy.SectionEndpoints | envoy.SectionRoutes | envoy.SectionSecrets

// unreadParts makes a gap of the parts that a config dump in parts lacks: somebody took them away.
// A whole dump may lack some with good reason (endpoints come only when asked for).
func (a *Assembler) unreadParts(k kube.Key, p *proxyPart, proxy *envoy.Proxy) {
	missing := (dumpParts &^ (proxy.Read | proxy.Cut)).Names()
	if !p.parted || len(missing) == 0 {
		return
	}
	a.foundLocked(mesh.Gap{
		Subject: kube.PodRef(k), Stage: StageConfigDump, Hint: rereadHint,
		Message: "its config dump lacks " + strings.Join(missing, ", ") + ": the files are not in the bundle",
	})
}

// unreadHosts makes a gap of a missing /clusters: without the counters of hosts, what a proxy dials
// past its services does not show, and the absence of a finding would be taken for its absence. A
// capture that was cut or put together by hand lacks it, and a bug-report of some releases. Lone
// dumps say already that only the proxies themselves are known; the other members only confirm
// what the config dump holds.
func (a *Assembler) unreadHosts(id proxyID, p *proxyPart) {
	if id.loose || !p.stages[StageConfigDump] || p.stages[StageClusters] {
		return
	}
	a.foundLocked(mesh.Gap{Subject: kube.PodRef(id.pod), Stage: StageClusters, Message: "its /clusters was not read: which addresses it dials is not known"})
}

func (a *Assembler) takeSource() mesh.Source {
	if a.manifest != nil {
		return a.manifest.source()
	}
	s := a.source
	s.Type = map[layout]string{ours: "cluster", bugReport: "bug-report", mustGather: "must-gather", dumps: "dump"}[a.layout()]
	return s
}

// absent makes gaps of what is not there at all.
func (a *Assembler) absent(ev *mesh.Evidence) {
	var missing []kube.Kind
	for _, k := range kube.Kinds() {
		if !ev.Resources.HasRead(k.ID()) {
			missing = append(missing, k)
		}
	}
	if len(missing) == len(kube.Kinds()) && len(a.resources) == 0 {
		a.foundLocked(mesh.Gap{
			Subject: bundleRef("kubernetes"), Stage: StageList,
			Message: "no Kubernetes resources are in it: only what the proxies themselves say is known",
			Hint:    "give a capture or an istioctl bug-report of the cluster",
		})
	} else {
		for _, k := range missing {
			if !k.Optional {
				a.foundLocked(a.missingList(k))
			}
		}
	}
	if len(ev.MeshConfigs) == 0 && a.layout() != dumps {
		a.foundLocked(mesh.Gap{Subject: meshRef("default"), Stage: StageMesh, Message: "the mesh config is not in the bundle: Istio's defaults are assumed"})
	}
	if len(a.otherRoots) > 0 {
		a.foundLocked(mesh.Gap{
			Subject: bundleRef("root"), Stage: StageBundle, Hint: "give one of them",
			Message: fmt.Sprintf("more than one bundle is in it: only %q is read, not %s", a.root, quoted(a.otherRoots)),
		})
	}
	if a.manifest == nil && a.layout() == ours {
		a.foundLocked(mesh.Gap{Subject: bundleRef("manifest.json"), Stage: StageBundle, Message: "the bundle has no manifest: it was cut, or put together by hand", Hint: "capture again"})
	}
}

func (a *Assembler) missingList(k kube.Kind) mesh.Gap {
	switch a.layout() {
	case mustGather:
		return ListGap(k.ID(), "the archive has no "+k.Plural+": there are none, or they were not gathered", "")
	case bugReport:
		return ListGap(k.ID(), "the archive does not show all "+k.Plural, "make the bug-report again, without --include")
	}
	return ListGap(k.ID(), "not in the bundle", "")
}

func quoted(set map[string]bool) string {
	const few = 3
	names := slices.Sorted(maps.Keys(set))
	more := ""
	if len(names) > few {
		names, more = names[:few], "…"
	}
	for i, n := range names {
		names[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(names, ", ") + more
}

// gatheredScope is the namespaces of a must-gather whose pods are in it: it leaves out those
// without proxies.
func (a *Assembler) gatheredScope(res *kube.Resources) *mesh.Scope {
	set := map[string]bool{}
	for _, p := range res.Pods {
		set[p.Namespace] = true
	}
	names := slices.Sorted(maps.Keys(set))
	a.foundLocked(mesh.Gap{
		Subject: bundleRef("namespaces"), Stage: StageScope,
		Message: fmt.Sprintf("only these namespaces were gathered: %s; nothing is known of the others", strings.Join(names, ", ")),
	})
	return &mesh.Scope{Namespaces: names}
}

func (a *Assembler) foundLocked(g mesh.Gap) { a.found = append(a.found, g) }

// joinGaps puts gaps in order, once each. A gap whose reason was told takes the place of one
// that was met while reading what it left behind.
func joinGaps(told, found []mesh.Gap) []mesh.Gap {
	type place struct {
		subject kube.Ref
		stage   string
	}
	explained := map[place]bool{}
	for _, g := range told {
		explained[place{g.Subject, g.Stage}] = true
	}
	out := slices.Clone(told)
	for _, g := range found {
		if !explained[place{g.Subject, g.Stage}] {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, mesh.Gap.Compare)
	return slices.Compact(out)
}

// time is when the evidence was read, and a gap when that is not certain.
func (a *Assembler) time(ev *mesh.Evidence) time.Time {
	changed := lastChange(ev.Proxies)
	switch {
	case a.manifest != nil && !a.manifest.CapturedAt.IsZero():
		return a.manifest.CapturedAt.UTC()
	case !a.clock.log.IsZero():
		return a.clock.log.UTC()
	case !a.clock.stamp.IsZero():
		return a.clock.stamp.UTC()
	}
	t, why := changed, "it does not say when it was taken: judged at the last change that a proxy took"
	if a.layout() != dumps && a.clock.newest.After(changed) {
		t, why = a.clock.newest, "it does not say when it was taken: judged at the time of its newest file"
	} else if t.IsZero() {
		t, why = cmp.Or(a.clock.newest, newestCertificate(ev.Proxies)), "it does not say when it was taken: judged at the time of the file"
	}
	if t.IsZero() {
		why = "it does not say when it was taken"
	} else {
		why += ", " + t.UTC().Format(time.RFC3339)
	}
	a.foundLocked(mesh.Gap{Subject: bundleRef("capturedAt"), Stage: StageTime, Message: why, Hint: "certificates that ran out since then do not show"})
	return t.UTC()
}

// lastChange is the newest update that any proxy took: no dump is older than that.
func lastChange(proxies map[kube.Key]*envoy.Proxy) time.Time {
	var t time.Time
	for _, p := range proxies {
		for _, l := range p.Listeners {
			t = later(t, l.LastUpdated)
		}
		for _, c := range p.Clusters {
			t = later(t, c.LastUpdated)
		}
		for _, s := range p.Secrets {
			t = later(t, s.LastUpdated)
		}
		for _, r := range p.Routes {
			t = later(t, r.LastUpdated)
		}
		for _, r := range p.Rejected {
			t = later(t, r.LastAttempt)
		}
	}
	return t
}

// newestCertificate is when the newest certificate began.
func newestCertificate(proxies map[kube.Key]*envoy.Proxy) time.Time {
	var t time.Time
	for _, p := range proxies {
		for _, c := range p.Loaded {
			t = later(t, c.NotBefore)
		}
	}
	return t
}

func bundleRef(name string) kube.Ref { return kube.Ref{Kind: "Bundle", Name: name} }
