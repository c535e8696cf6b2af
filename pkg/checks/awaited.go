package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// foreignSecret reports whether a secret is not the workload's own, but one that a resource
// names: a file, or a credential.
func foreignSecret(name string) bool {
	_, ok := cutAny(name, "file-cert:", "file-root:", "kubernetes://", "kubernetes-gateway://", "configmap://")
	return ok
}

// awaited are the files and credentials for which the cluster of an edge waits, whether its new
// config warms beside an older one or is the only one.
func awaited(e *handshake.Edge) []string {
	var out []string
	for _, c := range clustersOf(e) {
		for _, name := range c.Secrets() {
			if foreignSecret(name) && lacking(e, c, name) {
				out = append(out, name)
			}
		}
	}
	return unique(out)
}

// lacking reports whether a cluster waits for a secret. Of secrets that were not read only the
// cluster itself tells.
func lacking(e *handshake.Edge, c *envoy.Cluster, secret string) bool {
	proxy := e.Client.Proxy
	if inForce(proxy, secret) {
		return false
	}
	return slices.Contains(waiting(proxy), secret) || c.State != envoy.Warming && e.Blocked(handshake.ClientSecretMissing)
}

// clustersOf are the versions of the cluster that an edge takes, the active one and the warming.
func clustersOf(e *handshake.Edge) []*envoy.Cluster {
	var out []*envoy.Cluster
	for _, c := range e.Client.Proxy.Clusters {
		if c.Name == e.Outbound.Cluster {
			out = append(out, c)
		}
	}
	return out
}

// stale reports whether an edge takes a config that a newer one, still warming, is to replace.
func stale(e *handshake.Edge) bool {
	return slices.ContainsFunc(clustersOf(e), func(c *envoy.Cluster) bool { return c.State == envoy.Warming })
}

// versions show the active and the warming config of a cluster side by side.
func versions(e *handshake.Edge) []handshake.Fact {
	var out []handshake.Fact
	for _, c := range clustersOf(e) {
		value := "plaintext"
		if names := unique(c.Secrets()); len(names) > 0 {
			value = "TLS with " + strings.Join(names, ", ")
		}
		if !c.LastUpdated.IsZero() {
			value += ", last updated " + stamp(c.LastUpdated)
		}
		out = append(out, handshake.Fact{
			Layer: handshake.Proxy, Source: e.Client.Key().String() + " config_dump " + string(c.State) + " clusters/" + c.Name, Value: value,
			Place: handshake.Place{Pod: e.Client.Key(), Section: "clusters", Name: c.Name},
		})
	}
	return out
}

// waitFacts are the secrets that the cluster of an edge waits for.
func waitFacts(e *handshake.Edge) []handshake.Fact {
	var out []handshake.Fact
	for _, name := range awaited(e) {
		value := "absent"
		if slices.Contains(waiting(e.Client.Proxy), name) {
			value = "warming: it was never supplied"
		}
		out = append(out, handshake.DumpFact(e.Client, "secrets", name, value))
	}
	return out
}

// certificateNames says in words what secrets are: "files a.pem, b.pem", "credential x".
func certificateNames(secrets []string) string {
	var files, credentials []string
	for _, name := range secrets {
		if path, ok := cutAny(name, "file-cert:", "file-root:"); ok {
			files = append(files, strings.Split(path, "~")...)
		} else {
			credential, _ := cutAny(name, "kubernetes://", "kubernetes-gateway://", "configmap://")
			credentials = append(credentials, strings.TrimSuffix(credential, "-cacert"))
		}
	}
	var out []string
	if len(files) > 0 {
		out = append(out, plural("file", files))
	}
	if len(credentials) > 0 {
		out = append(out, plural("credential", unique(credentials)))
	}
	return strings.Join(out, " and ")
}

func plural(word string, names []string) string {
	if len(names) > 1 {
		word += "s"
	}
	return fmt.Sprintf("%s %s", word, strings.Join(names, ", "))
}

// namedBy is the DestinationRule by which a proxy came to wait for a file or a credential; nil
// when none of its clusters tells.
func namedBy(p *diagnose.Pass, proxy *envoy.Proxy, secret string) *kube.DestinationRule {
	for _, c := range proxy.Clusters {
		if !foreignSecret(secret) || !slices.Contains(c.Secrets(), secret) {
			continue
		}
		for _, r := range p.Resources.DestinationRules {
			if strings.HasSuffix(c.Config, fmt.Sprintf("/namespaces/%s/destination-rule/%s", r.Namespace, r.Name)) {
				return r
			}
		}
	}
	return nil
}
