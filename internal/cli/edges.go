package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// edgesOptions are the flags of `edges`.
type edgesOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions
	to      string
	fromPod string
	only    []string
}

func newEdgesCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &edgesOptions{global: global}
	cmd := &cobra.Command{
		Use:   "edges [TARGET…]",
		Short: "Who can call whom, and how: every connection with its verdict",
		Long: `Replays the handshake of every connection that a pod in scope can make or take: each client
pod to each host, port and endpoint. The verdict is mTLS, plaintext, appTLS (the application's
own TLS end to end), tls (by the client's proxy alone), denied, fails or unknown.

The table folds the replicas of a workload; -o wide has a line for each pair of pods and says
why. Exit code 4: a verdict between pods, or about --to, is unknown, or there are no pods in
scope.`,
		Example: examples(env.Program, `
			# everything that a workload can call or be called by
			PROGRAM edges deploy/checkout
			# what does not get through, in the whole mesh
			PROGRAM edges -A --only fails,denied
			# any destination, in the registry or not
			PROGRAM edges --to 10.0.3.7:8080 --from-pod shop/cart-7f9c-x2x4l`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), env, args)
		},
		ValidArgsFunction: completeTargets,
	}
	o.output.addFlags(cmd, report.EdgeFormats())
	o.verdict.addPartialFlag(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "only to `HOST|IP[:PORT]`, which need not be in the registry")
	cmd.Flags().StringVar(&o.fromPod, "from-pod", "", "only from the pod `NAMESPACE/POD`")
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "only connections of these `VERDICTS`; the exit code is that of all")
	if err := cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(verdictWords(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		cmd.PrintErrln(err) // only for a flag that is not there, and it was just added
	}
	return cmd
}

func (o *edgesOptions) run(ctx context.Context, env *Env, args []string) error {
	client, err := parsePodKey(o.fromPod)
	if err != nil {
		return err
	}
	wanted, err := o.wanted()
	if err != nil {
		return err
	}
	view, err := o.global.read(ctx, env, args)
	if err != nil {
		return err
	}
	q := handshake.Query{Either: view.found.scope().In}
	if o.fromPod != "" {
		if view.snapshot.Pod(client) == nil {
			return podNotFound(view.snapshot, client)
		}
		q.Client = func(p *mesh.Pod) bool { return p.Key() == client }
	}
	edges, err := replay(view, o.to, q)
	if err != nil {
		return err
	}
	err = o.output.write(env, o.global.style(env), func(w io.Writer, style report.Style) error {
		return report.RenderEdges(w, view.snapshot, edges, style, wanted...)
	})
	if err != nil {
		return err
	}
	return o.verdict.edges(edges, view, o.to != "")
}

// wanted are the verdicts that the user asked for; none is all.
func (o *edgesOptions) wanted() ([]handshake.Verdict, error) {
	known := verdictWords()
	var out []handshake.Verdict
	for _, word := range o.only {
		i := slices.IndexFunc(known, func(w string) bool { return strings.EqualFold(word, w) })
		if i < 0 {
			return nil, usageError("for example --only fails,denied", "--only: %q is none of %s", word, strings.Join(known, ", "))
		}
		out = append(out, handshake.Verdict(known[i]))
	}
	return out, nil
}

// verdictWords are all verdicts.
func verdictWords() []string {
	var out []string
	for _, t := range report.Terms() {
		if t.Kind == report.VerdictTerm {
			out = append(out, t.Word)
		}
	}
	return out
}

// replay replays the connections to a destination, or to all of the registry for "".
func replay(v *view, to string, q handshake.Query) ([]*handshake.Edge, error) {
	engine := handshake.New(v.snapshot)
	if to == "" {
		return engine.Edges(q), nil
	}
	t, err := parseTo(v, to)
	if err != nil {
		return nil, err
	}
	q.Client = resolving(v.snapshot, t.Name, q.Client)
	return engine.EdgesTo(t, q), nil
}

func parsePodKey(word string) (kube.Key, error) {
	namespace, name, ok := strings.Cut(strings.TrimPrefix(word, "pod/"), "/")
	if word != "" && (!ok || namespace == "" || name == "" || strings.Contains(name, "/")) {
		return kube.Key{}, usageError("write --from-pod NAMESPACE/POD", "--from-pod: %q is not a pod", word)
	}
	return kube.Key{Namespace: namespace, Name: name}, nil
}

func podNotFound(s *mesh.Snapshot, k kube.Key) error {
	if err := namespaceExists(s, k.Namespace); err != nil {
		return err
	}
	return target{word: "pod/" + k.Name, kind: "Pod", name: k.Name}.notFound(s, []string{k.Namespace})
}
