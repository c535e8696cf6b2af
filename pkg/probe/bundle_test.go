package probe

import (
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	decoder "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestBundleOfALiveReadingIsTheReading reads a cluster with one good proxy, one that dies in the
// middle and one that is not there, and reads the bundle that was written meanwhile.
func TestBundleOfALiveReadingIsTheReading(t *testing.T) {
	c := newCluster(t)
	c.add("/api/v1/configmaps", object{"metadata": object{"namespace": "istio-system", "name": "istio"}, "data": object{"mesh": "trustDomain: example.org"}})
	dies := newEnvoy()
	dies.override = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.RawQuery, "static_clusters") {
			return false
		}
		fmt.Fprint(w, `{"configs":[{"@type":"x","cluster":{"na`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.addProxy("good", newEnvoy())
	c.addProxy("dies", dies)
	c.addProxy("absent", nil)
	c.envoys["shop/absent"] = nil

	path := filepath.Join(t.TempDir(), "out.tar.gz")
	w, err := bundle.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	collector := bundle.NewCollector(w)
	manifest, err := Collect(t.Context(), Options{Context: "lab"}.on(c), collector)
	if err != nil {
		t.Fatal(err)
	}
	live, err := collector.Close(manifest)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := bundle.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(live, recorded) {
		t.Errorf("live and recorded differ:\n%+v\n%+v", live, recorded)
	}
	checkLive(t, live)
}

func checkLive(t *testing.T, live *mesh.Evidence) {
	t.Helper()
	const all = decoder.SectionBootstrap | decoder.SectionListeners | decoder.SectionClusters | decoder.SectionEndpoints |
		decoder.SectionRoutes | decoder.SectionSecrets | decoder.SectionCerts | decoder.SectionHosts | decoder.SectionStats
	if p := live.Proxies[kube.Key{Namespace: "shop", Name: "good"}]; p == nil || !p.Read.Has(all) {
		t.Errorf("good: %+v", p)
	}
	for _, pod := range []string{"dies", "absent"} {
		if live.GapOf(kube.PodRef(kube.Key{Namespace: "shop", Name: pod})) == nil {
			t.Errorf("no gap about %s", pod)
		}
	}
	if got := live.MeshConfig("").Domain(); got != "example.org" {
		t.Errorf("trust domain %q", got)
	}
	if !live.CapturedAt.Equal(testClock()) || live.Source.Context != "lab" || live.Source.KubernetesVersion != "v1.36.1" {
		t.Errorf("source %+v at %v", live.Source, live.CapturedAt)
	}
}
