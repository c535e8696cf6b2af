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
	// scope is what the command line says, in a live run completed by the current namespace;
	// of a recording without a word of the user's it is what the recording was limited to.
	scope mesh.Scope
	found found
	// timeout is probe.ErrTimeout when the time was over before all of the evidence was read.
	timeout error
}

// opener reads evidence. With probe.ErrTimeout it returns what was read until then.
type opener func() (*mesh.Evidence, error)

// read reads evidence from where the flags say and finds the user's targets in it.
func (o *globalOptions) read(ctx context.Context, env *Env, targets []string) (*view, error) {
	return o.view(targets, func() (*mesh.Evidence, error) {
		return o.evidence.read(ctx, env, &o.scope, targets)
	})
}

// empty reports whether there are no pods in scope: nothing was judged, and nothing is well.
func (v *view) empty() bool { return len(v.found.pods) == 0 }

// view finds the user's targets in evidence. What is wrong with the words themselves is said
// before anything is read.
func (o *globalOptions) view(targets []string, open opener) (*view, error) {
	wanted, err := o.scope.words(targets, o.evidence.overrides.Context.Namespace)
	if err != nil {
		return nil, err
	}
	evidence, timeout := open()
	if timeout != nil && !errors.Is(timeout, probe.ErrTimeout) {
		return nil, timeout
	}
	v := &view{snapshot: mesh.New(evidence), scope: wanted, timeout: timeout}
	if evidence.Scope != nil && (o.evidence.live() || !o.scope.all && isZero(wanted)) {
		v.scope = *evidence.Scope
	}
	v.found, err = resolve(v.snapshot, v.scope)
	return v, err
}
