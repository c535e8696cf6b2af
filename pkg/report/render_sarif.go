package report

import (
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The types of SARIF 2.1.0 that are used (OASIS standard, section 3).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool            `json:"tool"`
		Bases       map[string]sarifBase `json:"originalUriBaseIds,omitempty"`
		Invocations []sarifInvocation    `json:"invocations"`
		Results     []sarifResult        `json:"results"`
	}
	sarifBase struct {
		Description sarifMessage `json:"description"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		Name             string       `json:"name,omitempty"`
		ShortDescription sarifMessage `json:"shortDescription"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		EndTime       *time.Time          `json:"endTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifMessage      `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Baseline     string            `json:"baselineState,omitempty"`
		Suppressions []sarifSuppressed `json:"suppressions,omitempty"`
		Properties   map[string]any    `json:"properties"`
	}
	sarifSuppressed struct {
		Kind          string `json:"kind"` // inSource or external
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Full string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

// inCluster is the base of the places of findings that no file holds: resources, as NAMESPACE/KIND/NAME. A base without a
// URI says that nobody can open it (section 3.14.14). Without an artifact and a line GitHub refuses the whole file
// (github/codeql-action issues 1738 and 2459).
const inCluster = "CLUSTER"

const inClusterMeans = "Resources of the cluster, as NAMESPACE/KIND/NAME, and no files. --manifests DIR finds the file and line of those that people keep in files."

const projectURL = "https://github.com/mtls-doctor/kubectl-mtls-doctor"

// writeSARIF writes the findings for code scanning. What could not be seen, and connections that
// no finding explains, are notifications of the run.
func writeSARIF(w io.Writer, r *Report, style Style) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "mtls-doctor", InformationURI: projectURL, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{r.sarifInvocation(style)},
		Results:     []sarifResult{},
	}
	rules := map[string]int{}
	rule := func(code, name, title string) int {
		i, known := rules[code]
		if !known {
			i = len(rules)
			rules[code] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{Clean(code), Clean(name), sarifMessage{sarifText(title)}})
		}
		return i
	}
	for _, o := range r.Coverage.Checks {
		rule(o.Code, o.Name, o.Title)
	}
	add := func(f *Finding, suppressions ...sarifSuppressed) {
		result := f.sarif(rule(f.Code, f.Name, f.Title))
		result.Suppressions = suppressions
		switch {
		case f.Known:
			result.Baseline = "unchanged"
		case r.Baseline != nil:
			result.Baseline = "new"
		}
		run.Results = append(run.Results, result)
	}
	for i := range r.Findings {
		add(&r.Findings[i])
	}
	for _, x := range r.suppressed() {
		add(&x.Finding, x.sarif())
	}
	if slices.ContainsFunc(run.Results, func(x sarifResult) bool { return x.Locations[0].Physical.Artifact.Base == inCluster }) {
		run.Bases = map[string]sarifBase{inCluster: {sarifMessage{inClusterMeans}}}
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}, style)
}

func (r *Report) sarifInvocation(style Style) sarifInvocation {
	v := sarifInvocation{Successful: true, Notifications: []sarifNotification{}}
	if !r.CapturedAt.IsZero() {
		v.EndTime = &r.CapturedAt
	}
	tell := func(level, text string) {
		v.Notifications = append(v.Notifications, sarifNotification{level, sarifMessage{sarifText(text)}})
	}
	tell("note", r.Sentence())
	if len(r.Unexplained) > 0 {
		tell("warning", r.unexplainedText(style))
	}
	for _, u := range r.unseen() {
		tell("warning", u.sentence(0))
	}
	return v
}

func (f *Finding) sarif(rule int) sarifResult {
	ref := f.Subject
	title := f.Title
	if len(f.Fixes) > 0 {
		title += ". Fix: " + f.Fixes[0].Title
	}
	at := sarifPhysical{sarifArtifact{sarifURI(ref.Namespace, ref.Kind, ref.Name), inCluster}, sarifRegion{1}}
	if f.Location != nil {
		at = f.Location.sarif()
	}
	return sarifResult{
		RuleID: Clean(f.Code), RuleIndex: rule, Level: sarifLevel(f.Severity), Message: sarifMessage{sarifText(title)},
		Locations: []sarifLocation{{
			Physical: at,
			Logical:  []sarifLogical{{Name: Clean(ref.Name), Full: Clean(ref.String()), Kind: "resource"}},
		}},
		Fingerprints: map[string]string{"mtlsDoctor/v1": f.Fingerprint},
		Properties:   f.sarifProperties(),
	}
}

// sarif is what SARIF says of a finding that does not count (section 3.35).
func (x *SuppressedFinding) sarif() sarifSuppressed {
	kind := "external"
	if x.Annotated {
		kind = "inSource"
	}
	return sarifSuppressed{kind, "accepted", x.why()}
}

// sarifProperties holds what SARIF has no field for.
func (f *Finding) sarifProperties() map[string]any {
	var evidence, fixes []string
	for _, x := range f.Evidence {
		evidence = append(evidence, Clean(string(x.Layer)+" "+x.Source+": "+x.Value))
	}
	for _, x := range f.Fixes {
		fixes = append(fixes, cleanText(cmp.Or(x.Command, x.Title)))
	}
	return map[string]any{"field": Clean(f.Field), "evidence": list(evidence), "fixes": list(fixes)}
}

func sarifLevel(severity string) string {
	if severity == "info" {
		return "note"
	}
	return severity
}

// sarifURI is a relative reference (RFC 3986) of these parts.
func sarifURI(parts ...string) string {
	var escaped []string
	for _, p := range parts {
		if p != "" {
			escaped = append(escaped, url.PathEscape(p))
		}
	}
	return strings.Join(escaped, "/")
}

// sarifText is a message in which nothing is a link, "[text](target)" (section 3.11.6).
func sarifText(s string) string {
	s = cleanText(s)
	if strings.Contains(s, "](") {
		return strings.NewReplacer(`[`, `\[`, `]`, `\]`).Replace(s)
	}
	return s
}
