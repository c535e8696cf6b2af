package truth

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// TestAddable holds every scenario to kinds that the next one is rid of.
func TestAddable(t *testing.T) {
	list, err := scenario.Find("../../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		defined := definedBy(s)
		for _, o := range s.Objects() {
			istio := strings.HasSuffix(o.GroupVersionKind().Group, ".istio.io")
			harmless := o.GetKind() == "ServiceAccount" // one that nobody uses changes nothing
			if !istio && !harmless && !defined[o.GetKind()] && !removable(o) {
				t.Errorf("scenario %s: %s %s stays when the scenario has ended", s.Name, o.GetKind(), o.GetName())
			}
		}
	}
}

// definedBy are the kinds whose definition the scenario brings along.
func definedBy(s scenario.Scenario) map[string]bool {
	kinds := map[string]bool{}
	for _, o := range s.Objects() {
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		kinds[kind] = o.GetKind() == "CustomResourceDefinition"
	}
	return kinds
}

func removable(o *unstructured.Unstructured) bool {
	for _, r := range addable() {
		kind := strings.ToLower(o.GetKind())
		if r.Group == o.GroupVersionKind().Group && slices.Contains([]string{kind + "s", kind + "es"}, r.Resource) {
			return true
		}
	}
	return false
}
