package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// watched reads the kinds that recordings lack.
func watched(t *testing.T, capture string) *recording {
	r := record(t, capture)
	for _, kind := range []diagnose.Evidence{diagnose.ValidatingWebhooks, diagnose.MutatingWebhooks, diagnose.APIServices} {
		r.Resources.MarkRead(string(kind))
	}
	return r
}

func webhook(policy string, service *kube.ServiceReference) []*kube.WebhookConfiguration {
	return []*kube.WebhookConfiguration{{
		Meta:     kube.Meta{Name: "policy"},
		Webhooks: []kube.Webhook{{Name: "check.example.com", FailurePolicy: policy, ClientConfig: kube.WebhookClient{Service: service}}},
	}}
}

var serverRef = &kube.ServiceReference{Namespace: "shop", Name: "server"}

func TestStrictWebhook(t *testing.T) {
	r := watched(t, healthy)
	r.Resources.ValidatingWebhooks = webhook("", serverRef)
	f := r.one(mtd610)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [port 8443] 0: the API server calls port 8443 of shop/server "+
		"(ValidatingWebhookConfiguration policy, webhook check.example.com), which accepts only mutual TLS")
	has(t, f.Fixes[0].Manifest, "\"8443\":\n      mode: PERMISSIVE")
	complete(t, f)

	r.Resources.ValidatingWebhooks, r.Resources.MutatingWebhooks = nil, webhook("Ignore", serverRef)
	has(t, r.says(mtd610), "warning Deployment shop/server [port 8443] 0: the API server calls port 8443 of shop/server (MutatingWebhookConfiguration policy")
	r.unread(diagnose.PeerAuthentications)
	has(t, r.one(mtd610).Fixes[0].Title, "portLevelMtls PERMISSIVE")
}

func TestStrictAPIService(t *testing.T) {
	r := watched(t, healthy)
	api := &kube.APIService{Meta: kube.Meta{Name: "v1.shop.example"}}
	api.Spec.Service = &kube.ServiceReference{Namespace: "shop", Name: "server", Port: 80}
	r.Resources.APIServices = []*kube.APIService{api, {Meta: kube.Meta{Name: "v1."}}}
	has(t, r.says(mtd610), "error Deployment shop/server [port 8080] 0: the API server calls port 8080 of shop/server (APIService v1.shop.example)")
}

func TestStrictAPIServerQuietAndBlind(t *testing.T) {
	r := watched(t, "02-permissive-default")
	r.Resources.ValidatingWebhooks = webhook("", serverRef)
	r.quiet(mtd610)
	r = watched(t, healthy)
	r.Resources.ValidatingWebhooks = webhook("", &kube.ServiceReference{Namespace: "legacy", Name: "naked"})
	r.silent(mtd610)
	r.Resources.ValidatingWebhooks = webhook("", nil)
	r.silent(mtd610)
	r.Resources.ValidatingWebhooks = webhook("", serverRef)
	if got := r.withoutProxy("shop/server").unknowns(mtd610); len(got) == 0 {
		t.Error("shop/server was not read")
	}
	blinded(t, healthy, mtd610)
	unasked := record(t, healthy) // an archive that does not hold them
	unasked.Resources.ValidatingWebhooks = webhook("", serverRef)
	unasked.silent(mtd610)
}
