package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestStrictPodIP(t *testing.T) {
	r := record(t, "19-strict-pod-ip")
	found := r.judge(mtd316).Findings
	if len(found) != 2 {
		t.Fatal(lines(found))
	}
	has(t, lines(found), "error Deployment pay/client [] 2: Deployment pay/client dials the IP of pods of shop/server, which its proxy sends in plaintext and they refuse")
	has(t, lines(found), "error Deployment shop/client [] 2: ")
	hasFix(t, found[0], `apiVersion: v1
kind: Service
metadata:
  name: server-pods
  namespace: shop
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    app: "server"
  ports:
    - name: tcp-8080
      port: 8080
    - name: tcp-9000
      port: 9000
`)
}

// Only what the proxy counted is told: that somebody could dial a pod's address is no fault.
func TestStrictPodIPOnlyWhenSeen(t *testing.T) {
	r := record(t, "19-strict-pod-ip")
	for _, p := range r.Proxies {
		for _, h := range p.Hosts["PassthroughCluster"] {
			h.Stats["cx_total"] = 0
		}
	}
	r.silent(mtd316)
}

// A headless name resolves to the pods: that is not to dial their address.
func TestStrictPodIPQuietAndBlind(t *testing.T) {
	shared(t, "18-sidecar-egress-hides-service").silent(mtd316)
	shared(t, healthy).silent(mtd316)
	blinded(t, "19-strict-pod-ip", mtd316)
	r := record(t, "19-strict-pod-ip")
	r.proxy("pay/client").Read &^= envoy.SectionHosts
	if got := strings.Join(r.unknowns(mtd316), "\n"); !strings.Contains(got, "(/clusters) were not read") {
		t.Error(got)
	}
}
