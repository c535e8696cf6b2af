package checks

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func ruleOf(t *testing.T, spec string) *kube.DestinationRule {
	t.Helper()
	r := new(kube.DestinationRule)
	if err := json.Unmarshal([]byte(`{"metadata":{"name":"r"},"spec":`+spec+`}`), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func specOf(t *testing.T, r *kube.DestinationRule) string {
	t.Helper()
	out, err := json.Marshal(r.Spec, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Istio's validation refuses a policy or an entry that says nothing, so what would be empty
// goes too. The pointer is what kubectl removes, the edited rule what is then left.
func TestWithoutTLS(t *testing.T) {
	const tls = `"tls":{"mode":"DISABLE"}`
	for name, c := range map[string]struct{ spec, field, pointer, want string }{
		"alone": {
			`{"host":"h","trafficPolicy":{` + tls + `}}`, "spec.trafficPolicy.tls.mode", "/spec/trafficPolicy", `{"host":"h"}`,
		},
		"beside a pool": {
			`{"host":"h","trafficPolicy":{` + tls + `,"connectionPool":{}}}`, "spec.trafficPolicy.tls",
			"/spec/trafficPolicy/tls", `{"host":"h","trafficPolicy":{"connectionPool":{}}}`,
		},
		"one port, alone": {
			`{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80},` + tls + `}]}}`,
			"spec.trafficPolicy.portLevelSettings[0].tls.mode", "/spec/trafficPolicy", `{"host":"h"}`,
		},
		"one port, beside a load balancer": {
			`{"host":"h","trafficPolicy":{"loadBalancer":{"simple":"RANDOM"},"portLevelSettings":[{"port":{"number":80},` + tls + `}]}}`,
			"spec.trafficPolicy.portLevelSettings[0].tls.mode", "/spec/trafficPolicy/portLevelSettings", `{"host":"h","trafficPolicy":{"loadBalancer":{"simple":"RANDOM"}}}`,
		},
		"one port of two": {
			`{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80}},{"port":{"number":81},` + tls + `}]}}`,
			"spec.trafficPolicy.portLevelSettings[1].tls.mode", "/spec/trafficPolicy/portLevelSettings/1",
			`{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80}}]}}`,
		},
		"one port that says more": {
			`{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80},` + tls + `,"outlierDetection":{}}]}}`,
			"spec.trafficPolicy.portLevelSettings[0].tls.mode", "/spec/trafficPolicy/portLevelSettings/0/tls",
			`{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80},"outlierDetection":{}}]}}`,
		},
		"subset": {
			`{"host":"h","subsets":[{"name":"a"},{"name":"b","trafficPolicy":{` + tls + `}}]}`, "spec.subsets[1].trafficPolicy.tls.mode",
			"/spec/subsets/1/trafficPolicy", `{"host":"h","subsets":[{"name":"a"},{"name":"b"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rule := ruleOf(t, c.spec)
			before := specOf(t, rule)
			edited, pointer, ok := withoutTLS(rule, c.field)
			if !ok || pointer != c.pointer {
				t.Fatalf("%v %s", ok, pointer)
			}
			if diff := cmp.Diff(c.want, specOf(t, edited)); diff != "" {
				t.Error(diff)
			}
			if after := specOf(t, rule); after != before {
				t.Errorf("the rule itself was changed: %s", after)
			}
		})
	}
}

func TestWithMode(t *testing.T) {
	for field, want := range map[string]string{
		"spec.trafficPolicy":                                          "/spec/trafficPolicy/tls",
		"spec.trafficPolicy.portLevelSettings[0]":                     "/spec/trafficPolicy/portLevelSettings/0/tls",
		"spec.subsets[0].trafficPolicy.portLevelSettings[0].tls.mode": "/spec/subsets/0/trafficPolicy/portLevelSettings/0/tls",
	} {
		rule := ruleOf(t, `{"host":"h","trafficPolicy":{"portLevelSettings":[{"port":{"number":80}}]},
			"subsets":[{"name":"a","trafficPolicy":{"portLevelSettings":[{"port":{"number":80}}]}}]}`)
		if _, pointer, ok := withMode(rule, field, "ISTIO_MUTUAL"); !ok || pointer != want {
			t.Errorf("%s: %v %s", field, ok, pointer)
		}
	}
}

// A place that the rule does not have is not edited.
func TestNoSuchPlace(t *testing.T) {
	rule := ruleOf(t, `{"host":"h"}`)
	for _, field := range []string{
		"", "metadata.name", "spec.host", "spec.trafficPolicy.tls.mode", "spec.subsets[3].trafficPolicy.tls",
		"spec.subsets[x].trafficPolicy.tls", "spec.trafficPolicy.portLevelSettings[9].tls",
	} {
		if _, _, ok := withoutTLS(rule, field); ok {
			t.Errorf("%q: without", field)
		}
		if _, _, ok := withMode(rule, field, "DISABLE"); ok {
			t.Errorf("%q: with", field)
		}
	}
}
