package truth

import (
	"context"
	"errors"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Calibration is the name of the scenario whose outcome is known beforehand: mesh-wide STRICT,
// automatic mutual TLS, nothing else.
const Calibration = "01-healthy-strict"

// Calibrate proves that the probes of this run can report each outcome, on calls whose outcome
// is known by construction: mesh clients and STRICT servers, mesh clients and a pod without a
// proxy, and the latter as a client of STRICT servers; over HTTP, TCP and the application's own TLS. No truth counts before.
func (r *Runner) Calibrate(ctx context.Context, s scenario.Scenario) error {
	t, end, err := r.Run(ctx, s)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	var found Instrument
	var wrong []error
	for _, p := range t.Pairs {
		want, known := knownOutcome(p)
		if !known {
			continue
		}
		if got := outcomeOf(p); got != want {
			wrong = append(wrong, fmt.Errorf("%s/%s to %s:%d: the probe says %s and it is %s (%s)", p.From.Namespace, p.From.Workload, p.To.Host, p.To.Port, got, want, p.Error))
			continue
		}
		found.count(want)
	}
	for _, d := range t.Instrument.Doubts {
		wrong = append(wrong, errors.New(d))
	}
	const kinds = 3 // HTTP, TCP, TLS
	if found.MTLS < kinds || found.Plaintext < kinds || found.Refused < kinds {
		wrong = append(wrong, fmt.Errorf("not every outcome was seen: %+v", found))
	}
	r.instrument = found
	return errors.Join(append(wrong, end(ctx))...)
}

const (
	mutual    = "mutual TLS"
	plaintext = "plaintext"
	refused   = "refused"
)

func knownOutcome(p Pair) (string, bool) {
	server := p.To.Namespace + "/" + p.To.Service
	strict := server == "shop/server" || server == "pay/api"
	switch {
	case p.From.Injected && strict:
		return mutual, true
	case p.From.Injected && server == "legacy/naked":
		return plaintext, true
	case !p.From.Injected && strict:
		return refused, true
	default:
		return "", false
	}
}

func outcomeOf(p Pair) string {
	switch {
	case !p.OK:
		return refused
	case p.MTLS != nil && *p.MTLS:
		return mutual
	default:
		return plaintext
	}
}

func (i *Instrument) count(outcome string) {
	switch outcome {
	case mutual:
		i.MTLS++
	case plaintext:
		i.Plaintext++
	case refused:
		i.Refused++
	}
}
