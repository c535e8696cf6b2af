package checks

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
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

// With ALLOW_ANY_DYNAMIC_DNS another cluster leads to what is not known. What is called by a name there is not called by IP.
func TestStrictPodIPByName(t *testing.T) {
	byName := func(name string) *recording {
		r := record(t, "19-strict-pod-ip")
		for _, p := range r.Proxies {
			for _, h := range p.Hosts["PassthroughCluster"] {
				if h.Hostname = name; name == "" {
					h.Hostname = h.Address.String()
				}
				p.Hosts["AllowAnyDynamicDNSCluster"] = append(p.Hosts["AllowAnyDynamicDNSCluster"], h)
			}
			delete(p.Hosts, "PassthroughCluster")
		}
		return r
	}
	r := byName("")
	has(t, r.says(mtd316), "error Deployment pay/client [] 2: Deployment pay/client dials the IP of pods of shop/server")
	seen := r.judge(mtd316).Findings[0].Evidence
	has(t, seen[len(seen)-1].Source, "clusters AllowAnyDynamicDNSCluster::")
	byName("db.corp.example:8080").silent(mtd316)
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

// A port of a pod that a headless service does not list was reached by a name that a Sidecar
// hides: the Sidecar is the cause.
func TestStrictPodIPOfAHiddenName(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	pod := r.pods("hl")[0]
	p := r.proxy("pay/client")
	if p.Hosts == nil {
		p.Hosts = map[string][]envoy.Host{}
	}
	p.Hosts["PassthroughCluster"] = []envoy.Host{{
		Address: netip.AddrPortFrom(netip.MustParseAddr(pod.Status.PodIP), 7777), Stats: map[string]uint64{"cx_total": 1},
	}}
	res := r.judge(mtd315, mtd316)
	i := slices.IndexFunc(res.Findings, func(f *diagnose.Finding) bool { return f.Check == mtd316 })
	if i < 0 {
		t.Fatal(lines(res.Findings))
	}
	f := res.Findings[i]
	has(t, lines(res.Findings[i:i+1]), "error Sidecar pay/default [spec.egress[0].hosts] 1: Sidecar pay/default hides a headless service of shop/hl from pay/client")
	if f.CausedBy == nil || f.CausedBy.Check != mtd315 {
		t.Errorf("caused by %+v", f.CausedBy)
	}
}

// A headless Service over pods of which one has no proxy would be plaintext for all: the port is opened
// instead.
func TestStrictPodIPOfAMixedWorkload(t *testing.T) {
	r := record(t, "19-strict-pod-ip")
	r.stranger("server")
	r.Resources.Pods[len(r.Resources.Pods)-1].Labels = map[string]string{"app": "server"}
	for _, f := range r.judge(mtd316).Findings {
		if len(f.Fixes) != 1 || !strings.Contains(f.Fixes[0].Title, "open only the port that it needs") {
			t.Errorf("%+v", f.Fixes)
		}
	}
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
