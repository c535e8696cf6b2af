package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/build"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/instance"
)

func basics() []Command {
	return []Command{
		{"build", "", "build or fetch what the lab runs", runBuild},
		{"up", "", "build, start, print the path of the kubeconfig", runUp},
		{"down", "", "end the lab and leave nothing behind", runDown},
		{"status", "", "is it up?", runStatus},
		{"pods", "", "the pods as they run", runPods},
		{"shell", "", "a shell in the lab's network, KUBECONFIG set", runShell},
		{"exec", "PROGRAM [ARG…]", "a program in the lab's network, KUBECONFIG set", runExec},
	}
}

func runBuild(ctx context.Context, e Env, _ []string) error {
	return build.Builder{Source: e.Source, Dir: e.Dir, Log: e.Err}.All(ctx)
}

func runUp(ctx context.Context, e Env, args []string) error {
	if err := instance.NeedRoot(); err != nil {
		return err
	}
	if err := runBuild(ctx, e, args); err != nil {
		return err
	}
	rbac := filepath.Join(filepath.Dir(e.Source), "deploy", "rbac.yaml")
	if err := instance.Up(ctx, e.Dir, rbac, e.Err); err != nil {
		return err
	}
	fmt.Fprintln(e.Err, "lab: ready; use it by `lab shell` or `lab exec kubectl get pods -A`")
	fmt.Fprintln(e.Out, e.Dir.Kubeconfig())
	return nil
}

func runDown(_ context.Context, e Env, _ []string) error { return instance.Down(e.Dir) }

func runStatus(ctx context.Context, e Env, _ []string) error {
	s, err := instance.Load(e.Dir)
	if err != nil {
		return err
	}
	phase, err := e.Client().Phase(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%s (process %d, folder %s)\n", phase, s.PID, e.Dir)
	return nil
}

func runPods(ctx context.Context, e Env, _ []string) error {
	pods, err := e.Client().Pods(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POD\tWORKLOAD\tIP\tREADY\tCONTAINERS")
	for _, p := range pods {
		var containers []string
		for _, c := range p.Containers {
			state := "stopped"
			if c.Running {
				state = "running"
			}
			containers = append(containers, c.Name+"="+state)
		}
		fmt.Fprintf(w, "%s/%s\t%s\t%s\t%t\t%s\n", p.Namespace, p.Name, p.Workload, p.IP, p.Ready, strings.Join(containers, " "))
	}
	return w.Flush()
}

func runShell(_ context.Context, e Env, _ []string) error {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	return instance.Exec(e.Dir, []string{shell}, "PS1=(lab) $ ")
}

func runExec(_ context.Context, e Env, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: lab exec PROGRAM [ARG…]")
	}
	return instance.Exec(e.Dir, args)
}
