package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// scopeOptions say what the user asks about, beside the targets and -n.
type scopeOptions struct {
	all      bool
	selector string
	revision string
}

func (o *scopeOptions) addFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.BoolVarP(&o.all, "all-namespaces", "A", false, "all namespaces")
	f.StringVarP(&o.selector, "selector", "l", "", "only pods with these labels, as kubectl takes them")
	f.StringVar(&o.revision, "revision", "", "only pods of this Istio revision")
}

// words is the scope in the words of the command line, the form in which a bundle keeps it.
func (o *scopeOptions) words(targets []string, namespace string) (mesh.Scope, error) {
	if o.all && namespace != "" {
		return mesh.Scope{}, usageError("use one of them", "-A and -n %s contradict each other", namespace)
	}
	if _, err := labels.Parse(o.selector); err != nil {
		return mesh.Scope{}, usageError("write it as kubectl takes it: -l app=web,tier!=cache", "--selector: %v", err)
	}
	s := mesh.Scope{Selector: o.selector, Revision: o.revision}
	if namespace != "" {
		s.Namespaces = []string{namespace}
	}
	parsed, err := parseTargets(targets)
	if err != nil {
		return mesh.Scope{}, err
	}
	if onlyNamespaces(parsed) {
		if o.all {
			return mesh.Scope{}, usageError("use one of them", "-A and %s contradict each other", targets[0])
		}
		s.Namespaces = namespaceNames(parsed)
		return s, nil
	}
	s.Targets = slices.Clone(targets)
	return s, nil
}

// limited reports whether the flags say what the user asks about.
func (o *globalOptions) limited() bool {
	return o.scope != scopeOptions{} || o.evidence.overrides.Context.Namespace != ""
}

func isZero(s mesh.Scope) bool { return len(s.Namespaces) == 0 && !narrows(s) }

// narrows reports whether a scope is more than namespaces.
func narrows(s mesh.Scope) bool {
	return len(s.Targets) > 0 || s.Selector != "" || s.Revision != ""
}

// found is a scope resolved: the pods that it means.
type found struct {
	pods map[kube.Key]bool
	// asked are those that the user named, as a pod or by its workload or service.
	asked map[kube.Key]bool
}

func (f found) keys() []kube.Key {
	return slices.SortedFunc(maps.Keys(f.pods), kube.Key.Compare)
}

func (f found) scope() diagnose.Scope {
	return diagnose.Scope{
		In:    func(p *mesh.Pod) bool { return f.pods[p.Key()] },
		Asked: func(p *mesh.Pod) bool { return f.asked[p.Key()] },
	}
}

// resolve finds the pods that a scope means. A namespace or a target that does not exist is an
// error, and so is a scope that means no pod although the user narrowed it.
func resolve(s *mesh.Snapshot, scope mesh.Scope) (found, error) {
	targets, err := parseTargets(scope.Targets)
	if err != nil {
		return found{}, err
	}
	for _, t := range targets {
		if err := t.known(s); err != nil {
			return found{}, err
		}
	}
	f := found{map[kube.Key]bool{}, map[kube.Key]bool{}}
	for _, ns := range namespacesOf(scope) {
		if err := namespaceExists(s, ns); err != nil {
			return found{}, err
		}
	}
	for _, t := range targets {
		if err := f.add(s, t, scope.Namespaces); err != nil {
			return found{}, err
		}
	}
	if len(targets) == 0 {
		f.addAll(s, scope.Namespaces)
	}
	if err := f.narrow(s, scope); err != nil {
		return found{}, err
	}
	return f, nil
}

func (f found) addAll(s *mesh.Snapshot, namespaces []string) {
	for _, p := range s.Pods {
		if len(namespaces) == 0 || slices.Contains(namespaces, p.Namespace) {
			f.pods[p.Key()] = true
		}
	}
}

func (f found) add(s *mesh.Snapshot, t target, namespaces []string) error {
	pods, err := t.find(s, namespaces)
	for _, p := range pods {
		f.pods[p.Key()] = true
		f.asked[p.Key()] = t.kind != "Namespace" || f.asked[p.Key()]
	}
	return err
}

// narrow applies the label selector and the revision.
func (f found) narrow(s *mesh.Snapshot, scope mesh.Scope) error {
	if scope.Selector == "" && scope.Revision == "" {
		return nil
	}
	selector, err := labels.Parse(scope.Selector)
	if err != nil {
		return usageError("", "--selector: %v", err)
	}
	maps.DeleteFunc(f.pods, func(k kube.Key, _ bool) bool {
		p := s.Pod(k)
		return !selector.Matches(labels.Set(p.Labels)) || (scope.Revision != "" && p.Revision() != scope.Revision)
	})
	if len(f.pods) == 0 {
		return absent("`kubectl get pods --show-labels` shows what there is", "no pod in scope has %s", describeNarrowing(scope))
	}
	return nil
}

func describeNarrowing(s mesh.Scope) string {
	switch {
	case s.Revision == "":
		return "the labels " + s.Selector
	case s.Selector == "":
		return "the revision " + s.Revision
	}
	return "the labels " + s.Selector + " and the revision " + s.Revision
}

// namespaceSet are the namespaces that are to be seen in the evidence.
func namespaceSet(s *mesh.Snapshot) map[string]bool {
	known := map[string]bool{}
	for _, n := range s.Resources.Namespaces {
		known[n.Name] = true
	}
	for _, p := range s.Pods {
		known[p.Namespace] = true
	}
	return known
}

func namespaceExists(s *mesh.Snapshot, name string) error {
	known := namespaceSet(s)
	if known[name] || (len(s.Resources.Namespaces) == 0 && len(s.Pods) == 0) {
		return nil
	}
	next := "-A takes all namespaces"
	if near := nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
		next = "did you mean " + near + "? " + next
	}
	return absent(next, "there is no namespace %q", name)
}
