package certs_test

import (
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// TestHangsOn: a chain hangs on the root that signed its last certificate, and on no namesake.
func TestHangsOn(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	root, namesake := testca.New(at), testca.New(at, testca.Seed("other"))
	sub := root.Intermediate()
	tests := map[string]struct {
		chain certs.Chain
		want  bool
	}{
		"of the root":           {root.Leaf("shop/a").Chain, true},
		"of an intermediate":    {sub.Leaf("shop/a").Chain, true},
		"with the root":         {root.Leaf("shop/a", testca.WithRoot()).Chain, true},
		"without intermediates": {sub.Leaf("shop/a", testca.MissingIntermediate()).Chain, false},
		"of a namesake":         {namesake.Leaf("shop/a").Chain, false},
		"the root itself":       {certs.Chain{root.Certificate}, true},
		"empty":                 {nil, false},
	}
	for name, test := range tests {
		if got := test.chain.HangsOn(root.Certificate); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
