package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// Signs are the texts that users meet and paste, with the checks whose cause they may be. The symptoms of these checks
// name the same texts. Numbers are BoringSSL's, as Envoy's upstream_transport_failure_reason gives them.
func Signs() []diagnose.Sign {
	return slices.Concat(causeSigns, failureSigns, symptomSigns)
}

type codes = []diagnose.Code

// causeSigns name what is wrong.
var causeSigns = []diagnose.Sign{
	{Pattern: `(?i)certificate (has )?expired`, Means: "a certificate of the handshake has expired", Codes: codes{"MTD101"}},
	{Pattern: `(?i)not yet valid`, Means: "a certificate is not valid yet, by the clock of the side that refuses it", Codes: codes{"MTD103"}},
	{
		Pattern: `(?i)no trust bundle`, Codes: codes{"MTD203"},
		Means: "the certificate is of a trust domain for which the other side has no bundle",
	},
	{
		Pattern: `(?i)SAN matcher|verify SAN list|certificate SANs are|did not present the expected SAN`, Codes: codes{"MTD202", "MTD203", "MTD501"},
		Means: "the chain is trusted, but the identity in the certificate is not one that the other side expects",
	},
	{
		Pattern: `(?i)self.signed certificate in`, Codes: codes{"MTD302", "MTD201", "MTD341"},
		Means: "the server's chain ends at a root that the client does not hold: the client's trust is another one, such as the operating system's",
	},
	{
		Pattern: `(?i)unable to get (local )?issuer`, Codes: codes{"MTD201", "MTD204"},
		Means: "the server's certificate does not chain to a root that the client holds",
	},
	{
		Pattern: `(?i)unsupported certificate purpose|KEY USAGE BIT INCORRECT|path length constraint|permitted subtree violation|invalid CA certificate`,
		Means:   "a certificate is made wrongly", Codes: codes{"MTD204"},
	},
	{
		Pattern: `(?i)secret is not supplied by SDS`, Codes: codes{"MTD401", "MTD318"},
		Means: "the client's proxy waits for a certificate that nobody gives it",
	},
	{Pattern: `(?i)not authorized for the requested identities`, Codes: codes{"MTD401"}, Means: "SPIRE has no entry for the workload"},
	{Pattern: `(?i)failed to (sign CSR|warm certificate)`, Codes: codes{"MTD102", "MTD101"}, Means: "the agent cannot renew its proxy's certificate"},
	{
		Pattern: `(?i)failed to fetch certs|signed by unknown authority`, Codes: codes{"MTD207"},
		Means: "the agent, or another client of istiod, does not trust the certificate that it is shown",
	},
	{
		Pattern: `(?i)failed calling webhook "?\S*sidecar-injector`, Codes: codes{"MTD605"},
		Means: "the API server cannot reach the injector, so pods start without a proxy or not at all",
	},
	{
		Pattern: `(?i)failed calling webhook|not valid for any names, but wanted|FailedDiscoveryCheck`, Codes: codes{"MTD610"},
		Means: "the API server, which has no certificate of the mesh, calls a pod and met its proxy",
	},
	{Pattern: `(?i)(readiness|liveness|startup) probe failed`, Codes: codes{"MTD602"}, Means: "the kubelet, which has no certificate of the mesh, probes the pod"},
	{
		Pattern: `PassthroughCluster|AllowAnyDynamicDNSCluster`, Codes: codes{"MTD315", "MTD316"},
		Means: "the client's proxy does not know the destination as a service, so it passes the bytes on as they are",
	},
	{Pattern: `(?i)RBAC: access denied|rbac access denied`, Codes: codes{"MTD317", "MTD399"}, Means: "an AuthorizationPolicy refuses the call"},
	{
		Pattern: `(?i)jwks doesn't have key|jwt verification fails|failed to fetch public key`, Codes: codes{"MTD502"},
		Means: "the keys that verify a token could not be fetched",
	},
	{Pattern: `\bUAEX\b|(?i)ext.authz.*connection termination`, Codes: codes{"MTD609"}, Means: "a service that a filter of the proxy asks did not answer"},
	{
		Pattern: `(?i)ACK ERROR|adding/updating listener|Listener rejected`, Codes: codes{"MTD402"},
		Means: "a proxy refused the config that istiod sent, and runs an older one",
	},
	{Pattern: `\bSTALE\b`, Codes: codes{"MTD402", "MTD403", "MTD404"}, Means: "a proxy has not acknowledged what istiod sent"},
	{Pattern: `(?i)cannot have port level mTLS`, Codes: codes{"MTD326"}, Means: "portLevelMtls needs a selector"},
	{Pattern: `IST0101|(?i)referenced host not found`, Codes: codes{"MTD327"}, Means: "a resource names a host that does not exist"},
	{
		Pattern: `(?i)lost connection to MySQL|initial communication packet`, Codes: codes{"MTD332"},
		Means: "client and server each wait for the other to speak",
	},
	{
		Pattern: `(?i)connection security policy="?none`, Codes: codes{"MTD319"},
		Means: "the server's proxy counted calls in plaintext",
	},
	{
		Pattern: `(?i)connection security policy="?unknown`, Means: "the client's side does not tell the policy in metrics",
		Next: `the same metric with reporter="destination"`,
	},
	{
		Pattern: `(?i)explicitly denied by|allow policies exist, but none allowed`, Means: "ztunnel refuses the call for an AuthorizationPolicy",
		Next: "the policy that the text names (kubectl get authorizationpolicies -A)",
	},
	{
		Pattern: `(?i)HBONE port 15008`, Means: "ztunnel gets no answer from the node of the server",
		Next: "NetworkPolicies that leave out port 15008 (kubectl get networkpolicies -A)",
	},
}

// failureSigns name the step that failed.
var failureSigns = []diagnose.Sign{
	{
		Pattern: `(?i)CERTIFICATE VERIFY FAILED|268435581`, Telling: diagnose.Failure,
		Means: "the client's proxy refused the server's certificate", Codes: codes{"MTD201", "MTD202", "MTD302", "MTD101", "MTD203", "MTD204", "MTD341", "MTD103"},
	},
	{
		Pattern: `(?i)alert (certificate unknown|unknown ca|bad certificate)`, Telling: diagnose.Failure,
		Means: "the server's proxy refused the client's certificate", Codes: codes{"MTD201", "MTD203"},
	},
	{
		Pattern: `(?i)curl: \(35\).*wrong version number`, Telling: diagnose.Failure,
		Means: "the application started TLS, and what came back is none: its TLS was wrapped in another, or ended on the way", Codes: codes{"MTD307", "MTD333"},
	},
	{
		Pattern: `(?i)wrong version number|268435703`, Telling: diagnose.Failure,
		Means: "one side speaks TLS and the other plaintext: mutual TLS to an endpoint that has no proxy, or whose port bypasses it",
		Codes: codes{"MTD303", "MTD314", "MTD313", "MTD323", "MTD307"},
	},
	{
		Pattern: `(?i)no application protocol|268436576`, Telling: diagnose.Failure,
		Means: "mutual TLS met an application that speaks TLS itself", Codes: codes{"MTD303"},
	},
	{
		Pattern: `(?i):HTTP REQUEST\b|268435612|\.\.\. HTTP REQUEST|… HTTP REQUEST|plain HTTP request was sent to HTTPS|sent an HTTP request to an HTTPS server`, Telling: diagnose.Failure,
		Means: "plaintext HTTP arrived where TLS is spoken", Codes: codes{"MTD333", "MTD307"},
	},
	{
		Pattern: `(?i)codec.error|\bDPE\b`, Telling: diagnose.Failure,
		Means: "a proxy that reads HTTP got other bytes: a PROXY protocol header, TLS, or another version of HTTP", Codes: codes{"MTD340"},
	},
	{
		Pattern: `(?i)alert protocol version|unsupported protocol|no shared cipher`, Telling: diagnose.Failure,
		Means: "the two sides have no TLS version or cipher in common", Codes: codes{"MTD206"},
	},
	{
		Pattern: `(?i)alert handshake failure`, Telling: diagnose.Failure,
		Means: "the server's proxy refused the handshake before any certificate", Codes: codes{"MTD206", "MTD204"},
	},
	{
		Pattern: `(?i)(alert|tls:) certificate required`, Telling: diagnose.Failure,
		Means: "TLS without a client certificate of the mesh arrived at a port that asks for one", Codes: codes{"MTD601", "MTD301", "MTD610"},
	},
	{
		Pattern: `(?i)filter chain not found`, Telling: diagnose.Failure,
		Means: "plaintext, or TLS that is not the mesh's, arrived at a port that accepts only mutual TLS",
		Codes: codes{"MTD601", "MTD301", "MTD306", "MTD308", "MTD315", "MTD316", "MTD312", "MTD604", "MTD321", "MTD322", "MTD320", "MTD331", "MTD340"},
	},
	{
		Pattern: `(?i)target is down|TargetDown|server returned HTTP status 50[023]|Get "https?://\S+/metrics"`, Telling: diagnose.Failure,
		Means: "Prometheus got no metrics from a pod, whose port may accept only mutual TLS", Codes: codes{"MTD612", "MTD603"},
	},
	{
		Pattern: `\\x16\\x03`, Telling: diagnose.Failure,
		Means: "an application that speaks plaintext was sent TLS", Codes: codes{"MTD323"},
	},
	{
		Pattern: `(?i)got "\\x15" as reply`, Telling: diagnose.Failure,
		Means: "a client that speaks plaintext got the TLS alert of a server that speaks TLS itself",
		Next:  "the client's settings for TLS, and the tls block of the DestinationRule for the host",
	},
	{
		Pattern: `(?i)SSL ERROR SYSCALL`, Telling: diagnose.Failure,
		Means: "the other side closed during the handshake: at a gateway, mostly for want of its certificate", Codes: codes{"MTD401"},
	},
	{
		Pattern: `(?i)no healthy upstream|\bUH\b`, Telling: diagnose.Failure, Means: "no endpoint of the service is there and healthy",
		Next: "kubectl -n NS get endpointslices, whether the pods are ready, and outlierDetection and subsets of the DestinationRule",
	},
	{
		Pattern: `(?i)connect error: 111|connection refused`, Telling: diagnose.Failure, Means: "nobody listens at that address and port",
		Next: "whether the application runs, the port it listens on, and the Service's targetPort",
	},
	{
		Pattern: `(?i)connection timeout|connect timeout|timed out|i/o timeout|deadline (has elapsed|exceeded)|upstream request timeout|\bUT\b`, Telling: diagnose.Failure,
		Means: "no answer came in time, where TLS that fails closes at once",
		Next:  "NetworkPolicies and firewalls between the pods (kubectl get networkpolicies -A), a slow application, timeouts of the VirtualService; of databases also MTD332",
	},
}

// symptomSigns are what is seen of a failure elsewhere.
var symptomSigns = []diagnose.Sign{
	{
		Pattern: `(?i:connection.termination|upstream reset before response started)|\bU[CR]\b`, Telling: diagnose.Symptom,
		Means: "the server's side closed: its proxy refuses plaintext or the client's certificate, or the application closed",
		Codes: codes{"MTD301", "MTD306", "MTD308", "MTD312", "MTD315", "MTD316", "MTD322", "MTD320", "MTD305", "MTD304", "MTD340", "MTD201", "MTD203", "MTD101"},
	},
	{
		Pattern: `(?i:remote connection failure|TLS error)|\bUF\b`, Telling: diagnose.Symptom,
		Means: "the client's proxy could not connect, and TLS is one reason: its log says which (kubectl logs POD -c istio-proxy)",
		Codes: codes{"MTD303", "MTD302", "MTD201", "MTD202", "MTD314", "MTD313", "MTD101", "MTD203", "MTD204", "MTD341", "MTD206", "MTD401", "MTD103"},
	},
	{
		Pattern: `(?i)connection reset by peer|empty reply|\bEOF\b`, Telling: diagnose.Symptom,
		Means: "the server's side closed on an application that calls without a proxy, or around it",
		Codes: codes{"MTD601", "MTD321", "MTD607", "MTD605", "MTD602", "MTD603", "MTD610", "MTD612"},
	},
	{
		Pattern: `(?i:route not found)|\bNR\b`, Telling: diagnose.Symptom, Means: "no route of the proxy matches the request",
		Next: "hosts, paths and gateways of the VirtualService (istioctl proxy-config routes POD.NS)",
	},
	{
		Pattern: `(?i)upstream connect error`, Telling: diagnose.Vague,
		Means: "the client's proxy got no answer; the words after it, or the proxy's log, say why", Codes: codes{"MTD301", "MTD303", "MTD302"},
	},
}
