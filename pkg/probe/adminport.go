package probe

import (
	"cmp"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const (
	// defaultAdminPort is Istio's default of proxyAdminPort (istio.mesh.v1alpha1, ProxyConfig).
	defaultAdminPort = 15000
	// proxyConfigAnnotation overrides the mesh-wide ProxyConfig for one pod, in YAML.
	proxyConfigAnnotation = "proxy.istio.io/config"
	// maxProxyConfig bounds what is parsed; Kubernetes allows 256 KiB of annotations.
	maxProxyConfig = 64 << 10
)

// adminPort is where a pod's Envoy listens for its administrator: as the injected container was
// told (PROXY_CONFIG), as the annotation or the mesh config says, else the default.
func adminPort(p *kube.Pod, mesh *kube.MeshConfig) int32 {
	var injected, annotated, meshWide int32
	if c := p.Container(kube.ProxyContainer); c != nil {
		for _, env := range c.Env {
			if env.Name == "PROXY_CONFIG" {
				injected, _ = parseAdminPort(env.Value) // unreadable: the next source decides
			}
		}
	}
	annotated, _ = parseAdminPort(p.Annotations[proxyConfigAnnotation]) // as above
	if mesh != nil {
		meshWide = validPort(mesh.DefaultConfig.ProxyAdminPort)
	}
	return cmp.Or(injected, annotated, meshWide, defaultAdminPort)
}

// parseAdminPort reads proxyAdminPort from a ProxyConfig in YAML or JSON; 0 when it is not set.
func parseAdminPort(config string) (int32, error) {
	if len(config) > maxProxyConfig {
		return 0, fmt.Errorf("proxy config of %d bytes", len(config))
	}
	var c struct {
		ProxyAdminPort int32 `json:"proxyAdminPort"`
	}
	if err := yaml.Unmarshal([]byte(config), &c); err != nil {
		return 0, fmt.Errorf("proxy config: %w", err)
	}
	return validPort(c.ProxyAdminPort), nil
}

// validPort returns 0 for what can not be a port.
func validPort(n int32) int32 {
	if n < 1 || n > 65535 {
		return 0
	}
	return n
}
