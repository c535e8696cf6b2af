package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpen(t *testing.T) {
	ev, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	if len(ev.Proxies) != 8 || len(ev.Resources.Pods) != 11 {
		t.Errorf("%d proxies and %d pods, want 8 and 11", len(ev.Proxies), len(ev.Resources.Pods))
	}
	if len(ev.Gaps) != 0 {
		t.Errorf("a recording for newcomers has no gaps: %v", ev.Gaps)
	}
	var rules []string
	for _, r := range ev.Resources.DestinationRules {
		rules = append(rules, r.Key().String()+" "+r.Spec.TrafficPolicy.TLS.Mode)
	}
	if diff := cmp.Diff([]string{"shop/server DISABLE"}, rules); diff != "" {
		t.Error(diff)
	}
}
