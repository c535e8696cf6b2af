package checks

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// whole is everything that a result says, in its order.
func whole(res *diagnose.Result) string {
	var b strings.Builder
	for _, f := range res.Findings {
		fmt.Fprintf(&b, "%s %s %s [%s] %s\n%s\n%v\n%v\n%v\n", f.Check.Code, f.Severity, f.Subject, f.Field, f.Group, f.Title, f.Evidence, f.Workloads, f.Fixes)
		for _, e := range f.Edges {
			fmt.Fprintf(&b, "%s to %s %s:%d\n", e.Client.Key(), e.Server.Address, e.Server.Name, e.Server.Port)
		}
		if f.CausedBy != nil {
			fmt.Fprintf(&b, "because of %s %s\n", f.CausedBy.Check.Code, f.CausedBy.Subject)
		}
	}
	return b.String()
}

// shuffle puts the resources of a recording in another order.
func (r *recording) shuffle() *recording {
	resources, random := *r.Resources, rand.New(rand.NewPCG(1, 2))
	v := reflect.ValueOf(&resources).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanSet() || f.Kind() != reflect.Slice {
			continue
		}
		list := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
		reflect.Copy(list, f)
		random.Shuffle(f.Len(), reflect.Swapper(list.Interface()))
		f.Set(list)
	}
	r.Resources = &resources
	return r
}

// TestSameAnswer: one evidence has one answer, whatever the order in which it was read.
func TestSameAnswer(t *testing.T) {
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := whole(shared(t, name).judge(All()...))
			if diff := cmp.Diff(once, whole(shared(t, name).shuffle().judge(All()...))); diff != "" {
				t.Errorf("in another order (-want +got):\n%s", diff)
			}
		})
	}
}

// Two findings that differ in nothing but their group have an order too.
func TestSameOrder(t *testing.T) {
	r := record(t, healthy)
	pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: "api", Namespace: "pay"}}
	pa.Spec.Selector = r.selector("app", "api")
	pa.Spec.MTLS = &kube.MutualTLS{Mode: "PERMISSIVE"}
	pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "DISABLE"}, "7777": {Mode: "STRICT"}}
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
	once := whole(r.judge(mtd403))
	if strings.Count(once, "MTD403") != 2 {
		t.Fatalf("want two findings: %s", once)
	}
	for range 20 {
		if diff := cmp.Diff(once, whole(r.judge(mtd403))); diff != "" {
			t.Fatal(diff)
		}
	}
}
