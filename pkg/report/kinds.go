package report

import (
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// apiVersions are those of the kinds that a finding may blame. Others are no resources of an API
// server, such as a CertificateAuthority.
var apiVersions = map[string]string{
	"ConfigMap": "v1", "Namespace": "v1", "Pod": "v1", "Service": "v1",
	"DaemonSet": "apps/v1", "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1",
	"CronJob": "batch/v1", "Job": "batch/v1",
	"Rollout":   "argoproj.io/v1alpha1",
	"Ingress":   "networking.k8s.io/v1",
	"HTTPRoute": "gateway.networking.k8s.io/v1", "GRPCRoute": "gateway.networking.k8s.io/v1", "TLSRoute": "gateway.networking.k8s.io/v1", "TCPRoute": "gateway.networking.k8s.io/v1alpha2",
	"BackendTLSPolicy": "gateway.networking.k8s.io/v1",
	"ServiceMonitor":   "monitoring.coreos.com/v1", "PodMonitor": "monitoring.coreos.com/v1",
	"DestinationRule": "networking.istio.io/v1", "Gateway": "networking.istio.io/v1", "ServiceEntry": "networking.istio.io/v1",
	"Sidecar": "networking.istio.io/v1", "VirtualService": "networking.istio.io/v1", "WorkloadEntry": "networking.istio.io/v1",
	"EnvoyFilter":         "networking.istio.io/v1alpha3",
	"AuthorizationPolicy": "security.istio.io/v1", "PeerAuthentication": "security.istio.io/v1", "RequestAuthentication": "security.istio.io/v1",
}

// inAPI reports whether an API server has a resource. Kinds that we do not know are those of the
// owners of pods, which are in namespaces.
func inAPI(r kube.Ref) bool { return apiVersions[r.Kind] != "" || r.Namespace != "" }

// resourceName is a resource as `kubectl get -o name` prints it and every kubectl command takes
// it: "deployment.apps/checkout".
func resourceName(r kube.Ref) string {
	kind := strings.ToLower(r.Kind)
	if group, _, ok := strings.Cut(apiVersions[r.Kind], "/"); ok {
		kind += "." + group
	}
	return kind + "/" + r.Name
}

// homeOf is the namespace that a resource is in, or is; "" for one of the whole mesh.
func homeOf(r kube.Ref) string {
	if r.Kind == "Namespace" {
		return r.Name
	}
	return r.Namespace
}
