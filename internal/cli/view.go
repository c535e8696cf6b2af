package cli

import (
	"context"
	"errors"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// view is evidence, joined, and the part of it that the user asked about.
type view struct {
	snapshot *mesh.Snapshot
	scope    mesh.Scope
	found    found
	// timeout is probe.ErrTimeout when the time was over before all of the evidence was read.
	timeout error
}

// read reads evidence and finds the user's targets in it.
func (o *globalOptions) read(ctx context.Context, env *Env, targets []string) (*view, error) {
	// What is wrong with the words is said before anything is read.
	if _, err := o.scope.words(targets, o.evidence.overrides.Context.Namespace); err != nil {
		return nil, err
	}
	evidence, err := o.evidence.read(ctx, env, &o.scope, targets)
	if err != nil && !errors.Is(err, probe.ErrTimeout) {
		return nil, err
	}
	v := &view{snapshot: mesh.New(evidence), timeout: err}
	v.scope, err = o.scope.evidenceScope(evidence, targets, o.evidence.overrides.Context.Namespace)
	if err != nil {
		return nil, err
	}
	v.found, err = resolve(v.snapshot, v.scope)
	return v, err
}
