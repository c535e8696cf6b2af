package truth

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
)

// evidence is all that was seen while the calls were made, by pod.
type evidence struct {
	pods []node.PodInfo
	seen map[string]probe.Seen
	logs map[string][]logLine
}

// outcome is what became of one call.
type outcome struct {
	endpoint *node.PodInfo // that answered, or that a failed call was made to; nil when it is not known
	mtls     *bool
	clear    []probe.Leg // where that endpoint had the token in clear
	doubt    string      // why the instrument can not say
}

// pairs folds the calls, in order, and says what is doubtful about them.
func (e evidence) pairs(attempts []attempt, results map[string]probe.Result) ([]Pair, []string) {
	var all []Pair
	var doubts []string
	at := map[string]int{}
	for _, a := range attempts {
		result := results[a.Call.Token]
		o := e.decide(a, result)
		made := []Pair{e.pair(a, result, o)}
		if a.target.behind != nil {
			made = e.throughGateway(a, result, o)
		}
		if o.doubt != "" {
			doubts = append(doubts, fmt.Sprintf("%s %s: %s", e.pair(a, result, o), a.Call.Token, o.doubt))
		}
		for _, p := range made {
			key := keyOf(p.From.Pod, p.To, p.OK, p.MTLS)
			if i, ok := at[key]; ok {
				all[i].Tries = append(all[i].Tries, p.Tries...)
				continue
			}
			at[key] = len(all)
			all = append(all, p)
		}
	}
	return all, append(doubts, disagreements(all)...)
}

func keyOf(parts ...any) string {
	text, _ := json.Marshal(parts) // plain data
	return string(text)
}

// disagreements are pairs whose calls came to different ends at the same endpoint.
func disagreements(pairs []Pair) []string {
	first := map[string]Pair{}
	var all []string
	for _, p := range pairs {
		key := keyOf(p.From.Pod, p.To)
		other, ok := first[key]
		if !ok {
			first[key] = p
			continue
		}
		all = append(all, fmt.Sprintf("%s: %d calls are %s, %d are %s", p, len(other.Tries), outcomeOf(other), len(p.Tries), outcomeOf(p)))
	}
	return all
}

func (e evidence) decide(a attempt, r probe.Result) outcome {
	if !r.OK {
		return outcome{endpoint: e.dialled(a, r)}
	}
	answered := e.answered(r)
	if answered == nil {
		return outcome{doubt: fmt.Sprintf("no pod is called what the answer says: %.60q", r.Body)}
	}
	o := outcome{endpoint: answered, clear: e.legs(*answered, a.Call.Token)}
	wire, delivered := slices.Contains(o.clear, probe.Wire), slices.Contains(o.clear, probe.Delivered)
	tlsInApp := strings.Contains(r.Body, " tls=true ") && a.Call.Kind != probe.HTTPS
	vouched := strings.Contains(r.Body, `xfcc="By=`)
	mtls := false
	switch {
	case wire && vouched:
		o.doubt = "in clear on the wire, but the proxy vouches for a client certificate"
	case wire: // nobody encrypted it
	case delivered && answered.Proxied():
		mtls = true // its proxy took TLS off, and none of Istio's takes it off without a client certificate
	case !answered.Proxied(), tlsInApp: // encrypted by the client's proxy alone, for the application
	default:
		o.doubt = "it succeeded and was not seen"
	}
	o.mtls = &mtls
	return o
}

// answered is the pod whose application answered: it gives its name first.
func (e evidence) answered(r probe.Result) *node.PodInfo {
	name, _, _ := strings.Cut(r.Body, " ")
	for i, p := range e.pods {
		if p.Name == name {
			return &e.pods[i]
		}
	}
	return nil
}

// legs are where the token was seen in clear in the pod.
func (e evidence) legs(p node.PodInfo, token string) []probe.Leg {
	var legs []probe.Leg
	for _, s := range e.seen[id(p)].Sightings {
		if s.Token == token && !slices.Contains(legs, s.Leg) {
			legs = append(legs, s.Leg)
		}
	}
	return legs
}

// dialled is the one endpoint of the target that the client's pod sent packets to during a failed
// call. The calls of a client are made one after the other, so that no other call begins among
// them. It is not known when several were called (a retry), or when a connection to a pod that is
// no endpoint began: by a route to another host, or by a proxy that refills a pool.
func (e evidence) dialled(a attempt, r probe.Result) *node.PodInfo {
	if a.endpoint != nil {
		return a.endpoint
	}
	var found *node.PodInfo
	for _, d := range e.seen[id(a.client)].Dials {
		host, _, err := net.SplitHostPort(d.To)
		if err != nil || d.At < r.Start || d.At > r.End {
			continue
		}
		p := e.byIP(host)
		if p == nil || p == found || !d.Began && !a.target.has(*p) {
			continue
		}
		if found != nil || !a.target.has(*p) {
			return nil
		}
		found = p
	}
	if found == nil && len(a.target.endpoints) == 1 && !e.ownPod(a, r) {
		return &a.target.endpoints[0]
	}
	return found
}

// ownPod reports a call that the client's proxy led back into its own pod, by a route to another host: its packets do not
// leave the pod.
func (e evidence) ownPod(a attempt, r probe.Result) bool {
	line := e.clientLine(a, r)
	return line != nil && strings.HasPrefix(line.upstream, a.client.IP+":")
}

func (t target) has(p node.PodInfo) bool {
	return slices.ContainsFunc(t.endpoints, func(e node.PodInfo) bool { return id(e) == id(p) })
}

func (e evidence) byIP(ip string) *node.PodInfo {
	for i, p := range e.pods {
		if p.IP == ip {
			return &e.pods[i]
		}
	}
	return nil
}

func (e evidence) pair(a attempt, r probe.Result, o outcome) Pair {
	c := a.client
	p := Pair{
		From: From{c.Namespace, c.Name, c.Workload, c.Proxied()},
		To:   a.target.to, Protocol: string(a.Call.Kind), OK: r.OK, MTLS: o.mtls, Error: r.Error,
		Tries: []Try{{Token: a.Call.Token, OK: r.OK, MTLS: o.mtls, Error: r.Error, Clear: o.clear, Millis: (r.End - r.Start) / 1e6}},
	}
	if o.endpoint != nil {
		injected := o.endpoint.Proxied()
		p.To.Pod, p.To.Workload, p.To.PodInjected = o.endpoint.Name, o.endpoint.Workload, &injected
		if o.endpoint.Namespace != p.To.Namespace {
			p.To.PodNS = o.endpoint.Namespace
		}
	}
	client, server := e.lines(a, r, o)
	p.Client, p.ClientLg = client.flags(), client.brief()
	p.Server, p.ServerLg = server.flags(), server.brief()
	return p
}
