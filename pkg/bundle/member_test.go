package bundle

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func TestClassify(t *testing.T) {
	pod := kube.Key{Namespace: "shop", Name: "a-1"}
	tests := map[string]member{
		"manifest.json":                                    {layout: ours, part: manifest},
		"x/bundle/manifest.json":                           {root: "x/bundle", layout: ours, part: manifest},
		"kubernetes/pods.core.json":                        {layout: ours, part: kubeList, id: "pods.core"},
		"./x/kubernetes/sidecars.networking.istio.io.json": {root: "x", layout: ours, part: kubeList, id: "sidecars.networking.istio.io"},
		"istiod/mesh.json":                                 {layout: ours, part: meshConfig, rev: "default"},
		"istiod/mesh-canary.json":                          {layout: ours, part: meshConfig, rev: "canary"},
		"proxies/shop/a-1/config_dump.json":                {layout: ours, part: proxyFile, pod: pod, stage: StageConfigDump},
		"proxies/shop/a-1/config_dump-listeners.json":      {layout: ours, part: proxyFile, pod: pod, stage: StageConfigDump},
		"proxies/shop/a-1/server_info.json":                {layout: ours, part: proxyFile, pod: pod, stage: StageServerInfo},
		`br\proxies\shop\a-1\certs`:                        {root: "br", layout: bugReport, part: proxyFile, pod: pod, stage: StageCerts},
		"br/proxies/shop/a-1/config_dump?include_eds":      {root: "br", layout: bugReport, part: proxyFile, pod: pod, stage: StageConfigDump},
		"br/proxies/shop/a-1/stats/prometheus":             {root: "br", layout: bugReport, part: proxyFile, pod: pod, stage: StageStats},
		"br/cluster/crs":                                   {root: "br", layout: bugReport, part: kubeObjects},
		"br/istio/istio-system/istiod-1/debug/mesh":        {root: "br", layout: bugReport, part: meshConfig, pod: kube.Key{Namespace: "istio-system", Name: "istiod-1"}},
		"mg/namespaces/shop/pods/a-1/proxy_stats":          {root: "mg", layout: mustGather, part: proxyFile, pod: pod, stage: StageStats},
		"mg/namespaces/shop/core/pods.yaml":                {root: "mg", layout: mustGather, part: kubeObjects, id: "pods.core"},
		"cluster-scoped-resources/core/namespaces/x.yaml":  {layout: mustGather, part: kubeObjects, id: "namespaces.core"},
		"dumps/x.json":                                     {root: "dumps", layout: dumps, part: loneDump},
		"shop/a-1/certs.json":                              {root: "shop/a-1", layout: dumps, part: proxyFile, pod: pod, stage: StageCerts},
	}
	for path, want := range tests {
		want.path = cleanPath(path)
		if diff := cmp.Diff(want, classify(path), cmp.AllowUnexported(member{})); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestClassifyIgnores(t *testing.T) {
	for _, path := range []string{
		"", "/", "..", "README.md", "proxies/shop/a-1/proxy.log", "proxies/shop/a-1/listeners", "proxies/shop/\x1b[31m/certs",
		"kubernetes/secrets.core.yaml", "namespaces/shop/core/secrets.yaml", "cluster/secrets", "proxies/shop/" + strings.Repeat("x", 300) + "/certs",
		strings.Repeat("x/", 600) + "manifest.json", "a\xff/manifest.json", "istiod/syncz.txt",
	} {
		if m := classify(path); m.part != unknown {
			t.Errorf("%q: %+v", path, m)
		}
	}
}

// TestTraversal: names that point outside are names like others; nothing is ever extracted.
func TestTraversal(t *testing.T) {
	for _, path := range []string{"../../manifest.json", "/manifest.json", "x/../manifest.json"} {
		if m := classify(path); m.part != manifest || m.path != "manifest.json" {
			t.Errorf("%q: %+v", path, m)
		}
	}
}

func TestTwoBundles(t *testing.T) {
	var files []file
	for _, root := range []string{"one/", "two/"} {
		for _, f := range testBundle() {
			files = append(files, file{root + f.name, f.text})
		}
	}
	ev := mustRead(t, tarOf(t, files...))
	if len(ev.Resources.Pods) != 1 {
		t.Errorf("%d pods: two bundles are mixed", len(ev.Resources.Pods))
	}
	hasGap(t, ev.Gaps, `Bundle root | bundle | more than one bundle is in it: only "one" is read, not "two"`)
}

func TestWithoutManifest(t *testing.T) {
	ev := mustRead(t, tarOf(t, without(testBundle(), "manifest.json")...))
	if !ev.CapturedAt.Equal(archived) || ev.Source.Type != "cluster" {
		t.Errorf("captured at %v from %v", ev.CapturedAt, ev.Source)
	}
	hasGap(t, ev.Gaps, "Bundle manifest.json | bundle | the bundle has no manifest")
	hasGap(t, ev.Gaps, "Bundle capturedAt | time |")
}

func TestAbsentAndEmptyLists(t *testing.T) {
	ev := mustRead(t, tarOf(t, append(testBundle(), file{"kubernetes/services.core.json", `{"kind":"List","items":[]}`})...))
	if !ev.Resources.HasRead("services.core") || ev.Resources.HasRead("jobs.batch") {
		t.Error("an empty list is read, an absent one is not")
	}
	hasGap(t, ev.Gaps, "List jobs.batch | list | not in the bundle")
	for _, l := range gapLines(ev.Gaps) {
		if strings.Contains(l, "services.core") {
			t.Errorf("an empty list is no gap: %s", l)
		}
	}
}

func TestMissingDump(t *testing.T) {
	ev := mustRead(t, tarOf(t, without(testBundle(), "proxies/shop/a-1/config_dump.json")...))
	hasGap(t, ev.Gaps, "Pod shop/a-1 | config_dump | its config dump is not in the bundle")
}

func TestDamagedMembers(t *testing.T) {
	for name, want := range map[string]string{
		"manifest.json":                     "Bundle manifest.json | bundle | manifest.json:",
		"kubernetes/pods.core.json":         "List pods.core | list | list of pods:",
		"istiod/mesh.json":                  "MeshConfig default | mesh | mesh config",
		"proxies/shop/a-1/config_dump.json": "Pod shop/a-1 | config_dump | config_dump is read only in part:",
		"proxies/shop/a-1/clusters.json":    "Pod shop/a-1 | clusters |",
	} {
		t.Run(name, func(t *testing.T) {
			files := testBundle()
			for i := range files {
				if files[i].name == name {
					files[i].text = files[i].text[:len(files[i].text)/2]
				}
			}
			hasGap(t, mustRead(t, tarOf(t, files...)).Gaps, want)
		})
	}
}
