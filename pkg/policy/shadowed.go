package policy

// Reason says in one word why a resource, or a field of it, has no effect.
type Reason string

// Why resources lose.
const (
	Overridden        Reason = "overridden"         // a narrower scope decided
	Younger           Reason = "younger"            // an older one of the same scope or host won
	OtherRevision     Reason = "other-revision"     // istio.io/rev names another control plane
	RootSelector      Reason = "root-selector"      // a selector in the root namespace
	PortsNoSelector   Reason = "ports-no-selector"  // portLevelMtls without a selector
	BadPort           Reason = "bad-port"           // a key of portLevelMtls that is no port
	OtherNamespace    Reason = "other-namespace"    // the search ended in another namespace, or never comes here
	LessSpecific      Reason = "less-specific"      // a more specific host of the same namespace won
	NotExported       Reason = "not-exported"       // exportTo leaves the client out
	WorkloadMismatch  Reason = "workload-mismatch"  // workloadSelector does not select the client
	SelectorAbsorbed  Reason = "selector-absorbed"  // merged into a rule that selects other workloads
	ExportAbsorbed    Reason = "export-absorbed"    // merged into a rule of a narrower exportTo
	OtherExport       Reason = "other-export"       // same namespace and host, but another exportTo, and a younger one won
	WorkloadPreferred Reason = "workload-preferred" // a rule with a matching workloadSelector won
)

// Shadowed is a resource, or one field of it, that looks as if it applied and does not.
type Shadowed[T any] struct {
	Resource *T
	Field    string // what has no effect, "" for the whole resource
	Reason   Reason
	Why      string // a clause: "younger than shop/a-old"
}
