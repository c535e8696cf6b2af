package bundle

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// strippers rewrite one resource of a kind so that only what pkg/kube models is left, by kind ID.
// A nil result leaves the resource out.
var strippers = map[string]func([]byte) (any, error){
	"namespaces.core":                         strip(keep[kube.Namespace]),
	"pods.core":                               strip(stripPod),
	"services.core":                           strip(keep[kube.Service]),
	"endpointslices.discovery.k8s.io":         strip(keep[kube.EndpointSlice]),
	"configmaps.core":                         strip(stripConfigMap),
	"replicasets.apps":                        strip(keep[kube.Controller]),
	"jobs.batch":                              strip(keep[kube.Controller]),
	"deployments.apps":                        strip(keep[kube.Controller]),
	"statefulsets.apps":                       strip(keep[kube.Controller]),
	"daemonsets.apps":                         strip(keep[kube.Controller]),
	"cronjobs.batch":                          strip(keep[kube.Controller]),
	"peerauthentications.security.istio.io":   strip(keep[kube.PeerAuthentication]),
	"destinationrules.networking.istio.io":    strip(keep[kube.DestinationRule]),
	"serviceentries.networking.istio.io":      strip(keep[kube.ServiceEntry]),
	"workloadentries.networking.istio.io":     strip(keep[kube.WorkloadEntry]),
	"sidecars.networking.istio.io":            strip(keep[kube.Sidecar]),
	"virtualservices.networking.istio.io":     strip(keep[kube.VirtualService]),
	"gateways.networking.istio.io":            strip(keep[kube.Gateway]),
	"authorizationpolicies.security.istio.io": strip(keep[kube.AuthorizationPolicy]),
	"envoyfilters.networking.istio.io":        strip(keep[kube.EnvoyFilter]),

	"requestauthentications.security.istio.io":                     strip(keep[kube.RequestAuthentication]),
	"validatingwebhookconfigurations.admissionregistration.k8s.io": strip(keep[kube.WebhookConfiguration]),
	"mutatingwebhookconfigurations.admissionregistration.k8s.io":   strip(keep[kube.WebhookConfiguration]),
	"apiservices.apiregistration.k8s.io":                           strip(keep[kube.APIService]),
	"ingresses.networking.k8s.io":                                  strip(keep[kube.Ingress]),
	"ingressclasses.networking.k8s.io":                             strip(keep[kube.IngressClass]),
	"httproutes.gateway.networking.k8s.io":                         strip(keep[kube.Route]),
	"grpcroutes.gateway.networking.k8s.io":                         strip(keep[kube.Route]),
	"tlsroutes.gateway.networking.k8s.io":                          strip(keep[kube.Route]),
	"tcproutes.gateway.networking.k8s.io":                          strip(keep[kube.Route]),
	"backendtlspolicies.gateway.networking.k8s.io":                 strip(keep[kube.BackendTLSPolicy]),
	"servicemonitors.monitoring.coreos.com":                        strip(keep[kube.Monitor]),
	"podmonitors.monitoring.coreos.com":                            strip(keep[kube.Monitor]),
}

type resource[T any] interface {
	*T
	Metadata() *kube.Meta
}

// strip decodes a resource into its small struct, which forgets all else, and lets f take away more.
func strip[T any, P resource[T]](f func(P) bool) func([]byte) (any, error) {
	return func(raw []byte) (any, error) {
		v := P(new(T))
		if err := json.Unmarshal(raw, v); err != nil {
			return nil, err
		}
		if !f(v) {
			return nil, nil
		}
		delete(v.Metadata().Annotations, "kubectl.kubernetes.io/last-applied-configuration")
		return v, nil
	}
}

func keep[T any](*T) bool { return true }

// stripPod drops what app containers are started with: arguments and environment hold passwords.
// The mesh's own containers keep theirs, which say how traffic is captured.
func stripPod(p *kube.Pod) bool {
	for _, list := range [][]kube.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			c := &list[i]
			if !slices.Contains([]string{kube.ProxyContainer, "istio-init", "istio-validation", "discovery"}, c.Name) {
				c.Args, c.Command, c.Env = nil, nil, nil
			}
			for j := range c.Env {
				if secretName.MatchString(c.Env[j].Name) {
					c.Env[j].Value = ""
				}
			}
		}
	}
	return true
}

var secretName = regexp.MustCompile(`(?i)password|passwd|secret|private_?key|credential|api_?key|access_?key|(^|_)token$`)

// stripConfigMap keeps Istio's mesh config and root certificates.
func stripConfigMap(cm *kube.ConfigMap) bool {
	if !wantedConfigMap(cm) {
		return false
	}
	data := map[string]string{}
	if root, ok := cm.Data["root-cert.pem"]; ok {
		data["root-cert.pem"] = root
	}
	if text, ok := cm.Data["mesh"]; ok {
		data["mesh"] = stripMeshConfig(text)
	}
	cm.Data = data
	return true
}

// stripMeshConfig keeps what is modelled: tracing providers hold tokens. A text that can not be
// read is dropped; the same error arises again where the mesh config is missed.
func stripMeshConfig(text string) string {
	c, err := kube.ParseMeshConfig([]byte(text))
	if err != nil {
		return ""
	}
	raw, err := json.Marshal(c, keepEmpty)
	if err != nil {
		return ""
	}
	return string(raw)
}

// keepEmpty writes objects that are present and empty: "tls: {}" in a DestinationRule turns TLS
// off, where no tls at all leaves it to auto mTLS. (The second version of the json package would
// leave out what is marked omitempty when it is written as {}.)
var keepEmpty = json.JoinOptions(json.Deterministic(true), jsonv1.OmitEmptyWithLegacySemantics(true))

// wantedConfigMap reports whether a ConfigMap is one of Istio's that evidence needs.
func wantedConfigMap(cm *kube.ConfigMap) bool {
	_, hasMesh := cm.Data["mesh"]
	return cm.Name == "istio-ca-root-cert" || hasMesh && (cm.Name == "istio" || strings.HasPrefix(cm.Name, "istio-"))
}

// listWriter writes the stripped pages of one list as one list.
type listWriter struct {
	id   string
	kind kube.Kind
	w    io.Writer
	any  bool
	err  error
}

func newListWriter(id string, w io.Writer) (*listWriter, error) {
	kind, ok := kube.KindByID(id)
	if !ok || strippers[kind.ID()] == nil {
		return nil, fmt.Errorf("%q is not a kind that bundles hold", id)
	}
	l := &listWriter{id: kind.ID(), kind: kind, w: w}
	l.print(`{"apiVersion":"v1","kind":"List","items":[`)
	return l, nil
}

func (l *listWriter) print(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, s)
	}
}

// page copies one page and returns its continue token. The first resource that can not be read
// is the error; the others are written nevertheless.
func (l *listWriter) page(r io.Reader) (next string, err error) {
	p := pageReader{d: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true)), item: l.item}
	err = p.read()
	if err == nil {
		err = l.err
	}
	if err != nil {
		return "", fmt.Errorf("list of %s: %w", l.kind.Plural, err)
	}
	return p.next, nil
}

func (l *listWriter) item(apiVersion string, raw []byte) error {
	v, err := strippers[l.id](raw)
	if err != nil || v == nil {
		return err
	}
	body, err := json.Marshal(v, keepEmpty)
	if err != nil {
		return err
	}
	if apiVersion == "" {
		apiVersion = strings.TrimPrefix(l.kind.Group+"/v1", "core/")
	}
	head, err := json.Marshal(apiVersion)
	if err != nil {
		return err
	}
	if l.any {
		l.print(",")
	}
	l.any = true
	l.print("\n" + `{"apiVersion":` + string(head) + `,"kind":"` + l.kind.Name + `",` + string(body[1:]))
	return l.err
}

// end closes the list. One that is not complete says so as the API server would: it continues.
func (l *listWriter) end(complete bool) error {
	if complete {
		l.print("\n],\"metadata\":{}}\n")
	} else {
		l.print("\n],\"metadata\":{\"continue\":\"incomplete\"}}\n")
	}
	return l.err
}
