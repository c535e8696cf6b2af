package cli

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// traceOptions are the flags of `trace`.
type traceOptions struct {
	global    *globalOptions
	output    outputOptions
	verdict   verdictOptions
	manifests manifestsOptions
}

func newTraceCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &traceOptions{global: global}
	cmd := &cobra.Command{
		Use:   "trace FROM TO",
		Short: "One connection step by step: where it goes, and where it fails",
		Long: `Follows a connection as its packets do: is it captured, which listener, route, cluster and
endpoint take it, what travels, which of the server's filter chains take it and why not the
others, the certificates of both sides, authorization, the application. The step at which it
fails is marked x.

FROM is a TARGET. TO is a TARGET or HOST or IP, each with :PORT or for every port: a host or an
address is dialled as it stands, svc/NAME by the service's name; for a pod or a workload it is
every way by which FROM reaches it.

The table leaves out what a connection that works had no choice about; -o wide tells everything.
It ends with the findings that say why a connection is not well, each with its first fix.

Exit code 3: a connection fails (with --fail-on warning: or is plaintext). 4: one is unknown.`,
		Example: examples(env.Program, `
			PROGRAM trace deploy/checkout svc/payments:8443
			PROGRAM trace deploy/checkout.shop svc/ledger.pay
			# as the application dials it
			PROGRAM trace pod/cart-7f9c-x2x4l payments.shop:80 -o wide`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, env, args)
		},
		Args:              usageChecked(cobra.ExactArgs(2)),
		ValidArgsFunction: completeTargets,
	}
	o.output.addFlags(cmd, report.TraceFormats())
	o.verdict.addFlags(cmd)
	o.manifests.addFlags(cmd)
	return cmd
}

func (o *traceOptions) run(cmd *cobra.Command, env *Env, args []string) error {
	from, err := parseTarget(args[0])
	if err != nil {
		return err
	}
	to, port, err := parseDestination(args[1])
	if err != nil {
		return err
	}
	scope := args[:1]
	if to != nil {
		scope = []string{from.word, to.word}
	}
	manifests, err := o.manifests.read(env)
	if err != nil {
		return err
	}
	view, err := o.global.read(cmd.Context(), env, scope)
	if err != nil {
		return err
	}
	clients, err := from.find(view.snapshot, namespacesOf(view.scope))
	if err != nil {
		return err
	}
	q := handshake.Query{Trace: true, Client: func(p *mesh.Pod) bool { return slices.Contains(clients, p) }}
	edges, err := traced(view, q, args[1], to, port)
	if err != nil {
		return err
	}
	causes := explained(view, edges, env.Checks)
	manifests.locate(env, causes)
	style := o.global.style(env)
	style.Again = again(cmd.Flags(), nil)
	err = o.output.write(env, style, func(w io.Writer, style report.Style) error {
		return report.RenderTrace(w, view.snapshot, edges, causes, style)
	})
	if err != nil {
		return err
	}
	return o.verdict.traced(edges, view)
}

// explained says why a connection does not get through as mutual TLS; nil when all do.
func explained(v *view, edges []*handshake.Edge, checks []*diagnose.Check) *report.Report {
	if !slices.ContainsFunc(edges, func(e *handshake.Edge) bool { return !e.Verdict.Works() || e.Verdict == handshake.Plaintext }) {
		return nil
	}
	return report.Causes(v.snapshot, edges, diagnose.Run(v.snapshot, checks, v.found.scope()).Findings)
}

// parseDestination reads the TARGET of a TO, which is nil for a host or an address, and its port.
func parseDestination(word string) (to *target, port uint32, err error) {
	name, number, ok := strings.Cut(word, ":")
	if !strings.Contains(name, "/") {
		return nil, 0, nil
	}
	if ok {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return nil, 0, usageError("for example svc/payments:8443", "%q: %q is not a port", word, number)
		}
		port = uint32(n)
	}
	t, err := parseTarget(name)
	return &t, port, err
}

// traced replays the connections to a destination.
func traced(v *view, q handshake.Query, word string, to *target, port uint32) ([]*handshake.Edge, error) {
	if to == nil {
		return replay(v, word, q)
	}
	if elsewhere, ok := to.qualified(v.snapshot); ok {
		to = &elsewhere
	}
	servers, err := to.find(v.snapshot, namespacesOf(v.scope))
	if err != nil && to.kind != "Service" { // a service without pods still has a way to it
		return nil, err
	}
	if to.kind == "Service" || to.kind == "" && to.exists(v.snapshot, []string{to.namespace}) {
		return tracedService(v, q, to, port)
	}
	engine := handshake.New(v.snapshot)
	q.Server = func(s *handshake.Server) bool {
		return meansOne(s, servers) && (port == 0 || s.Port == port || uint32(s.Address.Port()) == port)
	}
	edges := engine.Edges(q)
	if len(edges) > 0 {
		return edges, nil
	}
	for _, p := range servers { // no service leads there: by their addresses
		if len(p.Addresses) > 0 {
			edges = append(edges, engine.EdgesTo(handshake.Target{Name: p.Addresses[0].String(), Port: port}, q)...)
		}
	}
	return edges, nil
}

// meansOne reports whether a connection is to one of the pods, or was meant for one and is led elsewhere.
func meansOne(s *handshake.Server, pods []*mesh.Pod) bool {
	if slices.Contains(pods, s.Pod) {
		return true
	}
	one := func(p *mesh.Pod) bool { return p != nil && slices.Contains(pods, p) }
	return s.Host != nil && s.Host.Leads(one) && !s.Host.Leads(func(p *mesh.Pod) bool { return p == s.Pod })
}

// tracedService dials the services of a name by their host names.
func tracedService(v *view, q handshake.Query, to *target, port uint32) ([]*handshake.Edge, error) {
	namespaces := namespacesOf(v.scope)
	if to.namespace != "" {
		namespaces = []string{to.namespace}
	}
	engine := handshake.New(v.snapshot)
	var edges []*handshake.Edge
	found := false
	for _, h := range v.snapshot.Hosts {
		if h.Ref.Kind != "Service" || h.Ref.Name != to.name || len(namespaces) > 0 && !slices.Contains(namespaces, h.Namespace) {
			continue
		}
		found = true
		if err := portDeclared([]*mesh.Host{h}, port); err != nil {
			return nil, err
		}
		edges = append(edges, engine.EdgesTo(handshake.Target{Name: h.Name, Port: port}, q)...)
	}
	if !found {
		return nil, to.notFound(v.snapshot, namespaces)
	}
	return edges, nil
}
