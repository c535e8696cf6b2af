package truth

import (
	"reflect"
	"slices"
	"testing"
)

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

func TestCalibrated(t *testing.T) {
	no, yes := new(false), new(true)
	var pairs []Pair
	for _, kind := range []string{"http", "http2", "grpc", "https", "tcp"} {
		pairs = append(pairs,
			Pair{Protocol: kind, From: From{Injected: true}, To: To{Namespace: "shop", Service: "grpc"}, OK: true, MTLS: yes},
			Pair{Protocol: kind, From: From{Injected: true}, To: To{Namespace: "legacy", Service: "naked"}, OK: true, MTLS: no},
			Pair{Protocol: kind, From: From{}, To: To{Namespace: "shop", Service: "grpc"}},
			Pair{Protocol: kind, From: From{}, To: To{Namespace: "shop", Service: "hlmix"}, OK: true, MTLS: no}) // not known beforehand
	}
	got, err := calibrated(Truth{Pairs: pairs})
	if want := (Instrument{MTLS: 5, Plaintext: 5, Refused: 5}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	lies := slices.Clone(pairs)
	lies[0].MTLS = no
	for name, spoilt := range map[string]Truth{
		"a kind that never failed":  {Pairs: slices.Concat(pairs[:2], pairs[3:])},
		"an outcome that is wrong":  {Pairs: append(lies, pairs[0])},
		"a call that is in doubt":   {Pairs: pairs, Instrument: Instrument{Doubts: []string{"it was not seen"}}},
		"a kind that nobody called": {Pairs: pairs[4:]},
	} {
		if _, err := calibrated(spoilt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
