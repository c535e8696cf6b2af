package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// sheet writes rows of cells as CSV (RFC 4180).
type sheet struct {
	w     *csv.Writer
	width int
}

func newSheet(w io.Writer, style Style, header ...string) (sheet, error) {
	s := sheet{csv.NewWriter(w), len(header)}
	if style.NoHeaders {
		return s, nil
	}
	return s, s.w.Write(header)
}

// row writes a row; cells that are not given are empty. Texts are made safe for spreadsheets,
// which run what begins like a formula (CWE-1236).
func (s sheet) row(cells ...any) error {
	record := make([]string, s.width)
	for i, c := range cells {
		record[i] = plainCell(fmt.Sprint(c))
	}
	return s.w.Write(record)
}

func (s sheet) close() error {
	s.w.Flush()
	return s.w.Error()
}

func plainCell(s string) string {
	s = Clean(s)
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// writeResources is the table of workloads, and of other resources that findings blame: "blamed"
// are the findings that blame the row's resource, "findings" all that name it, "suppressed" those that
// blame it and do not count.
func writeResources(w io.Writer, r *Report, style Style) error {
	out, err := newSheet(w, style,
		"namespace", "kind", "name", "health", "blamed", "findings", "suppressed", "proxy", "pods_read", "pods", "policy", "policy_from", "enforced",
		"in", "in_mtls", "in_plaintext", "in_tls", "in_fails", "in_unknown", "in_nowhere",
		"out", "out_mtls", "out_plaintext", "out_tls", "out_fails", "out_unknown", "out_nowhere",
		"identity", "certificate_ends")
	if err != nil {
		return err
	}
	accepted := make([]Finding, 0, len(r.suppressed()))
	for _, x := range r.suppressed() {
		accepted = append(accepted, x.Finding)
	}
	blamed, suppressed := codesBySubject(r.Findings), codesBySubject(accepted)
	told := map[kube.Ref]bool{}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		told[w.Ref] = true
		if err := out.workload(w, blamed[w.Ref], suppressed[w.Ref]); err != nil {
			return err
		}
	}
	for _, f := range slices.Concat(r.Findings, accepted) {
		if told[f.Subject] {
			continue
		}
		told[f.Subject] = true
		if err := out.resource(&f, blamed[f.Subject], suppressed[f.Subject]); err != nil {
			return err
		}
	}
	return out.close()
}

// codesBySubject lists the codes of the findings that blame a resource.
func codesBySubject(findings []Finding) map[kube.Ref][]string {
	codes := map[kube.Ref][]string{}
	for _, f := range findings {
		codes[f.Subject] = appendNew(codes[f.Subject], f.Code)
	}
	return codes
}

// resource is the row of what is no workload in scope; f is the first finding that blames it.
func (s sheet) resource(f *Finding, blamed, suppressed []string) error {
	words := func(codes []string) string { return strings.Join(codes, " ") }
	return s.row(f.Subject.Namespace, f.Subject.Kind, f.Subject.Name, healthOf(f.Severity),
		words(blamed), words(slices.Concat(blamed, suppressed)), words(suppressed))
}

// healthOf is the state that a finding of a severity leaves its subject in.
func healthOf(severity string) Health {
	switch diagnose.Severity(severity) {
	case diagnose.Error:
		return Fail
	case diagnose.Warning:
		return Warn
	}
	return OK
}

func (s sheet) workload(w *Workload, blamed, suppressed []string) error {
	var named, enforced []string
	for _, f := range w.Findings {
		named = appendNew(named, f.Code)
	}
	for _, p := range w.Ports {
		enforced = append(enforced, strconv.Itoa(int(p.Port))+" "+cmp.Or(p.Enforced, "?"))
	}
	ends := ""
	if w.Certificate != nil {
		ends = w.Certificate.NotAfter.Format(time.RFC3339)
	}
	in, out := w.Inbound, w.Outbound
	return s.row(
		w.Ref.Namespace, w.Ref.Kind, w.Ref.Name, w.Health, strings.Join(blamed, " "), strings.Join(named, " "), strings.Join(suppressed, " "), w.Plane, w.Pods.Read, w.Pods.Total,
		w.Policy.Mode, w.Policy.From, strings.Join(enforced, ", "),
		in.Total, in.MTLS, in.Plaintext, in.TLS, in.Fails, in.Unknown, in.Unreachable,
		out.Total, out.MTLS, out.Plaintext, out.TLS, out.Fails, out.Unknown, out.Unreachable,
		w.Identity, ends)
}

// writeEdgeSheet is the table of connections, a row for each pair of a client pod and an endpoint.
func writeEdgeSheet(w io.Writer, c connections, style Style) error {
	out, err := newSheet(w, style,
		"client_namespace", "client_workload", "client_pod", "client_proxy", "host", "port", "subset",
		"server_namespace", "server_workload", "server_pod", "server_proxy", "address", "verdict", "reason", "why")
	if err != nil {
		return err
	}
	for _, x := range c.edges {
		e := edge(x)
		from, to := e.Client, e.Server
		if err := out.row(from.Namespace, from.Workload, from.Pod, from.Proxy, to.Host, to.Port, to.Subset,
			to.Namespace, to.Workload, to.Pod, to.Proxy, to.Address, e.Verdict, e.Reason, e.Why); err != nil {
			return err
		}
	}
	return out.close()
}
