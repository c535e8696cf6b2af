package kube

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Pod is a v1 Pod.
type Pod struct {
	Meta   `json:"metadata"`
	Spec   PodSpec   `json:"spec"`
	Status PodStatus `json:"status,omitzero"`
}

// PodSpec is the part of a pod's spec that decides traffic capture and identity.
type PodSpec struct {
	ServiceAccountName string           `json:"serviceAccountName,omitempty"`
	NodeName           string           `json:"nodeName,omitempty"`
	HostNetwork        bool             `json:"hostNetwork,omitempty"`
	Hostname           string           `json:"hostname,omitempty"`
	Subdomain          string           `json:"subdomain,omitempty"`
	InitContainers     []Container      `json:"initContainers,omitempty"`
	Containers         []Container      `json:"containers,omitempty"`
	SecurityContext    *SecurityContext `json:"securityContext,omitempty"`
}

// Container is a container of a pod.
type Container struct {
	Name            string           `json:"name"`
	Image           string           `json:"image,omitempty"`
	Args            []string         `json:"args,omitempty"`
	Command         []string         `json:"command,omitempty"`
	Env             []EnvVar         `json:"env,omitempty"`
	Ports           []ContainerPort  `json:"ports,omitempty"`
	RestartPolicy   string           `json:"restartPolicy,omitempty"` // Always on an init container: native sidecar
	SecurityContext *SecurityContext `json:"securityContext,omitempty"`
	LivenessProbe   *Probe           `json:"livenessProbe,omitempty"`
	ReadinessProbe  *Probe           `json:"readinessProbe,omitempty"`
	StartupProbe    *Probe           `json:"startupProbe,omitempty"`
}

// EnvVar is an environment variable with a literal value.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// ContainerPort is a declared port.
type ContainerPort struct {
	Name          string `json:"name,omitempty"`
	ContainerPort int32  `json:"containerPort"`
	Protocol      string `json:"protocol,omitempty"`
}

// SecurityContext is the user of a container or pod, and what a container may do beyond others.
type SecurityContext struct {
	RunAsUser    *int64       `json:"runAsUser,omitempty"`
	RunAsGroup   *int64       `json:"runAsGroup,omitempty"`
	Privileged   bool         `json:"privileged,omitempty"`
	Capabilities Capabilities `json:"capabilities,omitzero"`
}

// Capabilities are those that a container is given, "NET_ADMIN".
type Capabilities struct {
	Add []string `json:"add,omitempty"`
}

// Probe is a kubelet probe.
type Probe struct {
	HTTPGet   *ProbeTarget `json:"httpGet,omitempty"`
	TCPSocket *ProbeTarget `json:"tcpSocket,omitempty"`
	GRPC      *ProbeTarget `json:"grpc,omitempty"`
}

// ProbeTarget is where a probe goes.
type ProbeTarget struct {
	Port   IntOrString `json:"port"`
	Path   string      `json:"path,omitempty"`
	Scheme string      `json:"scheme,omitempty"`
}

// PodStatus is a pod's status.
type PodStatus struct {
	Phase      string      `json:"phase,omitempty"`
	PodIP      string      `json:"podIP,omitempty"`
	PodIPs     []PodIP     `json:"podIPs,omitempty"`
	HostIP     string      `json:"hostIP,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// PodIP is one address of a pod.
type PodIP struct {
	IP string `json:"ip"`
}

// Condition is a status condition.
type Condition struct {
	Type   string `json:"type"`
	Status string `json:"status"`
}

// Ready reports whether the pod's Ready condition is true.
func (p *Pod) Ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// Finished reports whether the pod has ended and holds no address any more.
func (p *Pod) Finished() bool { return p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" }

// ProxyContainer is the container in which a pod's proxy runs, a native sidecar or not, and that of gateways and waypoints.
const ProxyContainer = "istio-proxy"

// Container returns the container or init container of that name, or nil.
func (p *Pod) Container(name string) *Container {
	for _, list := range [][]Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// Service is a v1 Service.
type Service struct {
	Meta   `json:"metadata"`
	Spec   ServiceSpec   `json:"spec"`
	Status ServiceStatus `json:"status,omitzero"`
}

// ServiceStatus is a service's status: what a load balancer in front of it has.
type ServiceStatus struct {
	LoadBalancer LoadBalancerStatus `json:"loadBalancer,omitzero"`
}

// LoadBalancerStatus lists the addresses of a load balancer.
type LoadBalancerStatus struct {
	Ingress []LoadBalancerIngress `json:"ingress,omitempty"`
}

// LoadBalancerIngress is one address of a load balancer.
type LoadBalancerIngress struct {
	IP string `json:"ip,omitempty"`
}

// ServiceSpec is a service's spec.
type ServiceSpec struct {
	Type                     string            `json:"type,omitempty"`
	ClusterIP                string            `json:"clusterIP,omitempty"`
	ClusterIPs               []string          `json:"clusterIPs,omitempty"`
	ExternalIPs              []string          `json:"externalIPs,omitempty"`
	ExternalName             string            `json:"externalName,omitempty"`
	Selector                 map[string]string `json:"selector,omitempty"`
	Ports                    []ServicePort     `json:"ports,omitempty"`
	PublishNotReadyAddresses bool              `json:"publishNotReadyAddresses,omitempty"`
}

// ServicePort is one port of a service.
type ServicePort struct {
	Name        string      `json:"name,omitempty"`
	Port        int32       `json:"port"`
	Protocol    string      `json:"protocol,omitempty"`
	AppProtocol string      `json:"appProtocol,omitempty"`
	TargetPort  IntOrString `json:"targetPort,omitzero"`
	NodePort    int32       `json:"nodePort,omitempty"`
}

// Headless reports whether the service has no virtual IP.
func (s *Service) Headless() bool { return s.Spec.ClusterIP == "None" }

// EndpointSlice is a discovery.k8s.io/v1 EndpointSlice.
type EndpointSlice struct {
	Meta      `json:"metadata"`
	Endpoints []SliceEndpoint `json:"endpoints,omitempty"`
	Ports     []SlicePort     `json:"ports,omitempty"`
}

// Service returns the name of the service that the slice belongs to.
func (s *EndpointSlice) Service() string { return s.Labels["kubernetes.io/service-name"] }

// SliceEndpoint is one endpoint of a slice.
type SliceEndpoint struct {
	Addresses  []string        `json:"addresses"`
	Conditions SliceConditions `json:"conditions,omitzero"`
	TargetRef  *Ref            `json:"targetRef,omitempty"`
}

// SliceConditions are the states of an endpoint; nil Ready means ready.
type SliceConditions struct {
	Ready       *bool `json:"ready,omitempty"`
	Serving     *bool `json:"serving,omitempty"`
	Terminating *bool `json:"terminating,omitempty"`
}

// SlicePort is one port of a slice.
type SlicePort struct {
	Name string `json:"name,omitempty"`
	Port int32  `json:"port,omitempty"`
}

// Namespace is a v1 Namespace.
type Namespace struct {
	Meta `json:"metadata"`
}

// ConfigMap is a v1 ConfigMap.
type ConfigMap struct {
	Meta `json:"metadata"`
	Data map[string]string `json:"data,omitempty"`
}

// Controller is any object that owns pods, itself or through another one: only its metadata is of interest, by which
// its own owner is known, and who wrote it when.
type Controller struct {
	Meta `json:"metadata"`
}

// IntOrString is a port by number or by name.
type IntOrString struct {
	Int int32
	Str string
}

// String returns the number or the name.
func (v IntOrString) String() string {
	if v.Str != "" {
		return v.Str
	}
	return strconv.Itoa(int(v.Int))
}

// UnmarshalJSONFrom reads a JSON number or string.
func (v *IntOrString) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &v.Str)
	}
	return json.UnmarshalDecode(d, &v.Int)
}

// MarshalJSONTo writes a JSON number or string.
func (v IntOrString) MarshalJSONTo(e *jsontext.Encoder) error {
	if v.Str != "" {
		return e.WriteToken(jsontext.String(v.Str))
	}
	return e.WriteToken(jsontext.Int(int64(v.Int)))
}
