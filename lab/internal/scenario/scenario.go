// Package scenario reads scenarios: folders with manifests and a scenario.yaml that says what is
// broken, who calls whom, and what a diagnosis has to find.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
)

const (
	file      = "scenario.yaml"
	workloads = "workloads.yaml" // beside the scenarios: what runs in all of them
)

// Scenario is one folder.
type Scenario struct {
	Name        string `json:"-"` // the folder's
	Description string `json:"description"`
	// Why says what is expected to happen, for readers.
	Why string `json:"why,omitempty"`
	// MeshConfig are fields on top of the mesh config as installed.
	MeshConfig map[string]any `json:"meshConfig,omitempty"`
	// First are manifests of the folder that are applied alone, before all together: a history.
	// An empty list that is there means a mesh without any configuration.
	First *[]string `json:"first,omitempty"`
	// Annotations of pod templates, by NAMESPACE/WORKLOAD.
	Annotations map[string]map[string]string `json:"annotations,omitempty"`
	// Labels of pod templates, by NAMESPACE/WORKLOAD, and of namespaces; an empty one is taken away.
	Labels map[string]map[string]string `json:"labels,omitempty"`
	// Replicas by NAMESPACE/WORKLOAD.
	Replicas map[string]int64 `json:"replicas,omitempty"`
	// Faults break proxies after the mesh has converged.
	Faults []Fault `json:"faults,omitempty"`
	// NotAccepted are the workloads whose proxies do not accept their configuration; all others must.
	NotAccepted []string `json:"notAccepted,omitempty"`
	// Preconditions prove that the fault is in force.
	Preconditions []Precondition `json:"preconditions,omitempty"`

	// Clients call; the usual four when not given.
	Clients []string `json:"clients,omitempty"`
	// Routes are paths that are called besides /, by NAMESPACE/SERVICE.
	Routes map[string][]string `json:"routes,omitempty"`
	// Targets are called besides all services.
	Targets []Target `json:"targets,omitempty"`

	Expect Expect `json:"expect,omitzero"`
	// ByHand is why the fix of the cause cannot be applied by a program; "" when it can.
	ByHand string `json:"byHand,omitempty"`
	// ShutsOut are callers that the fix shuts out, as its risk has to say.
	ShutsOut *ShutsOut `json:"shutsOut,omitempty"`

	// Steps change the mesh one after the other. Each is a scenario of its own; see Expand.
	Steps []Step `json:"steps,omitempty"`
	// Continues: the mesh comes from the step before, and remembers it.
	Continues bool `json:"-"`
	// Continued: the step after it begins with the mesh as this one leaves it.
	Continued bool `json:"-"`

	objects map[string][]*unstructured.Unstructured // by file
}

// Fault is one of `lab fault` on a workload's pod.
type Fault struct {
	Name string `json:"name"`
	Pod  string `json:"pod"`
	// Until waits for what the fault leads to: certificate-expired.
	Until string `json:"until,omitempty"`
}

// Precondition is text that a page of a proxy's admin port has, and more that it lacks (blanks do
// not count), or another proxy that trusts other roots.
type Precondition struct {
	Proxy         string `json:"proxy"`
	Page          string `json:"page,omitempty"`
	Has           string `json:"has,omitempty"`
	Lacks         string `json:"lacks,omitempty"`
	OtherRootThan string `json:"otherRootThan,omitempty"`
}

// Target is a destination that is no service of the cluster. $IP(NAMESPACE/WORKLOAD) in it
// stands for an address.
type Target struct {
	Host       string   `json:"host"`
	Address    string   `json:"address"`
	Port       int      `json:"port"`
	TargetPort int      `json:"targetPort"`
	Protocol   string   `json:"protocol"`
	Service    string   `json:"service,omitempty"`
	Endpoints  []string `json:"endpoints"`
	// Asks is what HTTP and TLS are told, where it is not Host.
	Asks string `json:"asks,omitempty"`
	// Behind is what a gateway, the target's endpoint, sends the calls on to.
	Behind *Behind `json:"behind,omitempty"`
	// ProxiedOnly leaves out clients without a proxy: the address exists in proxies only.
	ProxiedOnly bool `json:"proxiedOnly,omitempty"`
}

// Behind is what is behind a gateway: a service of the cluster, or a Host that is none.
type Behind struct {
	Namespace string `json:"namespace,omitempty"`
	Service   string `json:"service,omitempty"`
	Host      string `json:"host,omitempty"`
	Port      int    `json:"port"`
}

// ShutsOut are workloads whose calls a fix ends, and the words by which its risk says so.
type ShutsOut struct {
	Callers []string `json:"callers"`
	Said    string   `json:"said"`
}

// Expect is what a diagnosis has to say.
type Expect struct {
	// Healthy: no finding of warning or above.
	Healthy bool `json:"healthy,omitempty"`
	// NotMTLS are connections of a healthy mesh that do not work, or might be said not to. Asked about one of
	// them, a diagnosis has to say that mutual TLS is not the cause.
	NotMTLS []Call `json:"notMTLS,omitempty"`
	// Cause is the root cause.
	Cause *Finding `json:"cause,omitempty"`
	// Also are further errors that are right: consequences on other resources.
	Also []Finding `json:"also,omitempty"`
	// VerdictsOnly: the mesh was composed at random. Findings are free, and so is which proxies do
	// not accept their configuration; verdicts, and that live report and bundle agree, are not.
	VerdictsOnly bool `json:"verdictsOnly,omitempty"`
}

// Call is a connection as a user asks about it.
type Call struct {
	From string `json:"from"` // NAMESPACE/DEPLOYMENT
	To   string `json:"to"`   // SERVICE.NAMESPACE:PORT
	// Works says that the call works for all that; otherwise it has to fail, or it misleads nobody.
	Works bool `json:"works,omitempty"`
}

// says is how many of the three expectations there are.
func (e Expect) says() int {
	n := 0
	for _, said := range []bool{e.Healthy, e.Cause != nil, e.VerdictsOnly} {
		if said {
			n++
		}
	}
	return n
}

// Finding names a finding: its code (any, when not given), its subject as "KIND NAMESPACE/NAME",
// and the beginning of its field. Severity is error when not given.
type Finding struct {
	Code     string `json:"code,omitempty"`
	Subject  string `json:"subject"`
	Field    string `json:"field,omitempty"`
	Severity string `json:"severity,omitempty"`
}

// Load reads the scenario in a folder.
func Load(dir string) (Scenario, error) {
	s := Scenario{Name: filepath.Base(dir), objects: map[string][]*unstructured.Unstructured{}}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return s, err
	}
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		return s, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return s, err
	}
	for _, name := range names {
		if base := filepath.Base(name); base != file {
			if s.objects[base], err = Manifests(name); err != nil {
				return s, fmt.Errorf("scenario %s: %w", s.Name, err)
			}
		}
	}
	return s, s.check()
}

// FileName is the name of what is written about the scenario.
func (s Scenario) FileName() string { return strings.ReplaceAll(s.Name, "/", ".") }

// Manifests reads a file of manifests.
func Manifests(name string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	objects, err := kube.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return objects, nil
}

// Objects are the scenario's own, of the given files or of all.
func (s Scenario) Objects(files ...string) []*unstructured.Unstructured {
	if files == nil {
		for f := range s.objects {
			files = append(files, f)
		}
	}
	slices.Sort(files)
	var all []*unstructured.Unstructured
	for _, f := range files {
		for _, o := range s.objects[f] {
			all = append(all, o.DeepCopy())
		}
	}
	slices.SortStableFunc(all, func(x, y *unstructured.Unstructured) int { return rank(x) - rank(y) })
	return all
}

// rank puts namespaces before what lies in them, and definitions of kinds before their objects.
func rank(o *unstructured.Unstructured) int {
	switch o.GetKind() {
	case "Namespace", "CustomResourceDefinition":
		return 0
	}
	return 1
}

// All are the names of the scenarios in a folder, in order.
func All(dir string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", file))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range found {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no scenario in %s", dir)
	}
	slices.Sort(names)
	return names, nil
}

// Find loads the scenarios with the given names, which may be cut short; without names, all. One
// with steps is as many scenarios.
func Find(dir string, names ...string) ([]Scenario, error) {
	all, err := All(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = all
	}
	var found []Scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(n string) bool { return strings.HasPrefix(n, name) })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %s in %s", name, dir)
		}
		s, err := Load(filepath.Join(dir, all[i]))
		if err != nil {
			return nil, err
		}
		steps, err := s.Expand()
		if err != nil {
			return nil, err
		}
		found = append(found, steps...)
	}
	return found, nil
}

// Workloads are the objects that run in every scenario.
func Workloads(dir string) ([]*unstructured.Unstructured, error) {
	objects, err := Manifests(filepath.Join(dir, workloads))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s", dir, workloads)
	}
	return objects, err
}
