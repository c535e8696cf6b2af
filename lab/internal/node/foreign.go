package node

import (
	"crypto/x509/pkix"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/pki"
)

// ForeignCA is a fault, as an annotation of a pod: its proxy gets certificates of its own, from
// an authority that nobody else knows, where pilot-agent looks for mounted ones. The value is
// the certificate's lifetime ("24h"; "-1h" has expired already).
const ForeignCA = "lab.mtls-doctor/foreign-ca"

// mountedCertificates is the volume that Istio's injection makes for such certificates.
const mountedCertificates = "workload-certs"

// emptyDir is empty, but for the fault above.
func (a *Agent) emptyDir(pod *corev1.Pod, v corev1.Volume) (contents, error) {
	lifetime, foreign := pod.Annotations[ForeignCA]
	if !foreign || v.Name != mountedCertificates || exists(a.folder(pod, "volumes", v.Name, "cert-chain.pem")) {
		return nil, nil
	}
	d, err := time.ParseDuration(lifetime)
	if err != nil {
		return nil, fmt.Errorf("annotation %s: %w", ForeignCA, err)
	}
	return foreignCertificates(pod, d, time.Now())
}

func foreignCertificates(pod *corev1.Pod, lifetime time.Duration, now time.Time) (contents, error) {
	ca, err := pki.New("other.example", now)
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", layout.Domain, pod.Namespace, pod.Spec.ServiceAccountName)
	pair, err := ca.Issue(pkix.Name{}, lifetime, now, id)
	if err != nil {
		return nil, err
	}
	return contents{"cert-chain.pem": pair.Cert, "key.pem": pair.Key, "root-cert.pem": ca.PEM()}, nil
}
