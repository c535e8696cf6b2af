package bundle

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const (
	textClusters = "outbound|80||b.shop.svc.cluster.local::observability_name::b\noutbound|80||b.shop.svc.cluster.local::10.0.0.9:8080::cx_active::1\n"
	promStats    = "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n"
	brResources  = `apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: a-1
    namespace: shop
  spec:
    containers:
    - name: app
- apiVersion: v1
  kind: Pod
  metadata:
    labels:
      istio.io/rev: canary
    name: istiod-1
    namespace: istio-system
  spec:
    containers:
    - args:
      - --kind=Secret
      name: discovery
- apiVersion: v1
  data:
    token: c2VjcmV0
  kind: Secret
  metadata:
    name: s
    namespace: shop
- apiVersion: v1
  data:
    mesh: |-
      trustDomain: from.configmap
  kind: ConfigMap
  metadata:
    name: istio
    namespace: istio-system
- apiVersion: v1
  data:
    password: hunter2
  kind: ConfigMap
  metadata:
    name: app
    namespace: shop
kind: List
metadata:
  resourceVersion: ""
`
	brCRs = `apiVersion: v1
items:
- apiVersion: networking.istio.io/v1beta1
  kind: DestinationRule
  metadata:
    name: b
    namespace: shop
  spec:
    host: b
- apiVersion: metallb.io/v1beta1
  kind: IPAddressPool
  metadata:
    name: pool
    namespace: metallb
kind: List
`
	emptyList = "apiVersion: v1\nitems: []\nkind: List\n"
	configz   = `[{"kind":"DestinationRule","apiVersion":"networking.istio.io/v1","metadata":{"name":"from-istiod","namespace":"shop"},"spec":{"host":"b"}}]`
	brLog     = "2026-03-04T05:00:00.5Z\tinfo\tSTARTING\nno time here\n2026-03-04T05:00:21.25Z\tinfo\tDone\n"
)

// bugReportFiles is the arrangement of `istioctl bug-report`.
func bugReportFiles(crs string) []file {
	return []file{
		{"bug-report/bug-report.log", brLog},
		{"bug-report/cluster/cluster-context", "prod\nhttps://192.0.2.1:6443\n"},
		{"bug-report/cluster/crs", crs},
		{"bug-report/cluster/k8s-resources", brResources},
		{"bug-report/cluster/kubectl-version", "Client Version: v1.30.0\nServer Version: v1.31.2\n"},
		{"bug-report/cluster/secrets", "NAME TYPE\n"},
		{"bug-report/istio/istio-system/istiod-1/debug/configz", configz},
		{"bug-report/istio/istio-system/istiod-1/debug/mesh", `{"trustDomain":"from.istiod"}`},
		{"bug-report/proxies/shop/a-1/clusters", textClusters},
		{"bug-report/proxies/shop/a-1/config_dump?include_eds", testDump},
		{"bug-report/proxies/shop/a-1/istio-proxy.log", "access log\n"},
		{"bug-report/proxies/shop/a-1/stats/prometheus", promStats},
		{"bug-report/versions", "CLI version\n"},
	}
}

func TestBugReport(t *testing.T) {
	ev := mustRead(t, zipped(t, tarOf(t, bugReportFiles(brCRs)...)))
	want := mesh.Source{Type: "bug-report", Context: "prod", KubernetesVersion: "v1.31.2"}
	if diff := cmp.Diff(want, ev.Source); diff != "" {
		t.Error(diff)
	}
	if at := time.Date(2026, 3, 4, 5, 0, 21, 250_000_000, time.UTC); !ev.CapturedAt.Equal(at) {
		t.Errorf("captured at %v, want %v: the last line of its log", ev.CapturedAt, at)
	}
	r := ev.Resources
	if len(r.Pods) != 2 || len(r.DestinationRules) != 1 || r.DestinationRules[0].Name != "b" {
		t.Errorf("%d pods, rules %v", len(r.Pods), r.DestinationRules)
	}
	if len(r.ConfigMaps) != 1 {
		t.Errorf("%d ConfigMaps, want Istio's alone", len(r.ConfigMaps))
	}
	for _, id := range []string{"pods.core", "sidecars.networking.istio.io", "peerauthentications.security.istio.io"} {
		if !r.HasRead(id) {
			t.Errorf("%s do not count as read", id)
		}
	}
	p := ev.Proxies[kube.Key{Namespace: "shop", Name: "a-1"}]
	if p == nil || len(p.Clusters) != 1 || len(p.Hosts) != 1 || p.Stats["envoy_server_live{}"]+p.Stats["envoy_server_live"] != 1 {
		t.Errorf("proxy %+v", p)
	}
	if m := ev.MeshConfigs["canary"]; m == nil || m.TrustDomain != "from.istiod" {
		t.Errorf("mesh config of the istiod's revision: %+v", m)
	}
	if m := ev.MeshConfigs["default"]; m == nil || m.TrustDomain != "from.configmap" {
		t.Errorf("mesh config of the ConfigMap: %+v", m)
	}
	if diff := cmp.Diff([]string{
		"List endpointslices.discovery.k8s.io | list | the archive does not show all endpointslices",
	}, gapLines(ev.Gaps)); diff != "" {
		t.Error(diff)
	}
}

func TestBugReportWithoutCRs(t *testing.T) {
	ev := mustRead(t, tarOf(t, bugReportFiles(emptyList)...))
	if n := len(ev.Resources.DestinationRules); n != 1 || ev.Resources.DestinationRules[0].Name != "from-istiod" {
		t.Errorf("%d rules, want the one that istiod knows", n)
	}
	if !ev.Resources.HasRead("sidecars.networking.istio.io") {
		t.Error("istiod's store is complete, and does not count")
	}
	files := without(bugReportFiles(emptyList), "bug-report/istio/istio-system/istiod-1/debug/configz")
	ev = mustRead(t, tarOf(t, files...))
	if ev.Resources.HasRead("sidecars.networking.istio.io") {
		t.Error("an empty list of custom resources means nothing, and counts as read")
	}
	hasGap(t, ev.Gaps, "List sidecars.networking.istio.io | list |")
}

func TestBugReportCutResources(t *testing.T) {
	files := bugReportFiles(brCRs)
	for i := range files {
		if strings.HasSuffix(files[i].name, "k8s-resources") {
			files[i].text, _, _ = strings.Cut(brResources, "kind: Secret")
		}
	}
	ev := mustRead(t, tarOf(t, files...))
	if len(ev.Resources.Pods) != 2 {
		t.Errorf("%d pods, want the two before the cut", len(ev.Resources.Pods))
	}
	if ev.Resources.HasRead("pods.core") {
		t.Error("a cut list counts as read")
	}
	hasGap(t, ev.Gaps, "Bundle bug-report/cluster/k8s-resources | list | read only in part")
}

func TestBugReportFolderWithoutLog(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, f := range without(bugReportFiles(brCRs), "bug-report/bug-report.log") {
		path := filepath.Join(dir, strings.TrimPrefix(f.name, "bug-report/"))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	ev, err := Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ev.CapturedAt.Equal(at) || len(ev.Proxies) != 1 {
		t.Errorf("captured at %v, %d proxies", ev.CapturedAt, len(ev.Proxies))
	}
	hasGap(t, ev.Gaps, "Bundle capturedAt | time | it does not say when it was taken: judged at the time of its newest file, 2026-05-06T07:08:09Z")
}

// mustGatherFiles is the arrangement of `oc adm inspect` and of the gather scripts for Istio.
func mustGatherFiles() []file {
	const root = "must-gather.local.1/quay-io-istio-must-gather-sha256-1/"
	return []file{
		{"must-gather.local.1/timestamp", "2026-03-04 06:00:00.123456 +0100 CET m=+0.1\n2026-03-04 06:02:00.5 +0100 CET m=+120\n"},
		{root + "version", "openshift-service-mesh/must-gather\n3.0\n"},
		{root + "cluster-scoped-resources/core/nodes/n1.yaml", "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n"},
		{root + "namespaces/shop/shop.yaml", "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"},
		{root + "namespaces/shop/core/pods.yaml", "---\napiVersion: v1\nitems:\n- metadata:\n    name: a-1\n    namespace: shop\n  spec:\n    containers:\n    - name: app\nkind: PodList\nmetadata: {}\n"},
		{root + "namespaces/shop/core/secrets.yaml", "---\napiVersion: v1\nitems:\n- metadata:\n    name: s\nkind: SecretList\n"},
		{root + "namespaces/shop/core/services.yaml", "---\napiVersion: v1\nitems: []\nkind: ServiceList\nmetadata: {}\n"},
		{root + "namespaces/shop/networking.istio.io/destinationrules/b.yaml", "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: b\n  namespace: shop\nspec:\n  host: b\n"},
		{root + "namespaces/shop/pods/a-1/config_dump_istiod.json", "{}"},
		{root + "namespaces/shop/pods/a-1/config_dump_proxy.json", "200\n" + testDump},
		{root + "namespaces/shop/pods/a-1/proxy_stats", "server.live: 1\n"},
	}
}

func TestMustGather(t *testing.T) {
	ev := mustRead(t, tarOf(t, mustGatherFiles()...))
	if ev.Source.Type != "must-gather" || !ev.CapturedAt.Equal(time.Date(2026, 3, 4, 5, 2, 0, 500_000_000, time.UTC)) {
		t.Errorf("source %v, captured at %v", ev.Source, ev.CapturedAt)
	}
	if diff := cmp.Diff(&mesh.Scope{Namespaces: []string{"shop"}}, ev.Scope); diff != "" {
		t.Error(diff)
	}
	r := ev.Resources
	if len(r.Pods) != 1 || len(r.Namespaces) != 1 || len(r.DestinationRules) != 1 {
		t.Errorf("%d pods, %d namespaces, %d rules, want one each", len(r.Pods), len(r.Namespaces), len(r.DestinationRules))
	}
	if !r.HasRead("services.core") || r.HasRead("peerauthentications.security.istio.io") {
		t.Error("an empty list counts as read, and a kind without any file does not")
	}
	p := ev.Proxies[kube.Key{Namespace: "shop", Name: "a-1"}]
	if p == nil || len(p.Clusters) != 1 || p.Stats["server.live"] != 1 {
		t.Errorf("proxy %+v", p)
	}
	hasGap(t, ev.Gaps, "List peerauthentications.security.istio.io | list | the archive has no peerauthentications")
	hasGap(t, ev.Gaps, "Bundle namespaces | out-of-scope | only these namespaces were gathered: shop")
}

// dumpOf is the dump of another pod in shop.
func dumpOf(pod string) string { return strings.ReplaceAll(testDump, `"a-1"`, `"`+pod+`"`) }

// anonymous is a dump that does not say whose it is.
func anonymous() string {
	_, clusters, _ := strings.Cut(testDump, "}}},")
	return `{"configs":[` + clusters
}

func TestFolderOfDumps(t *testing.T) {
	ev := mustRead(t, tarOf(t,
		file{"dumps/README.txt", "what is this\n"},
		file{"dumps/other.json", `{"unrelated":true}`},
		file{"dumps/one.json", dumpOf("b-1")},
		file{"dumps/two_pay.json", anonymous()},
		file{"dumps/billing/three.json.gz", string(zipped(t, []byte(anonymous())))},
		file{"dumps/shop/four/config_dump.json", anonymous()},
		file{"dumps/shop/four/clusters.json", testClusters},
		file{"dumps/z-again.json", dumpOf("b-1")},
		file{"dumps/z-cut.json", dumpOf("cut")[:420]},
	))
	var got []string
	for k := range ev.Proxies {
		got = append(got, k.String())
	}
	want := []string{"billing/three", "pay/two", "shop/b-1", "shop/cut", "shop/four"}
	if diff := cmp.Diff(want, sorted(got)); diff != "" {
		t.Error(diff)
	}
	if p := ev.Proxies[kube.Key{Namespace: "shop", Name: "four"}]; p == nil || len(p.Hosts) != 1 || len(p.Clusters) != 1 {
		t.Errorf("the files of one folder are one proxy: %+v", p)
	}
	if at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC); !ev.CapturedAt.Equal(at) || ev.Source.Type != "dump" {
		t.Errorf("captured at %v, source %v", ev.CapturedAt, ev.Source)
	}
	hasGap(t, ev.Gaps, "Pod shop/b-1 | config_dump | dumps/z-again.json is a second dump of the same proxy and not read")
	hasGap(t, ev.Gaps, "Pod shop/cut | config_dump | dumps/z-cut.json is read only in part")
	hasGap(t, ev.Gaps, "Bundle kubernetes | list | no Kubernetes resources")
}

func TestLoneDump(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x_pay.json.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	zw := gzip.NewWriter(f)
	if _, err := zw.Write([]byte(anonymous())); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ev, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := ev.Proxies[kube.Key{Namespace: "pay", Name: "x"}]; p == nil || len(p.Clusters) != 1 {
		t.Errorf("proxies %v", ev.Proxies)
	}
	ev, err = Open(t.Context(), "-", strings.NewReader("200\n"+testDump))
	if err != nil {
		t.Fatal(err)
	}
	if p := ev.Proxies[kube.Key{Namespace: "shop", Name: "a-1"}]; p == nil {
		t.Errorf("proxies %v", ev.Proxies)
	}
	hasGap(t, ev.Gaps, "Bundle capturedAt | time | it does not say when it was taken: judged at the last change")
}
