package score

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Product is the program under test, which sees the mesh as a user with its rights does.
type Product struct{ Program, Kubeconfig string }

// The product's exit codes that are not failures: findings, and evidence that is missing.
const (
	exitFindings   = 3
	exitIncomplete = 4
)

// Edge is one line of `edges -o json`.
type Edge struct {
	Client struct{ Namespace, Pod, Workload string }
	Server struct {
		Host, Subset, Pod string
		Port              int
	}
	Verdict, Reason, Why string
}

// Finding is one of a report.
type Finding struct {
	Code, Severity, Field, Title string
	Subject                      struct{ Kind, Namespace, Name string }
	CausedBy                     *struct{ Code string } // nil for a root cause
}

// Name is the subject as scenarios write it.
func (f Finding) Name() string {
	if f.Subject.Namespace == "" {
		return f.Subject.Kind + " " + f.Subject.Name
	}
	return f.Subject.Kind + " " + f.Subject.Namespace + "/" + f.Subject.Name
}

// Edges are those of the live mesh, or with more arguments (--from) of something else.
func (p Product) Edges(ctx context.Context, args ...string) ([]Edge, error) {
	text, err := p.run(ctx, append([]string{"edges", "-A", "-o", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var list struct{ Edges []Edge }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read the edges: %w", err)
	}
	return list.Edges, nil
}

// Report is the report, as it is.
func (p Product) Report(ctx context.Context, args ...string) ([]byte, error) {
	return p.run(ctx, append([]string{"-A", "-o", "json"}, args...)...)
}

// Capture writes a bundle into a folder that does not exist yet.
func (p Product) Capture(ctx context.Context, dir string) error {
	_, err := p.run(ctx, "capture", "-A", "-f", dir+"/")
	return err
}

func findings(report []byte) ([]Finding, error) {
	var r struct{ Findings []Finding }
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return r.Findings, nil
}

// run runs the product; the cluster is the lab's unless the arguments say otherwise.
func (p Product) run(ctx context.Context, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+p.Kubeconfig)
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == exitFindings || exit.ExitCode() == exitIncomplete) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.Bytes(), nil
}
