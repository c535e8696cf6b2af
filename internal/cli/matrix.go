package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// matrixOptions are the flags of `matrix` and of `graph`, which draw the same.
type matrixOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions
	by      enum
	// render is how the command draws.
	render func(*report.Matrix, io.Writer, report.Style) error
}

func newMatrixCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &matrixOptions{global: global, render: (*report.Matrix).Render}
	cmd := &cobra.Command{
		Use:   "matrix [TARGET…]",
		Short: "Clients by servers: a letter for each pair, the worst of its calls",
		Long: `A row for each client, a column for each server, and in each cell the worst of the calls between
them: M mTLS, P plaintext, T other TLS, D denied, X fails, 0 leads nowhere, ? unknown, . no call.
"+" says that other calls of the pair fare better. Those that fail most come first.

Parties are workloads, or namespaces when there are more than 50. The table folds what does not
fit; -o wide has all. It lists and never exits with 3; exit code 4: a verdict is unknown, or
there are no pods in scope.`,
		Example: examples(env.Program, `
			PROGRAM matrix -n shop
			PROGRAM matrix -A --by namespace`),
	}
	o.addTo(cmd, env, report.MatrixFormats())
	return cmd
}

func newGraphCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &matrixOptions{global: global, render: (*report.Matrix).RenderGraph}
	cmd := &cobra.Command{
		Use:   "graph [TARGET…]",
		Short: "Who calls whom as a graph, for a page or a ticket",
		Long: `Draws the matrix as a graph: solid arrows are mTLS, dashed ones are not encrypted by the mesh, bold
ones fail, dotted ones are unknown, and the label says it too.`,
		Example: examples(env.Program, `
			PROGRAM graph -n shop -o dot | dot -Tsvg > shop.svg
			# GitHub and GitLab draw it in a fenced block "mermaid"
			PROGRAM graph -n shop -o mermaid`),
	}
	o.addTo(cmd, env, report.GraphFormats())
	return cmd
}

func (o *matrixOptions) addTo(cmd *cobra.Command, env *Env, formats []report.Format) {
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), env, args) }
	cmd.ValidArgsFunction = completeTargets
	o.output.addFlags(cmd, formats)
	o.verdict.addPartialFlag(cmd)
	o.by.allowed = []string{"auto", string(report.ByWorkload), string(report.ByNamespace)}
	addEnum(cmd, cmd.Flags(), &o.by, "by", "", "what the parties are; auto is workload, or namespace when there are many")
}

// manyWorkloads is how many workloads make a matrix one of namespaces.
const manyWorkloads = 50

func (o *matrixOptions) run(ctx context.Context, env *Env, args []string) error {
	view, err := o.global.read(ctx, env, args)
	if err != nil {
		return err
	}
	classes := slices.Collect(handshake.New(view.snapshot).Classes(handshake.Query{Either: view.found.scope().In}))
	edges := handshake.ByWorkload(classes)
	by := report.By(o.by.value)
	if o.by.value == "auto" {
		by = report.ByWorkload
		if report.WorkloadsOf(edges) > manyWorkloads {
			by = report.ByNamespace
		}
	}
	m := report.NewMatrix(view.snapshot, edges, by)
	err = o.output.write(env, o.global.style(env), func(w io.Writer, style report.Style) error { return o.render(m, w, style) })
	if err != nil {
		return err
	}
	return o.verdict.edges(oneOfEach(classes), view, false)
}

// oneOfEach are edges that stand for all: the members of a class have one verdict.
func oneOfEach(classes []*handshake.Class) []*handshake.Edge {
	out := make([]*handshake.Edge, 0, len(classes))
	for _, c := range classes {
		out = append(out, c.Edge)
	}
	return out
}
