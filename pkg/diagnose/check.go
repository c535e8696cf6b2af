package diagnose

// Code is the stable name of a check: "MTD" and three digits, never reused. The first digit
// tells the family: 1 certificates, 2 trust and identity, 3 policy, 4 proxy state, 5 control
// plane, 6 traffic outside the mesh, 9 collection.
type Code string

// Severity is how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // connections fail, or what was to be protected is open
	Warning Severity = "warning" // will fail, or weakens security
	Info    Severity = "info"    // worth knowing
)

// Rank orders severities: 0 is the worst.
func (s Severity) Rank() int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	}
	return 2
}

// Check is one way in which mutual TLS breaks.
type Check struct {
	Code Code
	// Name is the code for people, in kebab case: "dr-disable-vs-strict".
	Name string
	// Severity is the usual one; a finding may say otherwise.
	Severity Severity
	// Title says the cause in one lower-case clause without a full stop.
	Title string
	Doc   Doc
	// Needs is the evidence without which the check is blind. The engine then records the check
	// as unknown instead of running it.
	Needs []Evidence
	// After names checks whose findings are the root cause of this one's, where both hold.
	After []Code
	// Last runs the check after all others; only then does Pass.Explained mean anything.
	Last bool
	// Run judges everything that the check looks at and reports what fails, with subject, field
	// and edges. It reports a cause as often as it meets it.
	Run func(*Pass)
	// Describe completes a finding once all that it breaks is known: title, evidence, fixes. Nil
	// when Run has said it all.
	Describe func(*Pass, *Finding)
}

// Doc is the long text of a check: `explain CODE` and the catalogue's page show it.
type Doc struct {
	// Meaning says what is wrong and who is hit.
	Meaning string
	// Symptoms are what users see and paste: response flags, log lines, errors.
	Symptoms []string
	// Detection says what the check reads and when it fires.
	Detection string
	// ByHand is how to see it without this tool.
	ByHand []Look
	// NotThis says when it looks the same and is something else.
	NotThis string
	// Fix is the remedy in words, the safest first.
	Fix string
	// References are documents and issues that it rests on ("istio/istio#37431").
	References []string
}

// Look is a command that changes nothing, and what it shows where the check fires. Words in capitals stand for the
// reader's own: CLIENT, SERVER and POD for pods, NS for a namespace, HOST and PORT for a service.
type Look struct {
	Command string // of kubectl or istioctl
	Shows   string
}

// Evidence is a kind of evidence that a check needs.
type Evidence string

// The kinds of evidence.
const (
	Proxies                Evidence = "proxies"       // at least one proxy's config
	Secrets                Evidence = "secrets"       // at least one proxy's secrets
	Pods                   Evidence = "pods.core"     // the list of pods
	Services               Evidence = "services.core" // the list of services
	PeerAuthentications    Evidence = "peerauthentications.security.istio.io"
	DestinationRules       Evidence = "destinationrules.networking.istio.io"
	BackendTLSPolicies     Evidence = "backendtlspolicies.gateway.networking.k8s.io"
	AuthorizationPolicies  Evidence = "authorizationpolicies.security.istio.io"
	ServiceEntries         Evidence = "serviceentries.networking.istio.io"
	Sidecars               Evidence = "sidecars.networking.istio.io"
	Namespaces             Evidence = "namespaces.core"
	ConfigMaps             Evidence = "configmaps.core"
	RequestAuthentications Evidence = "requestauthentications.security.istio.io"
	ValidatingWebhooks     Evidence = "validatingwebhookconfigurations.admissionregistration.k8s.io"
	MutatingWebhooks       Evidence = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	APIServices            Evidence = "apiservices.apiregistration.k8s.io"
	Ingresses              Evidence = "ingresses.networking.k8s.io"
	ServiceMonitors        Evidence = "servicemonitors.monitoring.coreos.com"
	PodMonitors            Evidence = "podmonitors.monitoring.coreos.com"
	MeshConfig             Evidence = "mesh-config"
)
