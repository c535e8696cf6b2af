package kube

import "cmp"

// WebhookConfiguration is a Validating- or MutatingWebhookConfiguration: whom the API server asks before
// it takes an object.
type WebhookConfiguration struct {
	Meta     `json:"metadata"`
	Webhooks []Webhook `json:"webhooks,omitempty"`
}

// Webhook is one of a configuration. FailurePolicy is Fail, the default, or Ignore.
type Webhook struct {
	Name          string        `json:"name"`
	ClientConfig  WebhookClient `json:"clientConfig,omitzero"`
	FailurePolicy string        `json:"failurePolicy,omitempty"`
}

// WebhookClient is where a webhook is called; Service is nil when that is a URL.
type WebhookClient struct {
	Service *ServiceReference `json:"service,omitempty"`
}

// ServiceReference is a Service that the API server calls.
type ServiceReference struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Port      int32  `json:"port,omitempty"` // 443 when not given
}

// Number is the Service's port.
func (r *ServiceReference) Number() uint32 { return uint32(cmp.Or(r.Port, 443)) }

// APIService is a part of the API that the API server hands on to a Service.
type APIService struct {
	Meta `json:"metadata"`
	Spec APIServiceSpec `json:"spec,omitzero"`
}

// APIServiceSpec is where an APIService leads; Service is nil for the API server itself.
type APIServiceSpec struct {
	Service *ServiceReference `json:"service,omitempty"`
}
