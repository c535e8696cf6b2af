package truth

import (
	"context"
	"errors"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Calibration is the name of the scenario whose outcome is known beforehand: mesh-wide STRICT,
// automatic mutual TLS, nothing else, and ports of every kind.
const Calibration = "67-healthy-strict-grpc"

// Calibrate proves that the probes of this run can report each outcome, on calls whose outcome
// is known by construction: mesh clients and STRICT servers, mesh clients and pods without a
// proxy, and one of the latter as a client of STRICT servers; by every kind of call. No truth
// counts before.
func (r *Runner) Calibrate(ctx context.Context, s scenario.Scenario) error {
	t, end, err := r.Run(ctx, s)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	found, err := calibrated(t)
	r.instrument = found
	return errors.Join(err, end(ctx))
}

// calibrated counts the outcomes, which all have to be the known ones.
func calibrated(t Truth) (Instrument, error) {
	var found Instrument
	var wrong []error
	seen := map[probe.Kind]*Instrument{probe.HTTP: {}, probe.HTTP2: {}, probe.GRPC: {}, probe.HTTPS: {}, probe.TCP: {}}
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
		seen[probe.Kind(p.Protocol)].count(want)
	}
	for _, d := range t.Instrument.Doubts {
		wrong = append(wrong, errors.New(d))
	}
	for kind, n := range seen {
		if n.MTLS == 0 || n.Plaintext == 0 || n.Refused == 0 {
			wrong = append(wrong, fmt.Errorf("not every outcome was seen by %s: %+v", kind, *n))
		}
	}
	return found, errors.Join(wrong...)
}

const (
	mutual    = "mutual TLS"
	plaintext = "plaintext"
	refused   = "refused"
)

func knownOutcome(p Pair) (string, bool) {
	server := p.To.Namespace + "/" + p.To.Service
	strict := server == "shop/server" || server == "pay/api" || server == "shop/grpc"
	switch {
	case p.From.Injected && strict:
		return mutual, true
	case p.From.Injected && p.To.Namespace == "legacy":
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
