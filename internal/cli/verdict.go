package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// verdictOptions say when the program's exit code is not 0.
type verdictOptions struct {
	failOn       enum
	allowPartial bool
}

func (o *verdictOptions) addFlags(cmd *cobra.Command) {
	o.failOn.allowed = []string{"error", "warning", "info", "none"}
	addEnum(cmd, cmd.Flags(), &o.failOn, "fail-on", "", "exit with 3 for findings that are as bad or worse")
	o.addPartialFlag(cmd)
}

func (o *verdictOptions) addPartialFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.allowPartial, "allow-partial", false, "exit with 0 instead of 4 when evidence is missing")
}

func (o *verdictOptions) gate() report.Gate {
	return report.Gate{FailOn: o.failOn.value, AllowPartial: o.allowPartial}
}

// report is the exit code of a report.
func (o *verdictOptions) report(r *report.Report) error {
	switch gate := o.gate(); {
	case gate.Fails(r):
		return outcome(exitFindings)
	case gate.Incomplete(r):
		return outcome(exitIncomplete)
	}
	return nil
}

// edges is the exit code of a list of edges. A list without which connections are missing makes it
// incomplete, and so does a scope without pods. That a port of a node or of the outside world is
// unknown makes no list of a cluster incomplete, unless the user asked for it.
func (o *verdictOptions) edges(edges []*handshake.Edge, v *view, asked bool) error {
	incomplete := slices.ContainsFunc(edges, func(e *handshake.Edge) bool {
		return e.Verdict == handshake.Unknown && (asked || e.Server.Pod != nil)
	})
	incomplete = incomplete || len(report.Unlisted(v.snapshot)) > 0 || v.empty()
	switch {
	case v.timeout != nil:
		return v.timeout
	case incomplete && !o.allowPartial:
		return outcome(exitIncomplete)
	}
	return nil
}

// traced is the exit code of connections that the user asked about.
func (o *verdictOptions) traced(edges []*handshake.Edge, v *view) error {
	fails := func(e *handshake.Edge) bool { return o.gate().FailsCall(e.Verdict) }
	if v.timeout == nil && slices.ContainsFunc(edges, fails) {
		return outcome(exitFindings)
	}
	return o.edges(edges, v, true)
}

// noMesh is the error of evidence in which nothing of Istio is to be seen, although the lists
// that would show it were read.
func noMesh(s *mesh.Snapshot, istioNamespace string) error {
	switch {
	case !s.Resources.HasRead("pods.core") || !s.Resources.HasRead("configmaps.core"):
		return nil
	case len(s.Proxies) > 0 || len(s.MeshConfigs) > 0:
		return nil
	case slices.ContainsFunc(s.Pods, func(p *mesh.Pod) bool { return p.Plane != mesh.NoProxy }):
		return nil
	}
	return failed("is istiod in another namespace? --istio-namespace names it; `istioctl version` tells whether Istio is installed",
		"there is no Istio to be seen: no pod has a proxy, and namespace %s holds no mesh config", istioNamespace)
}
