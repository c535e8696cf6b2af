// Package heal proves the product's fixes: it takes the first fix of the finding that names a
// scenario's cause, with all of its parts, applies it to the live mesh as a user would paste it, and
// makes every call again.
package heal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/score"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

// patience is for one fix: none waits for anything, and one that asks a person waits for ever.
const patience = time.Minute

// Healer heals scenarios, one after the other.
type Healer struct {
	Runner  *truth.Runner
	Product score.Product
	// Path is PATH for the commands of a fix, with a kubectl; Kubeconfig is that of a user who may write.
	Path, Kubeconfig string
}

// Healing is what came of one scenario.
type Healing struct {
	Scenario string
	Fix      string
	// ByHand is why a person has to decide or act; nothing was applied then.
	ByHand string
	// Mended counts the calls that the finding said were broken and that work now.
	Mended int
	// Wrong is what the fix did not mend, or broke.
	Wrong []string
}

// finding is what is needed of one of the report's.
type finding struct {
	score.Finding
	Affects []affected
	Fixes   []fix
}

// fix is a remedy, or with Also a part of the one before it.
type fix struct {
	Title, Risk, Command, Manifest string
	Also                           bool
}

type affected struct {
	Client, Server *struct{ Namespace, Name string }
	Host           string
	Port           int
	Verdict        string
}

// Heal applies the first fix of a report to a scenario that runs, whose calls ended as in before, and looks again. Without
// a report it asks for one; of calls that ended seconds ago proxies may have forgotten what a finding rests on. It leaves
// the mesh as the fix made it.
func (h Healer) Heal(ctx context.Context, s scenario.Scenario, before truth.Truth, report []byte) (r Healing, err error) {
	r.Scenario = s.Name
	if report == nil {
		if report, err = h.Product.Report(ctx); err != nil {
			return r, err
		}
	}
	found, err := causes(report, *s.Expect.Cause)
	if err != nil {
		return r, err
	}
	if len(found) == 0 || len(found[0].Fixes) == 0 {
		r.Wrong = append(r.Wrong, "no finding names the cause and has a fix")
		return r, nil
	}
	first := found[0].first()
	r.Fix = joined(first, " and ", func(f fix) string { return f.Title })
	if r.ByHand = s.ByHand; r.ByHand != "" {
		return r, nil
	}
	h.Runner.Changed()
	undo, err := h.apply(ctx, first)
	defer func() { err = errors.Join(err, last(ctx, undo)) }()
	if err != nil {
		r.Wrong = append(r.Wrong, err.Error())
		return r, nil
	}
	after, err := h.Runner.Again(ctx, s)
	if err != nil {
		return r, err
	}
	var shutsOut scenario.ShutsOut
	if s.ShutsOut != nil {
		shutsOut = *s.ShutsOut
	}
	r.Mended, r.Wrong = compare(before, after, found[0].Affects, shutsOut.Callers)
	for _, doubt := range slices.Concat(before.Instrument.Doubts, after.Instrument.Doubts) {
		r.Wrong = append(r.Wrong, "instrument: "+doubt)
	}
	if risk := joined(first, "; ", func(f fix) string { return f.Risk }); !strings.Contains(risk, shutsOut.Said) {
		r.Wrong = append(r.Wrong, fmt.Sprintf("the risk does not say %q: %s", shutsOut.Said, risk))
	}
	if report, err = h.Product.Report(ctx); err != nil {
		return r, err
	}
	left, err := causes(report, *s.Expect.Cause)
	for _, f := range left {
		if f.Code == found[0].Code && f.Field == found[0].Field {
			r.Wrong = append(r.Wrong, "the finding is still there: "+f.Title)
		}
	}
	return r, err
}

// last runs what has to be done even when the run was interrupted.
func last(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return f(ctx)
}

// causes are the findings of a report that name the scenario's cause.
func causes(text []byte, cause scenario.Finding) ([]finding, error) {
	var report struct{ Findings []finding }
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return slices.DeleteFunc(report.Findings, func(f finding) bool { return !f.Is(cause) }), nil
}

// first is the first fix with all of its parts: those before the next one that stands instead of it.
func (f finding) first() []fix {
	next := slices.IndexFunc(f.Fixes[1:], func(x fix) bool { return !x.Also })
	if next < 0 {
		return f.Fixes
	}
	return f.Fixes[:next+1]
}

// joined is what the parts of a fix say.
func joined(parts []fix, by string, said func(fix) string) string {
	var all []string
	for _, f := range parts {
		all = append(all, said(f))
	}
	return strings.Join(all, by)
}

// apply pastes the parts of a fix into a shell. undo removes what manifests added.
func (h Healer) apply(ctx context.Context, parts []fix) (undo func(context.Context) error, err error) {
	undo = func(ctx context.Context) (err error) {
		for _, f := range parts {
			if f.Manifest != "" {
				err = errors.Join(err, h.shell(ctx, "kubectl delete --ignore-not-found -f -", f.Manifest))
			}
		}
		return err
	}
	for _, f := range parts {
		if f.Manifest != "" {
			if err := h.shell(ctx, "kubectl apply -f -", f.Manifest); err != nil {
				return undo, err
			}
		}
		if f.Command != "" {
			if err := h.shell(ctx, f.Command, ""); err != nil {
				return undo, err
			}
		}
	}
	return undo, nil
}

func (h Healer) shell(ctx context.Context, command, input string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "lab-heal-") // for what the command saves
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, "sh", "-ec", command)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what the shell has started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Stdin = strings.NewReader(input)
	// A fix for an editor is one for a person: it fails here, and does not wait for a hand.
	cmd.Env = append(cmd.Environ(), "PATH="+h.Path, "KUBECONFIG="+h.Kubeconfig, "KUBE_EDITOR=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return nil
}

// compare says what the fix did: calls that the finding called broken have to work, and those
// that worked still have to. A call to a pod that is new counts for its workload.
func compare(before, after truth.Truth, said []affected, shutsOut []string) (mended int, wrong []string) {
	out := map[string]bool{}
	for _, p := range before.Pairs {
		q, ok := worst(after.Pairs, p)
		broken := slices.ContainsFunc(said, func(a affected) bool { return a.is(p) })
		switch {
		case !ok:
			wrong = append(wrong, "no longer called: "+p.String())
		case p.OK && !q.OK && slices.Contains(shutsOut, p.From.Namespace+"/"+p.From.Workload):
			out[p.From.Namespace+"/"+p.From.Workload] = true
		case p.OK && !q.OK:
			wrong = append(wrong, "broken by the fix: "+p.String()+": "+q.Error)
		case !p.OK && broken && !q.OK:
			wrong = append(wrong, "not mended: "+p.String()+": "+q.Error)
		case !p.OK && broken:
			mended++
		}
	}
	for _, name := range shutsOut {
		if !out[name] {
			wrong = append(wrong, "not shut out, as the scenario says: "+name)
		}
	}
	if mended == 0 && len(wrong) == 0 && slices.ContainsFunc(said, affected.broken) {
		wrong = append(wrong, "nothing that the finding calls broken failed before: the fix proves nothing")
	}
	return mended, wrong
}

// worst is the call like p that fares worst: to the same endpoint where both say which it was.
func worst(pairs []truth.Pair, p truth.Pair) (q truth.Pair, ok bool) {
	for _, x := range pairs {
		same := x.From.Namespace == p.From.Namespace && x.From.Workload == p.From.Workload && x.Protocol == p.Protocol &&
			x.To.Host == p.To.Host && x.To.Port == p.To.Port && x.To.Subset == p.To.Subset
		elsewhere := p.To.Workload != "" && x.To.Workload != "" && p.To.Workload != x.To.Workload
		if same && !elsewhere && (!ok || !x.OK) {
			q, ok = x, true
		}
	}
	return q, ok
}

func (a affected) broken() bool { return a.Verdict == "fails" || a.Verdict == "denied" }

// is reports whether a call is one of those that a finding says are broken.
func (a affected) is(p truth.Pair) bool {
	client := a.Client != nil && a.Client.Namespace == p.From.Namespace && a.Client.Name == p.From.Workload
	server := p.To.Workload == "" || a.Server == nil || a.Server.Name == p.To.Workload
	return a.broken() && client && server && a.Host == p.To.Host && a.Port == p.To.Port
}
