package report

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// The fields that are used of the kinds Report and ClusterReport of openreports.io/v1alpha1
// (github.com/openreports/reports-api).
type (
	openList struct {
		APIVersion string        `json:"apiVersion"`
		Kind       string        `json:"kind"`
		Items      []*openReport `json:"items"`
	}
	openReport struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   openMeta     `json:"metadata"`
		Source     string       `json:"source"`
		Scope      *openRef     `json:"scope,omitempty"`
		Summary    openSummary  `json:"summary"`
		Results    []openResult `json:"results"`
	}
	openMeta struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace,omitempty"`
		Labels    map[string]string `json:"labels"`
	}
	openRef struct {
		APIVersion string `json:"apiVersion,omitempty"`
		Kind       string `json:"kind"`
		Namespace  string `json:"namespace,omitempty"`
		Name       string `json:"name"`
	}
	openSummary struct {
		Pass  int `json:"pass"`
		Fail  int `json:"fail"`
		Warn  int `json:"warn"`
		Error int `json:"error"`
		Skip  int `json:"skip"`
	}
	openResult struct {
		Policy     string            `json:"policy"`
		Rule       string            `json:"rule,omitempty"`
		Category   string            `json:"category"`
		Severity   string            `json:"severity,omitempty"`
		Result     string            `json:"result"`
		Scored     bool              `json:"scored"`
		Message    string            `json:"message"`
		Timestamp  *openTime         `json:"timestamp,omitempty"`
		Resources  []openRef         `json:"resources"`
		Properties map[string]string `json:"properties,omitempty"`
	}
	openTime struct {
		Seconds int64 `json:"seconds"`
		Nanos   int   `json:"nanos"`
	}
)

const openName = "mtls-doctor"

// writeOpenReports writes resources for `kubectl apply`: a Report for each namespace of a
// workload or of a blamed resource, and a ClusterReport for what is in no namespace. The
// workloads without a fault are in it too, so that a later run replaces what is mended by a pass.
func writeOpenReports(w io.Writer, r *Report, style Style) error {
	o := openReports{Report: r, byNamespace: map[string]*openReport{}}
	for _, f := range r.Findings {
		o.add(f.Subject, o.finding(f))
	}
	for _, x := range r.suppressed() {
		result := o.finding(x.Finding)
		result.Result, result.Scored, result.Message = "skip", false, "suppressed: "+x.why()+": "+result.Message
		o.add(x.Finding.Subject, result)
	}
	for i := range r.Workloads {
		o.workload(&r.Workloads[i])
	}
	slices.SortFunc(o.order, func(a, b *openReport) int { return cmp.Compare(a.Metadata.Namespace, b.Metadata.Namespace) })
	return writeYAML(w, openList{"v1", "List", list(o.order)}, style)
}

type openReports struct {
	*Report
	order       []*openReport
	byNamespace map[string]*openReport
}

func (o *openReports) of(namespace string) *openReport {
	if x := o.byNamespace[namespace]; x != nil {
		return x
	}
	x := &openReport{
		APIVersion: "openreports.io/v1alpha1", Kind: "ClusterReport", Source: openName, Results: []openResult{},
		Metadata: openMeta{Name: openName, Namespace: Clean(namespace), Labels: map[string]string{"app.kubernetes.io/managed-by": openName}},
	}
	if namespace != "" {
		x.Kind, x.Scope = "Report", &openRef{APIVersion: "v1", Kind: "Namespace", Name: Clean(namespace)}
	}
	o.byNamespace[namespace] = x
	o.order = append(o.order, x)
	return x
}

func (o *openReports) add(subject kube.Ref, x openResult) {
	in := o.of(homeOf(subject))
	x.Category = "mTLS"
	x.Resources = []openRef{{apiVersions[subject.Kind], Clean(subject.Kind), Clean(subject.Namespace), Clean(subject.Name)}}
	if !o.CapturedAt.IsZero() {
		x.Timestamp = &openTime{o.CapturedAt.Unix(), o.CapturedAt.Nanosecond()}
	}
	in.Results = append(in.Results, x)
	in.Summary.count(x.Result)
}

func (s *openSummary) count(result string) {
	switch result {
	case "pass":
		s.Pass++
	case "fail":
		s.Fail++
	case "warn":
		s.Warn++
	case "error":
		s.Error++
	default:
		s.Skip++
	}
}

// finding is a result that is not scored unless something fails: "warn" means that there.
func (o *openReports) finding(f Finding) openResult {
	x := openResult{Policy: Clean(f.Code), Rule: Clean(f.Name), Result: "warn", Message: Clean(f.Title)}
	switch healthOf(f.Severity) {
	case Fail:
		x.Severity, x.Result, x.Scored = "high", "fail", true
	case Warn:
		x.Severity = "medium"
	default:
		x.Severity = "info"
	}
	x.Properties = map[string]string{"fingerprint": f.Fingerprint}
	if f.Known {
		x.Properties["baseline"] = "known"
	}
	if f.Field != "" {
		x.Properties["field"] = Clean(f.Field)
	}
	if len(f.Fixes) > 0 {
		x.Properties["fix"] = cleanText(cmp.Or(f.Fixes[0].Command, f.Fixes[0].Title))
	}
	return x
}

// workload is the result of one that no finding makes worse than it is.
func (o *openReports) workload(w *Workload) {
	x := openResult{Policy: openName, Rule: "health"}
	switch w.Health {
	case OK:
		x.Result, x.Scored, x.Message = "pass", true, "mutual TLS is well"
	case UnknownHealth:
		x.Result, x.Message = "error", "could not be judged: "+Clean(unknownBecause(w))
	case NotApplicable:
		x.Result, x.Message = "skip", "it has no proxy"
	default: // its findings say it
		o.of(w.Ref.Namespace)
		return
	}
	if w.Certificate != nil {
		x.Properties = map[string]string{"certificateEnds": w.Certificate.NotAfter.Format(time.RFC3339)}
	}
	o.add(w.Ref, x)
}
