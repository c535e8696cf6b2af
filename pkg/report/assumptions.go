package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Assumed is what a verdict took for granted, for people.
type Assumed struct {
	Name  handshake.Assumption
	Title string // the assumption in a line
	// Why says why it is not known, Otherwise how it shows when it does not hold.
	Why, Otherwise string
	Check          []diagnose.Look
}

// Assumptions are all that a verdict may take for granted.
func Assumptions() []Assumed { return slices.Clone(assumptions) }

var assumptions = []Assumed{
	{
		handshake.CaptureAsAnnotated, "the rules of iptables capture what the init container, or the annotations of the pod, ask for",
		"The rules live in the kernel of the node, in the pod's network namespace. Reading them needs privileges that this tool " +
			"does not ask for.",
		"A call goes past the proxy: it arrives in clear text where mutual TLS is predicted, and the counters of the proxy do not move.",
		[]diagnose.Look{
			{
				Command: "kubectl -n NS get pod POD -o jsonpath='{.spec.initContainers[*].args}'",
				Shows:   "what istio-init was asked to capture; without it, istio-cni does it",
			},
			{
				Command: "kubectl -n NS debug POD -it --profile=netadmin --image=IMAGE -- iptables-save",
				Shows:   "the rules themselves, with an image that has iptables: chains ISTIO_OUTPUT and ISTIO_INBOUND",
			},
		},
	},
	{
		handshake.DNSAsRegistered, "the name resolves to the addresses of the registry",
		"A caller without a proxy asks its own DNS, which nobody reads here.",
		"The call reaches another address, or none: a search domain, an entry in hostAliases or a stale cache leads it elsewhere.",
		[]diagnose.Look{{
			Command: "kubectl -n NS exec POD -- getent hosts HOST",
			Shows:   "the address that the application gets; it is to be the Service's ClusterIP, or that of a pod behind a headless one",
		}},
	},
	{
		handshake.ProtocolAsDeclared, "the application speaks what the name, or appProtocol, of the Service's port says",
		"What an application sends and expects is in no configuration.",
		"A call fails with 400, or hangs, although the handshake succeeds: the port is declared http and TCP comes, or the other way round.",
		[]diagnose.Look{{
			Command: "kubectl -n NS get service NAME -o jsonpath='{.spec.ports}'",
			Shows:   "name and appProtocol of the port, to compare with what the application does",
		}},
	},
	{
		handshake.ProtocolGuessed, "the port declares no protocol, and the call is HTTP",
		"The proxies tell by the first bytes, and there are none on paper.",
		"A call that is TCP takes another filter chain than the one that is named, and may fare otherwise. A protocol in which the " +
			"server speaks first hangs.",
		[]diagnose.Look{{
			Command: "kubectl -n NS get service NAME -o jsonpath='{.spec.ports}'",
			Shows:   "a port without a protocol in its name and without appProtocol; give it one",
		}},
	},
	{
		handshake.TLSModeFromLabel, "the endpoint takes mutual TLS if its pod has the label security.istio.io/tlsMode=istio",
		"The endpoints that the client's proxy holds were not read. istiod takes the mode from that label.",
		"The client sends plaintext where mutual TLS is predicted, or the other way round: its endpoints are stale.",
		[]diagnose.Look{{
			Command: "istioctl proxy-config endpoints CLIENT.NS --cluster 'outbound|PORT||HOST' -o json",
			Shows:   "metadata envoy.transport_socket_match tlsMode of each endpoint",
		}},
	},
	{
		handshake.NetworkPolicyNotRead, "no NetworkPolicy, firewall or cloud rule stops the packets",
		"What enforces them is a part of the network, and differs from cluster to cluster.",
		"Connections time out (UF, connection_timeout), although the handshake would succeed.",
		[]diagnose.Look{
			{Command: "kubectl get networkpolicies -A", Shows: "those that select the server's pods for ingress, or the client's for egress"},
			{
				Command: "kubectl -n NS exec CLIENT -c istio-proxy -- curl -sv --max-time 3 telnet://SERVER-IP:PORT",
				Shows:   "\"Connected to\" when packets get through",
			},
		},
	},
	{
		handshake.ClientSpeaksFirst, "the client sends the first bytes",
		"The server's proxy waits for them before it chooses a filter chain. In MySQL, SMTP and others the server speaks first.",
		"A plaintext connection hangs until the proxy's protocol detection gives up, or for good.",
		[]diagnose.Look{{
			Command: "istioctl proxy-config listeners SERVER.NS --port 15006 -o json",
			Shows:   "the listener's tls_inspector, and listenerFiltersTimeout",
		}},
	},
	{
		handshake.RequestDecides, "the request is one that authorization lets through",
		"A policy looks at paths, methods, headers or tokens, or an external authorizer, Wasm or Lua decides. There is no request on paper.",
		"Some requests get 403 (rbac_access_denied, ext_authz_denied), others do not.",
		[]diagnose.Look{
			{Command: "kubectl -n NS get authorizationpolicies -o yaml", Shows: "the rules with to.operation, when, or action CUSTOM"},
			{
				Command: "kubectl -n NS logs SERVER -c istio-proxy",
				Shows:   "rbac_access_denied_matched_policy and the name of the policy, for requests that were refused",
			},
		},
	},
	{
		handshake.RouteConditional, "the request is one that the route takes",
		"A VirtualService leads requests by path, header or weight. Each destination is judged by itself.",
		"Some requests of a host fare otherwise than others.",
		[]diagnose.Look{{
			Command: "istioctl proxy-config routes CLIENT.NS -o json",
			Shows:   "the matches of the route and the weights of its clusters",
		}},
	},
	{
		handshake.EndpointInRotation, "the client's proxy calls the endpoint",
		"At the moment of the evidence it holds it for unhealthy and calls others, or what it holds was not read.",
		"No connection of the client reaches that endpoint, and its faults do not show.",
		[]diagnose.Look{{
			Command: "istioctl proxy-config endpoints CLIENT.NS --cluster 'outbound|PORT||HOST'",
			Shows:   "STATUS and OUTLIER CHECK of each endpoint",
		}},
	},
	{
		handshake.ServerNotVerified, "the server is who its certificate says",
		"The client's proxy verifies no chain: it has no CA for the destination, or accepts what it does not trust.",
		"Anybody on the way can take the connection, and nothing fails.",
		[]diagnose.Look{{
			Command: "istioctl proxy-config clusters CLIENT.NS --fqdn HOST -o json",
			Shows:   "validationContext of the transport socket: trustedCa is missing, or trustChainVerification says ACCEPT_UNTRUSTED",
		}},
	},
	{
		handshake.AppCertificateAccepted, "the application's own TLS succeeds between the applications",
		"Certificates and trust of applications are in their own files and Secrets, which are not read.",
		"The proxies pass the bytes on, and the client's application reports a certificate error of its own.",
		[]diagnose.Look{{
			Command: "kubectl -n NS exec CLIENT -- openssl s_client -connect HOST:PORT -servername HOST </dev/null",
			Shows:   "the certificate that the server's application presents, and whether it verifies",
		}},
	},
}

// ListAssumptions lists them, a line each.
func ListAssumptions(w io.Writer, style Style) error {
	g := grid{header: []string{"ASSUMPTION", "WHAT A VERDICT TAKES FOR GRANTED"}}
	for _, a := range Assumptions() {
		g.rows = append(g.rows, []string{string(a.Name), a.Title})
	}
	return g.write(w, style)
}

// Explain shows the long text of an assumption.
func (a *Assumed) Explain(w io.Writer, style Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s   assumption\n", a.Name)
	b.WriteString(style.wrap("", a.Title))
	section(&b, style, "Why", a.Why)
	section(&b, style, "Otherwise", a.Otherwise)
	byHand(&b, style, a.Check)
	_, err := io.WriteString(w, b.String())
	return err
}
