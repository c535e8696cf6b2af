package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// root is the mesh's root namespace.
const root = "istio-system"

// Generate makes the mesh number n of a seed: a few pods with and without proxies, services of
// every kind, and policies that meet, overlap and contradict each other. The same numbers give
// the same mesh.
func Generate(seed, n uint64) Case {
	g := &generator{rand: rand.New(rand.NewPCG(seed, n))}
	g.namespaces()
	g.workloads()
	g.services()
	g.serviceEntries()
	g.meshConfig()
	g.peerAuthentications()
	g.destinationRules()
	g.sidecars()
	g.virtualServices()
	return g.out
}

// generator makes one mesh.
type generator struct {
	rand  *rand.Rand
	out   Case
	pods  []pod
	hosts []string // of services and entries, fully qualified
	ips   int
}

// pod is what later objects have to know of a pod.
type pod struct {
	namespace, name, ip, app, version string
	proxied, ready                    bool
}

func (g *generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

// upTo is 0 to n, n included.
func (g *generator) upTo(n int) int { return g.rand.IntN(n + 1) }

func pick[T any](g *generator, from ...T) T { return from[g.rand.IntN(len(from))] }

func (g *generator) some(from ...string) []string {
	list := slices.Clone(from)
	g.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+g.rand.IntN(len(list))]
}

type fields = map[string]any

func (g *generator) add(apiVersion, kind, namespace, name string, rest fields) Object {
	meta := fields{"name": name, "creationTimestamp": g.born()}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	o := Object{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	for k, v := range rest {
		o[k] = v
	}
	g.out = append(g.out, o)
	return o
}

// born is one of a few seconds, so that ages often tie.
func (g *generator) born() string {
	at := time.Date(2026, 11, 1, 12, 0, g.rand.IntN(4), 0, time.UTC)
	return at.Format(time.RFC3339)
}

func (g *generator) namespaces() {
	for _, n := range []string{root, "a", "b", "c"} {
		g.add("v1", "Namespace", "", n, nil)
	}
}

// workloads are the applications x and y in the namespaces a and b, and perhaps one pod in c or
// in the root namespace.
func (g *generator) workloads() {
	for _, ns := range []string{"a", "b"} {
		for _, app := range g.some("x", "y") {
			for v := range 1 + g.upTo(1) {
				g.pod(ns, app, fmt.Sprintf("v%d", v+1), g.chance(78))
			}
		}
	}
	if g.chance(25) {
		g.pod(pick(g, root, "c"), "x", "v1", g.chance(78))
	}
}

func (g *generator) pod(ns, app, version string, proxied bool) {
	g.ips++
	p := pod{
		namespace: ns, name: fmt.Sprintf("%s-%s-%d", app, version, g.ips), ip: fmt.Sprintf("10.0.0.%d", g.ips),
		app: app, version: version, proxied: proxied, ready: g.chance(95),
	}
	labels := fields{"app": app, "version": version}
	containers := []any{fields{"name": "app"}}
	if p.proxied {
		containers = append(containers, fields{"name": "istio-proxy", "args": []any{"proxy", "sidecar"}})
	}
	if p.proxied != g.chance(4) { // sometimes the label lies
		labels["security.istio.io/tlsMode"] = pick(g, "istio", "istio", "istio", "istio", "istio", "disabled")
	}
	status := "True"
	if !p.ready {
		status = "False"
	}
	o := g.add("v1", "Pod", ns, p.name, fields{
		"spec": fields{"serviceAccountName": app, "containers": containers},
		"status": fields{
			"phase": "Running", "podIP": p.ip, "podIPs": []any{fields{"ip": p.ip}},
			"conditions": []any{fields{"type": "Ready", "status": status}},
		},
	})
	o["metadata"].(fields)["labels"] = labels
	g.pods = append(g.pods, p)
}

// meshConfig is left out more often than not.
func (g *generator) meshConfig() {
	var lines []string
	maybe := func(percent int, line string) {
		if g.chance(percent) {
			lines = append(lines, line)
		}
	}
	maybe(10, "enableAutoMtls: false")
	maybe(15, "outboundTrafficPolicy: {mode: REGISTRY_ONLY}")
	maybe(8, "defaultDestinationRuleExportTo: ['.']")
	maybe(5, "defaultServiceExportTo: ['.']")
	maybe(10, "meshMTLS: {minProtocolVersion: TLSV1_3}")
	if len(lines) > 0 {
		g.add("v1", "ConfigMap", root, "istio", fields{"data": fields{"mesh": strings.Join(lines, "\n")}})
	}
}
