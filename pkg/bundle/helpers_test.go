package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// file is one member of an archive that a test makes.
type file struct{ name, text string }

var archived = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func tarOf(tb testing.TB, files ...file) []byte {
	tb.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		head := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.text)), Mode: 0o600, ModTime: archived}
		if err := tw.WriteHeader(head); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(tw, f.text); err != nil {
			tb.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func zipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func read(tb testing.TB, data []byte) (*mesh.Evidence, error) {
	tb.Helper()
	return OpenReader(tb.Context(), "test.tar.gz", bytes.NewReader(data))
}

func mustRead(tb testing.TB, data []byte) *mesh.Evidence {
	tb.Helper()
	ev, err := read(tb, data)
	if err != nil {
		tb.Fatal(err)
	}
	return ev
}

// gapLines are gaps in one line each.
func gapLines(gaps []mesh.Gap) []string {
	var lines []string
	for _, g := range gaps {
		lines = append(lines, g.Subject.String()+" | "+g.Stage+" | "+g.Message)
	}
	return lines
}

// hasGap fails when no gap begins like that.
func hasGap(tb testing.TB, gaps []mesh.Gap, prefix string) {
	tb.Helper()
	lines := gapLines(gaps)
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			return
		}
	}
	tb.Errorf("no gap %q in:\n%s", prefix, strings.Join(lines, "\n"))
}

// sameEvidence compares everything, unexported fields of certificates and addresses included.
// The options are for the resources; proxies have to be the same.
func sameEvidence(tb testing.TB, want, got *mesh.Evidence, options ...cmp.Option) {
	tb.Helper()
	if reflect.DeepEqual(want, got) {
		return // a hundred times faster than finding no difference
	}
	if reflect.DeepEqual(want.Proxies, got.Proxies) {
		w, g := *want, *got
		w.Proxies, g.Proxies, want, got = nil, nil, &w, &g
	}
	options = append(options, cmp.Exporter(func(reflect.Type) bool { return true }))
	if diff := cmp.Diff(want, got, options...); diff != "" {
		tb.Error(diff)
	}
}

// broken reads text and then fails.
func broken(text string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(text), iotest.ErrReader(err))
}

const (
	testManifest = `{"apiVersion":"mtls-doctor.dev/v1alpha1","kind":"Bundle","capturedAt":"2026-03-04T00:00:00Z","clusterVersion":"v1.36.1","source":"live","context":"prod"}`
	testPods     = `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a-1","namespace":"shop","labels":{"app":"a"}},"spec":{"containers":[{"name":"app"}]}}]}`
	testDump     = `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{"node":{"id":"sidecar~10.0.0.1~a-1.shop~shop.svc.cluster.local","metadata":{"NAME":"a-1","NAMESPACE":"shop"}}}},{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"outbound|80||b.shop.svc.cluster.local","type":"EDS"},"last_updated":"2026-03-03T12:00:00Z"}]}]}`
	testClusters = `{"cluster_statuses":[{"name":"outbound|80||b.shop.svc.cluster.local"}]}`
	testMesh     = `{"rootNamespace":"istio-system","trustDomain":"cluster.local"}`
)

// testBundle is a bundle of ours with one pod and its proxy.
func testBundle() []file {
	return []file{
		{"manifest.json", testManifest},
		{"kubernetes/pods.core.json", testPods},
		{"istiod/mesh.json", testMesh},
		{"proxies/shop/a-1/config_dump.json", testDump},
		{"proxies/shop/a-1/clusters.json", testClusters},
	}
}

func without(files []file, name string) []file {
	var out []file
	for _, f := range files {
		if f.name != name {
			out = append(out, f)
		}
	}
	return out
}
