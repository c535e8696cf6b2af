package checks

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"

// What a person looks at to see a cause by hand: CLIENT and SERVER stand for pods, NS for their namespace.

// seeCluster is what the client's proxy has for a host and port.
func seeCluster(shows string) diagnose.Look {
	return look("istioctl proxy-config clusters CLIENT.NS --fqdn HOST --port PORT -o json", shows)
}

// seeEndpoints is what the client's proxy knows of each address of a host.
func seeEndpoints(shows string) diagnose.Look {
	return look("istioctl proxy-config endpoints CLIENT.NS --cluster 'outbound|PORT||HOST' -o json", shows)
}

// seeInbound is what the server's proxy accepts.
func seeInbound(shows string) diagnose.Look {
	return look("istioctl proxy-config listeners SERVER.NS --port 15006 -o json", shows)
}

// seeSecrets is the certificates of a proxy and until when they are valid.
func seeSecrets(shows string) diagnose.Look {
	return look("istioctl proxy-config secret POD.NS", shows)
}

// seeChain is the certificates of a proxy in full.
func seeChain(shows string) diagnose.Look {
	return look(`istioctl proxy-config secret POD.NS -o json | jq -r '.dynamicActiveSecrets[] | select(.name=="default") `+
		`| .secret.tlsCertificate.certificateChain.inlineBytes' | base64 -d | openssl x509 -noout -text`, shows)
}

// seeLog is the log of a proxy.
func seeLog(pod, shows string) diagnose.Look {
	return look("kubectl -n NS logs "+pod+" -c istio-proxy", shows)
}

// seeAll is all resources of a kind, with their namespaces.
func seeAll(kind, shows string) diagnose.Look {
	return look("kubectl get "+kind+" -A -o yaml", shows)
}

// seePod is a pod as it is.
func seePod(shows string) diagnose.Look {
	return look("kubectl -n NS get pod POD -o yaml", shows)
}

// seeMesh is the config of the mesh.
func seeMesh(shows string) diagnose.Look {
	return look("kubectl -n istio-system get configmap istio -o jsonpath='{.data.mesh}'", shows)
}

func look(command, shows string) diagnose.Look { return diagnose.Look{Command: command, Shows: shows} }
