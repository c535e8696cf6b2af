package report

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// APIVersion is the version of every document of this package. Consumers must ignore fields
// that they do not know.
const APIVersion = "mtls-doctor.dev/v1alpha1"

// Report is the answer of the main command.
type Report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"` // Report
	// CapturedAt is the moment that the report speaks of; there is no other clock in it. It is
	// absent when the evidence does not tell.
	CapturedAt time.Time   `json:"capturedAt,omitzero"`
	Source     mesh.Source `json:"source"`
	Scope      Scope       `json:"scope"`
	Summary    Summary     `json:"summary"`
	Workloads  []Workload  `json:"workloads"`
	// EdgeSummary counts the connections in scope; `edges` lists them.
	EdgeSummary EdgeSummary `json:"edgeSummary"`
	// Calls are the connections to Scope.To; only a report that was narrowed to it has them.
	Calls    []Edge    `json:"calls,omitempty"`
	Findings []Finding `json:"findings"`
	// Unexplained are connections of callers with a proxy that fail in TLS although no finding
	// says why.
	Unexplained []Affected `json:"unexplained"`
	absent      string     // why nothing of what was asked about is in the evidence; see Lacks

	// NotMTLS is there when no handshake of what was asked about fails.
	NotMTLS  *NotMTLS `json:"notMTLS,omitempty"`
	Coverage Coverage `json:"coverage"`
	// Changes are there when they were asked for.
	Changes *Changes `json:"changes,omitempty"`
	// Baseline is there when the report was compared with an earlier one.
	Baseline *Baseline `json:"baseline,omitempty"`
	// Suppressions are there when some were asked for, in a file or by annotations.
	Suppressions *Suppressions `json:"suppressions,omitempty"`

	// seen is what the report was made from, for the form that draws it.
	seen *seen
	// ignored is what annotations of the resources suppress.
	ignored ignored
}

// Scope is what was asked for. Empty lists mean everything.
type Scope struct {
	Namespaces []string `json:"namespaces"`
	Targets    []string `json:"targets"`
	Selector   string   `json:"selector,omitempty"`
	Revision   string   `json:"revision,omitempty"`
	// To is the destination that the report was narrowed to.
	To string `json:"to,omitempty"`
}

// Summary is the verdict in numbers.
type Summary struct {
	// Health is the worst of the workloads', the findings' and what was not seen; not-applicable when nothing
	// in scope has a proxy.
	Health Health `json:"health"`
	// Errors, Warnings and Infos count findings, without those that are suppressed.
	Errors    int            `json:"errors"`
	Warnings  int            `json:"warnings"`
	Infos     int            `json:"infos"`
	Workloads map[Health]int `json:"workloadsByHealth"`
}

// Health is one of the five states that a workload can be in.
type Health string

// The states. Unknown is never ok.
const (
	OK            Health = "ok"
	Warn          Health = "warn"
	Fail          Health = "fail"
	UnknownHealth Health = "unknown"
	NotApplicable Health = "not-applicable"
)

// Workload is the mTLS health of one workload.
type Workload struct {
	Ref   kube.Ref   `json:"ref"`
	Plane mesh.Plane `json:"plane"`
	// Pods says of how many of its pods the proxy was read; a pod without a proxy counts as read.
	Pods   Count  `json:"pods"`
	Health Health `json:"health"`
	// Policy is what the resources ask for, Enforced what the proxies accept, per port.
	Policy Mode   `json:"policy"`
	Ports  []Port `json:"ports"`
	// Inbound counts connections of callers with a proxy, Outbound all connections that it makes but for
	// those to the control plane that work, by distinct peer workload and port.
	Inbound  Traffic `json:"inbound"`
	Outbound Traffic `json:"outbound"`
	// Doubts counts calls that are unknown, but for those of callers whose proxy was not read.
	// DoubtsUnread are those of them that are unknown because the server's proxy was not read.
	Doubts       int `json:"doubts"`
	DoubtsUnread int `json:"doubtsUnread"`
	// Identity is the SPIFFE ID that its proxies present, "" when none was read.
	Identity    string       `json:"identity,omitempty"`
	Certificate *Certificate `json:"certificate,omitempty"`
	// Findings are those that name it, in the order of the report's.
	Findings []FindingRef `json:"findings"`
	// Missing are sections of its proxies' config that were not read: listeners, clusters, secrets;
	// endpoints and routes when they were cut.
	Missing []string `json:"missing,omitempty"`
	// Upstreams are told only when the services of the mesh were not read, as in a lone config dump.
	Upstreams []Upstream `json:"upstreams,omitempty"`
	// Unread says why a pod's proxy was not read, by pod.
	Unread map[string]string `json:"unread,omitempty"`
}

// Upstream is a destination that a proxy knows, and what the proxy sends to it.
type Upstream struct {
	Host   string `json:"host"`
	Port   uint32 `json:"port"`
	Subset string `json:"subset,omitempty"`
	// Sends is auto (mTLS to endpoints with a proxy, plaintext to others), mTLS, tls, plaintext,
	// or "" when it is not modelled.
	Sends string `json:"sends"`
	// Rule is the DestinationRule that was applied, namespace/name.
	Rule string `json:"rule,omitempty"`
}

// Count is "x of y".
type Count struct {
	Read  int `json:"read"`
	Total int `json:"total"`
}

// Mode is a PeerAuthentication mode with where it comes from.
type Mode struct {
	Mode       string `json:"mode"`           // STRICT, PERMISSIVE, DISABLE, "" when not known
	From       string `json:"from,omitempty"` // "PeerAuthentication shop/default"
	Scope      string `json:"scope,omitempty"`
	Derivation string `json:"derivation,omitempty"`
}

// Port is one inbound port of a workload.
type Port struct {
	Port uint32 `json:"port"`
	// Policy is what the resources ask for on this port.
	Policy Mode `json:"policy"`
	// Enforced is what the proxies accept: STRICT, PERMISSIVE, DISABLE, bypassed, mixed, or "" when unknown.
	Enforced string `json:"enforced"`
}

// Traffic counts connections by what they are.
type Traffic struct {
	Total     int `json:"total"`
	MTLS      int `json:"mtls"`
	Plaintext int `json:"plaintext"`
	TLS       int `json:"tls"`   // by the proxy or the application, not mutual
	Fails     int `json:"fails"` // denied ones too
	// Denied counts those of Fails that connect and that an AuthorizationPolicy refuses.
	Denied  int `json:"denied"`
	Unknown int `json:"unknown"`
	// Unreachable counts those that fail for a reason that is not TLS: no route, no endpoint,
	// nobody listens.
	Unreachable int `json:"unreachable"`
}

// Certificate is the certificate that a workload's proxies present: the one that ends first.
type Certificate struct {
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	Issuer    string    `json:"issuer"`
	KeyType   string    `json:"keyType"`
	SHA256    string    `json:"sha256"`
}

// EdgeSummary counts the connections in scope.
type EdgeSummary struct {
	// Calls counts by pairs of workloads, host and port, each with its worst verdict: those of
	// callers with a proxy. Outside counts those of callers without one; that STRICT refuses
	// them is its job and no fault of the mesh.
	Calls   Traffic `json:"calls"`
	Outside Traffic `json:"outside"`
	// ControlPlane counts the calls to istiod and the API server that work, which every pod can make and
	// neither of the others counts. Those that fail or are unknown are among the others.
	ControlPlane Traffic `json:"controlPlane"`
	// Total and what follows count pairs of a client pod and an endpoint.
	Total     int                       `json:"total"`
	ByVerdict map[handshake.Verdict]int `json:"byVerdict"`
	ByReason  map[handshake.Reason]int  `json:"byReason"`
	// Observed says of how many of them the proxies' counters confirm the verdict, and of how many
	// they contradict it: then the capture is stale, or the verdict wrong.
	Observed handshake.Ledger `json:"observed"`
}

// Finding is one cause with what it breaks and how to mend it.
type Finding struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	Severity string `json:"severity"` // error, warning, info
	// Subject is the resource to blame, Field the path in it.
	Subject kube.Ref `json:"subject"`
	// Workload is that of a Subject that is a pod.
	Workload *kube.Ref `json:"workload,omitempty"`
	Field    string    `json:"field,omitempty"`
	// Port is the one port of pods that it is about; absent when it is about none, or several.
	Port  uint32 `json:"port,omitempty"`
	Title string `json:"title"`
	// Fingerprint is the same for the same cause in every run, and no two findings of a report
	// share it: it holds no pod hash and no time.
	Fingerprint string           `json:"fingerprint"`
	Evidence    []handshake.Fact `json:"evidence"`
	// Affects are the connections that it breaks, folded by workload.
	Affects []Affected `json:"affects"`
	Fixes   []Fix      `json:"fixes"`
	// Origin says of the resource to blame since when it is so, and who manages it.
	Origin *Origin `json:"origin,omitempty"`
	// Location is where the resource stands in the manifests that were given (--manifests): the line of the field, or of
	// the deepest part of it that is there. Absent when no file has it, or several have it alike.
	Location *Location `json:"location,omitempty"`
	// InForceSince is since when proxies have the config that the evidence shows: the newest last_updated of its
	// listeners, clusters and secrets. Versions before may have been as bad. Absent when no proxy tells.
	InForceSince time.Time `json:"inForceSince,omitzero"`
	// CausedBy is the finding that is the root cause, when this is a consequence.
	CausedBy *FindingRef `json:"causedBy,omitempty"`
	// Known says that the baseline has it too, and no worse: it does not fail the run.
	Known bool `json:"known,omitempty"`
}

// FindingRef points to a finding of the same report, which may be suppressed. The code says which check it is of; of
// several findings of one check the fingerprint tells which.
type FindingRef struct {
	Code        string `json:"code"`
	Fingerprint string `json:"fingerprint"`
}

// Affected is a set of connections between two workloads on one port.
type Affected struct {
	Client  *kube.Ref         `json:"client,omitempty"`
	Server  *kube.Ref         `json:"server,omitempty"`
	Host    string            `json:"host,omitempty"`
	Port    uint32            `json:"port,omitempty"`
	Verdict handshake.Verdict `json:"verdict,omitempty"`
	Reason  handshake.Reason  `json:"reason,omitempty"`
	// Route is there when a VirtualService leads them elsewhere than they were dialled.
	Route *Route `json:"route,omitempty"`
	// Pairs counts client pods times endpoints.
	Pairs int `json:"pairs,omitempty"`
	// Known says of an unexplained connection that the baseline has it too.
	Known bool `json:"known,omitempty"`
}

// Fix is one remedy, the safest first: take one, with those after it that are Also.
type Fix struct {
	Title    string `json:"title"`
	Risk     string `json:"risk,omitempty"`
	Command  string `json:"command,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	// Look says that the command changes nothing: it shows where to look.
	Look bool `json:"look,omitempty"`
	// Also says that it is a part of the fix before it, which mends only with it. Others stand instead of it.
	Also bool `json:"also,omitempty"`
}

// Coverage says what the report rests on, and what it could not see.
type Coverage struct {
	// Proxies are those in scope; a proxy counts as read when its listeners, clusters and secrets
	// were. PeersUnread counts unread ones at the other end of connections.
	Proxies     Count      `json:"proxies"`
	PeersUnread int        `json:"peersUnread"`
	Gaps        []mesh.Gap `json:"gaps"`
	// Unlisted are kinds, as plural.group, that were not listed although no gap says so: many clusters and archives
	// lack them. Findings that blame one of them could not be found.
	Unlisted []string `json:"unlisted"`
	// Unknown lists what checks could not judge.
	Unknown []CheckUnknown `json:"unknown"`
	Checks  []CheckOutcome `json:"checks"`
}

// CheckUnknown is something that a check could not judge.
type CheckUnknown struct {
	Code    string   `json:"code"`
	Subject kube.Ref `json:"subject"`
	// Workload is that of a Subject that is a pod.
	Workload *kube.Ref `json:"workload,omitempty"`
	Why      string    `json:"why"`
}

// CheckOutcome counts what a check looked at.
type CheckOutcome struct {
	Code string `json:"code"`
	Name string `json:"name"`
	// Title is the cause that it looks for, in one clause.
	Title         string `json:"title"`
	Failed        int    `json:"failed"`
	Passed        int    `json:"passed"`
	Unknown       int    `json:"unknown"`
	NotApplicable int    `json:"notApplicable"`
}
