package oracle

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"istio.io/istio/pkg/log"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var (
	cases = flag.Uint64("cases", 150, "how many generated meshes to compare")
	seed  = flag.Uint64("seed", 1, "which meshes: the same seed gives the same")
	first = flag.Uint64("first", 0, "number of the first mesh")
)

func TestMain(m *testing.M) {
	flag.Parse()
	o := log.DefaultOptions()
	o.SetDefaultOutputLevel("all", log.NoneLevel)
	if err := log.Configure(o); err != nil {
		panic(err)
	}
	m.Run()
}

// TestPolicy compares pkg/policy with istiod over generated meshes.
func TestPolicy(t *testing.T) {
	compared := map[string]int{}
	for n := *first; n < *first+*cases; n++ {
		t.Run(fmt.Sprintf("%d-%d", *seed, n), func(t *testing.T) {
			c := Generate(*seed, n)
			i, err := Start(t, c)
			if err != nil {
				t.Fatal(err)
			}
			mesh, err := kube.ParseMeshConfig([]byte(c.meshConfig()))
			if err != nil {
				t.Fatal(err)
			}
			got := i.ComparePolicy(NewPolicies(i.Resources, mesh))
			for _, d := range got.Differences {
				t.Error(d)
			}
			for k, v := range got.Compared {
				compared[k] += v
			}
		})
	}
	for _, k := range slices.Sorted(maps.Keys(compared)) {
		t.Logf("%8d %s", compared[k], k)
	}
}
