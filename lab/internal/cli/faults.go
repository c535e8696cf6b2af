package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/build"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/fault"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/instance"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
)

func faults() []Command {
	return []Command{
		{"apply", "FILE…", "apply manifests and wait until the mesh has converged", runApply},
		{"converge", "[except POD…]", "wait until the proxies have answered and nothing moves", runConverge},
		{"reset", "", "remove all Istio configuration and all namespaces but the system's", runReset},
		{"fault", "break|mend FAULT POD", "break a proxy, or mend it: " + faultNames(), runFault},
		{"mesh-config", "[KEY=VALUE…]", "Istio's mesh config as installed, with these fields on top (YAML values)", runMeshConfig},
		{"istiod-env", "NAME=VALUE…", "set variables of istiod; an empty value removes one", runIstiodEnv},
		{"rotate-ca", "NAME", "a new root for the mesh; proxies that run keep theirs", runRotateCA},
		{"revision", "NAME", "install a second control plane", runRevision},
		{"cut", "POD…", "end the pods' connections, but those to istiod: pooled ones survive a change of policy", runCut},
		{"admin", "POD PATH", "ask a proxy's admin port, without port-forward", runAdmin},
		{"as", "POD PROGRAM [ARG…]", "run a program as the pod's application would", runAs},
	}
}

func faultNames() string {
	var names []string
	for _, f := range fault.All() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// OpenMesh enters the lab's network (see instance.Enter) and opens its clients.
func OpenMesh(e Env) (mesh.Mesh, error) {
	if err := instance.Enter(e.Dir); err != nil {
		return mesh.Mesh{}, err
	}
	client, err := kube.Open(e.Dir.Kubeconfig())
	return mesh.Mesh{Kube: client, Lab: e.Client()}, err
}

func runApply(ctx context.Context, e Env, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: lab apply FILE…")
	}
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	for _, name := range args {
		objects, err := readManifests(name)
		if err != nil {
			return err
		}
		if err := m.Kube.Apply(ctx, objects...); err != nil {
			return err
		}
	}
	return converge(ctx, e, m)
}

func readManifests(name string) ([]*unstructured.Unstructured, error) {
	if name == "-" {
		return kube.Parse(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return kube.Parse(f)
}

func runConverge(ctx context.Context, e Env, args []string) error {
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	return converge(ctx, e, m, args...)
}

func converge(ctx context.Context, e Env, m mesh.Mesh, except ...string) error {
	state, err := m.Converge(ctx, except...)
	if err != nil {
		return err
	}
	for _, u := range state.Unacked {
		fmt.Fprintf(e.Out, "%s has not accepted %s: %s\n", u.Proxy, u.Type, u.Error)
	}
	fmt.Fprintf(e.Out, "converged: %d proxies\n", len(state.Proxies))
	return nil
}

func runReset(ctx context.Context, e Env, _ []string) error {
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	if err := m.Reset(ctx, e.Dir.Share("istio.yaml")); err != nil {
		return err
	}
	return converge(ctx, e, m)
}

func runFault(ctx context.Context, e Env, args []string) error {
	if len(args) != 3 || args[0] != "break" && args[0] != "mend" {
		return fmt.Errorf("usage: lab fault break|mend FAULT POD")
	}
	f, err := fault.Find(args[1])
	if err != nil {
		return err
	}
	pod, err := e.Client().Pod(ctx, args[2])
	if err != nil {
		return err
	}
	if args[0] == "mend" {
		return f.Mend(ctx, e.Client(), pod)
	}
	return f.Break(ctx, e.Client(), pod)
}

func runCut(ctx context.Context, e Env, args []string) error {
	for _, name := range args {
		pod, err := e.Client().Pod(ctx, name)
		if err != nil {
			return err
		}
		if err := e.Client().Cut(ctx, pod, fault.XDSPort); err != nil {
			return err
		}
	}
	return nil
}

func runMeshConfig(ctx context.Context, e Env, args []string) error {
	extra := map[string]any{}
	for _, a := range args {
		key, text, ok := strings.Cut(a, "=")
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil || !ok {
			return fmt.Errorf("%q: want KEY=VALUE, VALUE in YAML", a)
		}
		extra[key] = value
	}
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	return m.SetMeshConfig(ctx, e.Dir.Share("istio.yaml"), extra)
}

func runIstiodEnv(ctx context.Context, e Env, args []string) error {
	variables := map[string]string{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("%q: want NAME=VALUE", a)
		}
		variables[name] = value
	}
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	return m.SetIstiodEnv(ctx, variables)
}

func runRotateCA(ctx context.Context, e Env, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: lab rotate-ca NAME")
	}
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	return m.RotateCA(ctx, args[0])
}

func runRevision(ctx context.Context, e Env, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: lab revision NAME")
	}
	m, err := OpenMesh(e)
	if err != nil {
		return err
	}
	manifests, err := build.Builder{Source: e.Source, Dir: e.Dir, Log: e.Err}.Manifests(ctx, args[0])
	if err != nil {
		return err
	}
	return mesh.InstallRevision(ctx, m.Kube, manifests, args[0])
}

func runAdmin(ctx context.Context, e Env, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: lab admin POD PATH")
	}
	pod, err := e.Client().Pod(ctx, args[0])
	if err != nil {
		return err
	}
	text, err := e.Client().Get(ctx, pod, 15000, args[1])
	if err != nil {
		return err
	}
	_, err = e.Out.Write(text)
	return err
}

func runAs(ctx context.Context, e Env, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: lab as POD PROGRAM [ARG…]")
	}
	pod, err := e.Client().Pod(ctx, args[0])
	if err != nil {
		return err
	}
	done, err := e.Client().AsApp(ctx, pod, nil, args[1:]...)
	if err != nil {
		return err
	}
	_, _ = e.Out.Write(done.Stdout)
	_, _ = e.Err.Write(done.Stderr)
	if done.Code != 0 {
		return fmt.Errorf("%s ended with code %d", args[1], done.Code)
	}
	return nil
}
