package truth

import "testing"

func TestRoots(t *testing.T) {
	tests := []struct {
		name, page, want string
		ok               bool
	}{
		{"two listed twice", `{"certificates":[{"ca_cert":[{"serial_number":"b"}]},{"ca_cert":[{"serial_number":"a"},{"serial_number":"b"}]}]}`, "a b", true},
		{"none", `{"certificates":[{"cert_chain":[]}]}`, "", false},
		{"no JSON", `<html>`, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := roots([]byte(tt.page))
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestKnownOutcome(t *testing.T) {
	p := Pair{From: From{Namespace: "legacy", Workload: "naked"}, To: To{Namespace: "shop", Service: "server"}}
	want, known := knownOutcome(p)
	if got := outcomeOf(p); !known || got != want {
		t.Errorf("a call that failed is %s, want %s", got, want)
	}
	if p.OK = true; outcomeOf(p) == want {
		t.Error("a call that succeeded counts as refused")
	}
}
