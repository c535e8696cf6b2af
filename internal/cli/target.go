package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// target is one TARGET of the command line.
type target struct {
	word string
	// kind is a workload's kind, "Pod", "Service" or "Namespace"; "" for a bare NAME.NAMESPACE or
	// NAMESPACE/NAME, which may be any of the first three.
	kind string
	name string
	// namespace is "" where -n decides.
	namespace string
}

// targetKinds are the kinds by the names that kubectl knows them by.
var targetKinds = map[string]string{
	"po": "Pod", "pod": "Pod", "pods": "Pod",
	"deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment",
	"sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet",
	"ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet",
	"rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet",
	"job": "Job", "jobs": "Job",
	"cj": "CronJob", "cronjob": "CronJob", "cronjobs": "CronJob",
	"rollout": "Rollout", "rollouts": "Rollout",
	"svc": "Service", "service": "Service", "services": "Service",
	"ns": "Namespace", "namespace": "Namespace", "namespaces": "Namespace",
}

const targetForms = "a target is pod/NAME, deploy/NAME (sts, ds, job, cronjob…), svc/NAME, ns/NAME, NAME.NAMESPACE or NAMESPACE/NAME; KIND/NAME.NAMESPACE names it elsewhere"

func parseTargets(words []string) ([]target, error) {
	var out []target
	for _, w := range words {
		t, err := parseTarget(w)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func parseTarget(word string) (target, error) {
	if parts := strings.Split(word, "/"); len(parts) == 3 { // as reports print it: shop/deploy/cart
		t, err := parseTarget(parts[1] + "/" + parts[2])
		t.word, t.namespace = word, parts[0]
		return t, err
	}
	short, name, ok := strings.Cut(word, "/")
	if !ok {
		return parseBare(word)
	}
	kind, known := targetKinds[strings.ToLower(short)]
	switch {
	case short == "" || name == "" || strings.Contains(name, "/"):
		return target{}, usageError(targetForms, "%q is not a target", word)
	case !known: // as reports print it: shop/cart
		return target{word: word, name: name, namespace: short}, nil
	}
	return target{word: word, kind: kind, name: name}, nil
}

// parseBare reads NAME.NAMESPACE; a namespace has no dot. NAME.NAMESPACE.svc… is a service.
func parseBare(word string) (target, error) {
	if name, rest, ok := strings.Cut(word, ".svc"); ok && (rest == "" || rest[0] == '.') {
		if service, namespace, ok := strings.Cut(name, "."); ok && service != "" && namespace != "" {
			return target{word: word, kind: "Service", name: service, namespace: namespace}, nil
		}
	}
	dot := strings.LastIndexByte(word, '.')
	if dot <= 0 || dot == len(word)-1 {
		return target{}, usageError(fmt.Sprintf("did you mean deploy/%s, svc/%[1]s or pod/%[1]s? %s", word, targetForms), "%q is neither a command nor a target", word)
	}
	return target{word: word, name: word[:dot], namespace: word[dot+1:]}, nil
}

func onlyNamespaces(targets []target) bool {
	return len(targets) > 0 && !slices.ContainsFunc(targets, func(t target) bool { return t.kind != "Namespace" })
}

// allPlaced reports whether there are targets and each names its namespace.
func allPlaced(words []string) bool {
	targets, err := parseTargets(words)
	return err == nil && len(targets) > 0 && !slices.ContainsFunc(targets, func(t target) bool { return t.namespace == "" && t.kind != "Namespace" })
}

func namespaceNames(targets []target) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// namespacesOf lists the namespaces that a scope touches; none means all.
func namespacesOf(s mesh.Scope) []string {
	targets, err := parseTargets(s.Targets)
	if err != nil || len(targets) == 0 {
		return s.Namespaces
	}
	var out []string
	for _, t := range targets {
		switch {
		case t.kind == "Namespace":
			out = append(out, t.name)
		case t.namespace != "":
			out = append(out, t.namespace)
		case len(s.Namespaces) == 0:
			return nil
		default:
			out = append(out, s.Namespaces...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find returns the pods that a target means.
func (t target) find(s *mesh.Snapshot, namespaces []string) ([]*mesh.Pod, error) {
	if t.namespace != "" {
		namespaces = []string{t.namespace}
	}
	in := func(ns string) bool { return len(namespaces) == 0 || slices.Contains(namespaces, ns) }
	var pods []*mesh.Pod
	for _, p := range s.Pods {
		if t.kind == "Namespace" && p.Namespace == t.name || in(p.Namespace) && t.means(s, p) {
			pods = append(pods, p)
		}
	}
	if len(pods) > 0 || t.kind == "Namespace" {
		return pods, nil
	}
	if elsewhere, ok := t.qualified(s); ok {
		return elsewhere.find(s, nil)
	}
	return nil, t.notFound(s, namespaces)
}

// known reports as an error that the first word of NAMESPACE/NAME is no namespace: it was meant to be a kind, maybe.
func (t target) known(s *mesh.Snapshot) error {
	if t.kind != "" || !strings.Contains(t.word, "/") || namespaceExists(s, t.namespace) == nil {
		return nil
	}
	return usageError(targetForms, "%q: there is neither a kind of target nor a namespace %q", t.word, t.namespace)
}

// qualified reads KIND/NAME.NAMESPACE, where that namespace exists.
func (t target) qualified(s *mesh.Snapshot) (target, bool) {
	dot := strings.LastIndexByte(t.name, '.')
	if t.namespace != "" || dot <= 0 || !namespaceSet(s)[t.name[dot+1:]] {
		return t, false
	}
	t.name, t.namespace = t.name[:dot], t.name[dot+1:]
	return t, true
}

// means reports whether a pod is one of the target's.
func (t target) means(s *mesh.Snapshot, p *mesh.Pod) bool {
	byName := p.Workload.Name == t.name
	switch t.kind {
	case "Pod":
		return p.Name == t.name
	case "Service":
		return t.serves(s, p)
	case "":
		return byName || p.Name == t.name || t.serves(s, p)
	case "ReplicaSet", "Job":
		c := p.Controller()
		return c != nil && c.Kind == t.kind && c.Name == t.name
	}
	return byName && p.Workload.Kind == t.kind
}

// serves reports whether a pod stands behind the service of the target's name.
func (t target) serves(s *mesh.Snapshot, p *mesh.Pod) bool {
	for _, h := range s.Hosts {
		if h.Ref.Kind != "Service" || h.Ref.Name != t.name || h.Namespace != p.Namespace {
			continue
		}
		for _, port := range h.Ports {
			if slices.ContainsFunc(port.Endpoints, func(e mesh.Endpoint) bool { return e.Pod == p }) {
				return true
			}
		}
	}
	return t.selects(s, p)
}

// selects is serves before the endpoints are known.
func (t target) selects(s *mesh.Snapshot, p *mesh.Pod) bool {
	for _, svc := range s.Resources.Services {
		if svc.Name == t.name && svc.Namespace == p.Namespace && len(svc.Spec.Selector) > 0 && kube.HasLabels(svc.Spec.Selector, p.Labels) {
			return true
		}
	}
	return false
}

func (t target) notFound(s *mesh.Snapshot, namespaces []string) error {
	where := "in any namespace"
	if len(namespaces) > 0 {
		where = "in namespace " + strings.Join(namespaces, ", ")
	}
	if t.exists(s, namespaces) {
		return failed("scale it up, or look at its endpoints", "%s has no running pod %s", t.word, where)
	}
	next := "-n chooses the namespace, -A looks in all"
	if t.namespace != "" || len(namespaces) == 0 {
		next = "-A without a target lists all workloads"
	}
	if near := nearest(t.name, t.candidates(s, namespaces)); near != "" {
		next = "did you mean " + t.respell(near) + "? " + next
	}
	return absent(next, "there is no %s %s", t.word, where)
}

// respell is the target's word with another name.
func (t target) respell(name string) string {
	before := t.word[:strings.LastIndexByte(t.word, '/')+1]
	if strings.HasSuffix(t.word, "."+t.namespace) {
		name += "." + t.namespace
	}
	return before + name
}

// exists reports whether a service of that name is there, which has no pods then.
func (t target) exists(s *mesh.Snapshot, namespaces []string) bool {
	return cmp.Or(t.kind, "Service") == "Service" && slices.ContainsFunc(s.Hosts, func(h *mesh.Host) bool {
		return h.Ref.Kind == "Service" && h.Ref.Name == t.name && (len(namespaces) == 0 || slices.Contains(namespaces, h.Namespace))
	})
}

// candidates are the names that could have been meant.
func (t target) candidates(s *mesh.Snapshot, namespaces []string) []string {
	var out []string
	in := func(ns string) bool { return len(namespaces) == 0 || slices.Contains(namespaces, ns) }
	for _, p := range s.Pods {
		switch {
		case !in(p.Namespace):
		case t.kind == "Pod":
			out = append(out, p.Name)
		case t.kind == "" || t.kind == p.Workload.Kind:
			out = append(out, p.Workload.Name)
		}
	}
	for _, h := range s.Hosts {
		if cmp.Or(t.kind, "Service") == "Service" && h.Ref.Kind == "Service" && in(h.Namespace) {
			out = append(out, h.Ref.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
