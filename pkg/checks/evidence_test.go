package checks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Where plaintext is refused, what policies say comes before certificates that nobody looked at; where a certificate
// is refused, it stays with the proxies that show it.
func TestCertificatesInTheirPlace(t *testing.T) {
	position := func(facts []handshake.Fact, fits func(handshake.Fact) bool) int {
		i := slices.IndexFunc(facts, fits)
		if i < 0 {
			t.Fatalf("missing in %v", facts)
		}
		return i
	}
	isPolicy := func(x handshake.Fact) bool { return x.Layer == handshake.Policy }
	isCertificate := func(x handshake.Fact) bool { return strings.HasSuffix(x.Source, " config_dump secrets") }
	refused := record(t, "03-dr-disable-vs-strict").one(mtd301).Evidence
	if position(refused, isCertificate) < position(refused, isPolicy) || isPolicy(refused[len(refused)-1]) {
		t.Errorf("certificates before policies: %v", refused)
	}
	mismatch := record(t, "23-dr-wrong-san").one(mtd202).Evidence
	if position(mismatch, isCertificate) > position(mismatch, isPolicy) {
		t.Errorf("policies before the certificate that is refused: %v", mismatch)
	}
}

// What heals only in parts is one fix: those behind the first say that they go with it.
func TestPartsOfOneFix(t *testing.T) {
	var got []string
	for _, f := range shared(t, healthy).judge(mtd601).Findings {
		for _, x := range f.Fixes {
			got = append(got, fmt.Sprintf("%s: %s (%t)", f.Subject, x.Title, x.Also))
		}
	}
	want := []string{
		"Namespace shop: give Deployment shop/hlmix-out a proxy (false)", "Namespace shop: give Deployment shop/migration-vlegacy a proxy (true)",
		"Deployment legacy/naked: give Deployment legacy/naked a proxy (false)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
