package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const toForm = "for example --to checkout.shop:80"

// parseTo reads the destination of --to. A service that does not exist, or does not have the
// port, is a mistake of the one who typed it; any other destination can be dialled.
func parseTo(v *view, to string) (handshake.Target, error) {
	t, err := handshake.ParseTarget(to)
	if err != nil {
		return t, usageError(toForm, "--to: %v", err)
	}
	namespaces := namespacesOf(v.scope)
	t.Name = fullHost(v.snapshot, asHost(t.Name), namespaces)
	if hosts := v.snapshot.HostsNamed(t.Name); len(hosts) > 0 {
		return t, portDeclared(hosts, t.Port)
	}
	return t, serviceExists(v.snapshot, t.Name, namespaces)
}

// asHost reads the name of a service as reports print it, shop/server, or as a target, svc/server.
func asHost(name string) string {
	first, service, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		return name
	case targetKinds[first] == "Service":
		return service
	}
	return service + "." + first
}

// resolving narrows callers to those whose resolver knows a name: a bare word is a service of the caller's own namespace.
func resolving(s *mesh.Snapshot, name string, in func(*mesh.Pod) bool) func(*mesh.Pod) bool {
	service, namespace, ok := serviceName(s, name)
	if !ok || namespace != "" || !s.Resources.HasRead("services.core") {
		return in
	}
	return func(p *mesh.Pod) bool {
		return (in == nil || in(p)) && len(s.HostsNamed(service+"."+p.Namespace+".svc."+s.Domain)) > 0
	}
}

// fullHost completes a host name as the DNS search list of a pod in those namespaces would,
// when that leads to a host of the registry.
func fullHost(s *mesh.Snapshot, name string, namespaces []string) string {
	if _, err := netip.ParseAddr(name); err == nil || len(s.HostsNamed(name)) > 0 {
		return name
	}
	tries := []string{name + "." + s.Domain, name + ".svc." + s.Domain}
	for _, ns := range namespaces {
		tries = append(tries, name+"."+ns+".svc."+s.Domain)
	}
	for _, try := range tries {
		if len(s.HostsNamed(try)) > 0 {
			return try
		}
	}
	return name
}

// portDeclared is an error for a port that a Service does not have. A headless one leads to its
// pods at any port.
func portDeclared(hosts []*mesh.Host, port uint32) error {
	var declared []uint32
	for _, h := range hosts {
		if port == 0 || h.Ref.Kind != "Service" || h.Headless {
			return nil
		}
		for _, p := range h.Ports {
			if p.Number == port {
				return nil
			}
			declared = append(declared, p.Number)
		}
	}
	h := hosts[0]
	if len(declared) == 0 {
		return failed("look at its spec", "service %s.%s has no port", h.Ref.Name, h.Namespace)
	}
	return usageError("a pod's own port is reached by its address: POD-IP:PORT", "service %s.%s has no port %d; it has %s",
		h.Ref.Name, h.Namespace, port, sortedList(declared))
}

func sortedList(numbers []uint32) string {
	slices.Sort(numbers)
	var words []string
	for _, n := range slices.Compact(numbers) {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(words, ", ")
}

// serviceExists is an error for a name that can only be a service's and that no service has: a
// bare word in the callers' namespaces, NAME.NAMESPACE or NAME.NAMESPACE.svc….
func serviceExists(s *mesh.Snapshot, host string, namespaces []string) error {
	service, namespace, ok := serviceName(s, host)
	if !ok || !s.Resources.HasRead("services.core") {
		return nil
	}
	if namespace != "" {
		namespaces = []string{namespace}
	}
	names := servicesIn(s, namespaces)
	if namespace == "" && slices.Contains(names, service) {
		return nil // a bare word that means something else to each caller
	}
	where := "any namespace"
	if len(namespaces) > 0 {
		where = "namespace " + strings.Join(namespaces, ", ")
	}
	return usageError(serviceHint(service, names), "there is no service %s in %s", service, where)
}

// serviceName splits a name that can only be a service's. A name that ends with a dot is
// absolute, as in DNS, and so is one whose last label is no namespace.
func serviceName(s *mesh.Snapshot, host string) (service, namespace string, ok bool) {
	if _, err := netip.ParseAddr(host); err == nil {
		return "", "", false
	}
	short, inCluster := strings.CutSuffix(host, ".svc."+s.Domain)
	if !inCluster {
		short, inCluster = strings.CutSuffix(host, ".svc")
	}
	service, namespace, dotted := strings.Cut(short, ".")
	switch {
	case !dotted:
		return service, "", !inCluster
	case strings.Contains(namespace, "."):
		return "", "", false
	}
	return service, namespace, inCluster || namespaceSet(s)[namespace]
}

func servicesIn(s *mesh.Snapshot, namespaces []string) []string {
	var out []string
	for _, h := range s.Hosts {
		if h.Ref.Kind == "Service" && (len(namespaces) == 0 || slices.Contains(namespaces, h.Namespace)) {
			out = append(out, h.Ref.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func serviceHint(service string, names []string) string {
	const shown = 8
	switch near := nearest(service, names); {
	case near != "":
		return "did you mean " + near + "?"
	case len(names) == 0:
		return "it has no service at all; --to HOST.NAMESPACE names one elsewhere"
	case len(names) > shown:
		return fmt.Sprintf("its services are %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return "its services are " + strings.Join(names, ", ")
}
