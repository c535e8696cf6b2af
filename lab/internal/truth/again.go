package truth

import (
	"context"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Changed says that somebody else changes the workloads: what was applied is no longer what runs.
func (r *Runner) Changed() { r.workloads = nil }

// Again makes the calls of a scenario once more, after somebody has changed the mesh.
func (r *Runner) Again(ctx context.Context, s scenario.Scenario) (Truth, error) {
	state, err := r.Mesh.Converge(ctx) // first: pods that are about to end have nothing to forget
	if err != nil {
		return Truth{}, fmt.Errorf("scenario %s, once more: %w", s.Name, err)
	}
	if err := r.forget(ctx); err != nil {
		return Truth{}, err
	}
	pods, err := r.Mesh.Lab.Pods(ctx)
	if err != nil {
		return Truth{}, err
	}
	if err := each(pods, func(pod node.PodInfo) error { return r.forgotten(ctx, pod) }); err != nil {
		return Truth{}, err
	}
	return r.measure(ctx, s, prepared{pods: pods, unacked: state.Unacked})
}
