package node

import (
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/app"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/dns"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/pki"
)

// hostLifetime is how long the certificate of such a host is valid.
const hostLifetime = 90 * 24 * time.Hour

// files are those of a container's /etc, and the certificate of the hosts that its pod plays.
func (a *Agent) files(w *worker, now time.Time) (map[string]string, error) {
	all := a.etc(w)
	names := strings.Fields(w.pod().Annotations[dns.Hosts])
	if len(names) == 0 {
		return all, nil
	}
	certificate, err := a.publicCertificate(now, names...)
	maps.Copy(all, certificate)
	return all, err
}

// publicCertificate is one of the root that every pod of the lab trusts.
func (a *Agent) publicCertificate(now time.Time, names ...string) (map[string]string, error) {
	cert, err := os.ReadFile(a.dir.Run("pki", "public", "ca-certificates.crt"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(a.dir.Run("pki", "public-root.key"))
	if err != nil {
		return nil, err
	}
	ca, err := pki.Load(cert, key)
	if err != nil {
		return nil, err
	}
	pair, err := ca.Issue(pkix.Name{}, hostLifetime, now, names...)
	if err != nil {
		return nil, fmt.Errorf("a certificate for the hosts of a pod: %w", err)
	}
	return map[string]string{app.CertFile: string(pair.Cert), app.KeyFile: string(pair.Key)}, nil
}
