package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// warm makes a secret one that was never supplied.
func (r *recording) warm(workload, name string) {
	s := r.secret(workload, name)
	*s = envoy.Secret{Name: name, Freshness: envoy.Freshness{State: envoy.Warming}}
}

func (r *recording) drop(workload, name string) {
	p := r.proxy(workload)
	p.Secrets = slices.DeleteFunc(p.Secrets, func(s *envoy.Secret) bool { return s.Name == name })
}

func TestSecretMissing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*recording)
		want  string
	}{
		"warming": {
			func(r *recording) { r.warm("shop/server", "default") },
			"error Deployment shop/server [secret default] 31: the proxy of shop/server has no certificate of its own (secret default)",
		},
		"absent": {
			func(r *recording) { r.drop("shop/server", "ROOTCA") },
			"error Deployment shop/server [secret ROOTCA] 31: the proxy of shop/server has no trust bundle (secret ROOTCA)",
		},
		"a file that nobody mounted, and that no connection needs": {
			func(r *recording) {
				p := r.proxy("pay/client")
				p.Secrets = append(p.Secrets, &envoy.Secret{Name: "file-cert:/etc/certs/a.pem~/etc/certs/a.key", Freshness: envoy.Freshness{State: envoy.Warming}})
			},
			"error Deployment pay/client [secret file-cert:/etc/certs/a.pem~/etc/certs/a.key] 0: the proxy of pay/client has no files /etc/certs/a.pem, /etc/certs/a.key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			c.spoil(r)
			got := r.says(mtd401)
			if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestSecretMissingFixes(t *testing.T) {
	for name, want := range map[string]string{
		"default":                "kubectl -n shop logs server-",
		"kubernetes://web-cert":  "kubectl -n shop get secret web-cert",
		"kubernetes://web/other": "kubectl -n shop get secret other",
	} {
		r := record(t, healthy)
		p := r.proxy("shop/server")
		p.Secrets = []*envoy.Secret{r.secret("shop/server", "ROOTCA"), {Name: name, Freshness: envoy.Freshness{State: envoy.Warming}}}
		found := r.judge(mtd401).Findings
		i := slices.IndexFunc(found, func(f *diagnose.Finding) bool { return f.Group == name })
		if i < 0 {
			t.Fatalf("%s: %s", name, lines(found))
		}
		has(t, found[i].Fixes[0].Command, want)
	}
}

// One credentialName of a Gateway is two secrets of its proxy, and one cause.
func TestSecretMissingOfAGateway(t *testing.T) {
	r := record(t, "60-ingress-gateway")
	gateway := r.Resources.Gateways[0]
	gateway.Spec.Servers[1].TLS = &kube.ServerTLS{Mode: "MUTUAL", CredentialName: "web"}
	p := r.proxy("ingress/gateway")
	for _, name := range []string{"kubernetes://web", "kubernetes://web-cacert"} {
		p.Secrets = append(p.Secrets, &envoy.Secret{Name: name, Freshness: envoy.Freshness{State: envoy.Warming}})
	}
	f := r.one(mtd401)
	has(t, lines([]*diagnose.Finding{f}), "error Gateway ingress/gateway [spec.servers[1].tls.credentialName] 0: Gateway ingress/gateway names credential web, which the proxy of ingress/gateway does not have")
	hasFix(t, f, "kubectl -n ingress get secret web")
	if len(f.Evidence) != 2 {
		t.Errorf("%+v", f.Evidence)
	}

	gateway.Spec.Selector = map[string]string{"istio": "other"} // then nobody knows who names it
	for _, f := range r.judge(mtd401).Findings {
		has(t, lines([]*diagnose.Finding{f}), "error Deployment ingress/gateway [secret kubernetes://web")
	}
}

func TestSecretMissingQuietAndBlind(t *testing.T) {
	record(t, healthy).quiet(mtd401)

	rotating := record(t, healthy)
	p := rotating.proxy("shop/server")
	p.Secrets = append(p.Secrets, &envoy.Secret{Name: "default", Freshness: envoy.Freshness{State: envoy.Warming}})
	rotating.quiet(mtd401)

	blind := record(t, healthy)
	for _, p := range blind.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	blind.blind(mtd401, diagnose.Secrets)

	half := record(t, healthy)
	half.proxy("shop/server").Read &^= envoy.SectionSecrets
	half.proxy("shop/server").Secrets = nil
	half.quiet(mtd401)
	if got := half.unknowns(mtd401); len(got) != 1 || !strings.HasSuffix(got[0], "its proxy's secrets were not read") {
		t.Errorf("%q", got)
	}
}
