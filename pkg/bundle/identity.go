package bundle

import (
	"path"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// dumpKey is the pod of a dump: what its own node says, else what the file is called.
func dumpKey(file string, p *envoy.Proxy) kube.Key {
	if p.Node.Name != "" && validKey("x", p.Node.Name) {
		return kube.Key{Namespace: p.Node.Namespace, Name: p.Node.Name}
	}
	return keyOfFile(file)
}

// keyOfFile reads <ns>/<pod>.json, <pod>_<ns>.json and <pod>.json. An underscore can not be
// part of a Kubernetes name.
func keyOfFile(file string) kube.Key {
	name := path.Base(file)
	for _, ext := range []string{".gz", ".json", ".yaml", ".yml", ".txt"} {
		name = strings.TrimSuffix(name, ext)
	}
	if pod, namespace, ok := strings.Cut(name, "_"); ok && validKey(namespace, pod) && !strings.Contains(namespace, "_") {
		return kube.Key{Namespace: namespace, Name: pod}
	}
	folder := path.Base(path.Dir(file))
	if folder == "." || folder == "/" {
		folder = ""
	}
	return kube.Key{Namespace: folder, Name: name}
}
