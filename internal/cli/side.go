package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// side is one side of a comparison, with what went wrong while it was read.
type side struct {
	report.Side
	timeout error
	absent  error // why nothing of what was asked about is there; nil mostly
	// evidence tells what was read for the comparison from a document that was written before.
	evidence bool
}

// note says that nothing of what was asked about is on a side.
func (o *globalOptions) note(env *Env, s *side) {
	if s.absent != nil && !o.evidence.quiet {
		fmt.Fprintf(env.Err, "%s: %v; it counts as empty\n", s.Name, s.absent)
	}
}

// sideOptions say what of the evidence of a side is asked about.
type sideOptions struct {
	global  globalOptions
	targets []string
	to      string
	// suppressions are those of a file; what resources say themselves holds without them.
	suppressions []report.Suppression
}

// limitTo asks about what a report was about.
func (o *sideOptions) limitTo(s report.Scope) {
	o.global.scope = scopeOptions{selector: s.Selector, revision: s.Revision}
	o.targets, o.to = s.Targets, s.To
	switch {
	case len(s.Targets) == 0 && len(s.Namespaces) == 0:
		o.global.scope.all = true
	case len(s.Targets) == 0:
		for _, ns := range s.Namespaces {
			o.targets = append(o.targets, "ns/"+ns)
		}
	case len(s.Namespaces) == 1:
		o.global.evidence.overrides.Context.Namespace = s.Namespaces[0]
	}
}

// evidence reads what --from takes at a path, or the cluster for "". Where the one thing that was asked
// about is not in evidence that was read in full, the side is empty and absent says so: it may be new, or gone.
func (o *sideOptions) evidence(ctx context.Context, env *Env, path string) (*side, error) {
	o.global.evidence.from = path
	v, absent := o.global.read(ctx, env, o.targets)
	if absent != nil && (v == nil || !errors.Is(absent, errAbsent) || len(o.targets) > 1 || v.timeout != nil || len(report.Unlisted(v.snapshot)) > 0) {
		return nil, absent
	}
	if err := noMesh(v.snapshot, o.global.evidence.istioNamespace); err != nil {
		return nil, err
	}
	job := reportOptions{global: &o.global, to: o.to}
	r, edges, err := job.build(v, env.Checks)
	if err != nil {
		return nil, err
	}
	r.Suppress(o.suppressions)
	s := &side{Side: report.Side{Report: r}, timeout: v.timeout, absent: absent, evidence: true}
	s.Name = cmp.Or(path, "the cluster")
	if absent != nil {
		r.Lacks(absent.Error())
	}
	s.list(report.Edges(v.snapshot, edges))
	return s, nil
}

// readDocument reads what -o json or -o yaml wrote. It returns nil for something else, such as a
// capture, or nothing: whoever reads evidence there says what is wrong with it.
func readDocument(env *Env, path string) (*side, error) {
	var content []byte
	var err error
	if path == "-" {
		content, err = io.ReadAll(env.In)
		env.In = bytes.NewReader(content)
	} else if content, err = head(path); err == nil && isDocument(content) {
		content, err = os.ReadFile(path)
	}
	if err != nil || !isDocument(content) {
		return nil, err
	}
	return parseDocument(path, content)
}

// head is the beginning of a file; nothing of what is no file.
func head(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	return io.ReadAll(io.LimitReader(file, documentHead))
}

// documentHead is how much of a file tells what it is.
const documentHead = 512

// isDocument reports whether a text begins as a document of ours does.
func isDocument(text []byte) bool {
	head := bytes.TrimSpace(text[:min(len(text), documentHead)])
	return bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte(`"`+report.APIVersion+`"`)) || isYAML(head)
}

func isYAML(head []byte) bool { return bytes.HasPrefix(head, []byte("apiVersion: "+report.APIVersion)) }

func parseDocument(path string, content []byte) (*side, error) {
	if isYAML(content) {
		text, err := yaml.YAMLToJSON(content)
		if err != nil {
			return nil, brokenDocument(path, err)
		}
		content = text
	}
	var of struct{ Kind string }
	if err := json.Unmarshal(content, &of); err != nil {
		return nil, brokenDocument(path, err)
	}
	s := &side{}
	s.Name = path
	switch of.Kind {
	case "Report":
		s.Report = new(report.Report)
		if err := json.Unmarshal(content, s.Report); err != nil {
			return nil, brokenDocument(path, err)
		}
		return s, nil
	case "EdgeList":
		var l report.EdgeList
		if err := json.Unmarshal(content, &l); err != nil {
			return nil, brokenDocument(path, err)
		}
		if len(l.Only) > 0 {
			return nil, failed("write it without --only", "%s holds only some verdicts, and so nothing can be said of the rest", path)
		}
		s.list(&l)
		return s, nil
	}
	return nil, failed("a Report or an EdgeList can be compared, and what --from takes", "%s holds a %s", path, of.Kind)
}

// list makes a list of connections a part of the side.
func (s *side) list(l *report.EdgeList) {
	s.Edges, s.HasEdges, s.CapturedAt, s.Unlisted = l.Edges, true, l.CapturedAt, l.Unlisted
}

func brokenDocument(path string, err error) error {
	return failed("write it again with -o json", "%s is no whole document: %v", path, err)
}

// baselineOptions name an earlier report.
type baselineOptions struct{ path string }

func (o *baselineOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.path, "baseline", "", "findings of `PATH`, a report or what --from takes, are known and do not fail the run")
}

// read reads the baseline, nil for none. Of a capture it is about what the run is about, and suppresses what the
// run does, by the day of the capture.
func (o *baselineOptions) read(ctx context.Context, env *Env, of *sideOptions) (*report.Report, error) {
	if o.path == "" {
		return nil, nil
	}
	s, err := readDocument(env, o.path)
	if err == nil && s == nil {
		if s, err = of.evidence(ctx, env, o.path); err == nil {
			of.global.note(env, s)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case s.Report == nil:
		return nil, usageError("a report: -o json -f FILE writes it", "the baseline %s holds no findings", o.path)
	}
	return s.Report, nil
}
