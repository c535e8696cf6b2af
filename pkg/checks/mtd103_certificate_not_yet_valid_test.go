package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestNotYetValid(t *testing.T) {
	r := record(t, healthy)
	ca := r.reissue()
	s := r.secret("shop/server", "default")
	s.Chain = ca.Leaf("shop/server", testca.NotYetValid(r.CapturedAt)).Chain
	has(t, r.says(mtd103), "error Deployment shop/server [secret default, leaf] 31: the leaf certificate of Deployment shop/server begins 1h00m after the capture")

	// A proxy that got it after the capture knows a later time than the capture does.
	s.LastUpdated = r.CapturedAt.Add(time.Hour)
	if got := r.says(mtd103); got != "" {
		t.Error(got)
	}
	if got := r.unknowns(mtd103); len(got) != 1 || !strings.Contains(got[0], "after the time of the capture") {
		t.Errorf("%q", got)
	}
}

func TestNotYetValidQuietAndBlind(t *testing.T) {
	record(t, healthy).quiet(mtd103)
	r := record(t, healthy)
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd103, diagnose.Secrets)
}
