package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd329 = &diagnose.Check{
	Code: "MTD329", Name: "dr-port-number", Severity: diagnose.Warning,
	Title: "portLevelSettings of a DestinationRule name the container's port instead of the Service's",
	Doc: diagnose.Doc{
		Meaning: "The ports of portLevelSettings are those of the Service, which clients dial. An entry for the targetPort matches nothing: its tls block has no effect, and the port keeps what the rest of the rule says.",
		Symptoms: []string{
			"one port was exempted from mutual TLS, or made to use it, and nothing changes",
		},
		Detection: "An entry of portLevelSettings with a tls block has a number that is no port of the host, and one of the host's ports leads to pods on that number.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "port.number in portLevelSettings"),
			look("kubectl -n NS get service NAME -o yaml", "that number is a targetPort and no port"),
		},
		NotThis:    "portLevelMtls of a PeerAuthentication is keyed the other way round, by the container's port (MTD309).",
		Fix:        "Name the Service's port, or remove the entry where it would break what works.",
		References: []string{"istio.io/docs/reference/config/networking/destination-rule/#TrafficPolicy-PortTrafficPolicy"},
	},
	Needs: []diagnose.Evidence{diagnose.DestinationRules, diagnose.Services},
	Run:   rulePortNumber,
}

func rulePortNumber(p *diagnose.Pass) {
	for _, rule := range p.Resources.DestinationRules {
		if !concerned(p, rule.Namespace) {
			p.NotApplicable()
			continue
		}
		for _, field := range tlsFields(rule) {
			judgePortNumber(p, rule, field)
		}
	}
}

// judgePortNumber judges the entry of a port in which a tls block stands.
func judgePortNumber(p *diagnose.Pass, rule *kube.DestinationRule, field string) {
	at, _ := placeOf(field)
	if at.entry < 0 {
		p.NotApplicable()
		return
	}
	entry := (*at.holder(rule)).PortLevelSettings[at.entry]
	host, meant := behindNumber(p, rule, uint32(entry.Port.Number))
	if meant == 0 {
		p.Passed()
		return
	}
	p.Failed(wrongNumber(p, rule, strings.TrimSuffix(field, ".tls")+".port.number", host, meant))
}

// behindNumber is the port of a rule's host that leads to pods on a number which is no port of the host;
// 0 when there is none, or when the number is one.
func behindNumber(p *diagnose.Pass, rule *kube.DestinationRule, number uint32) (host *mesh.Host, port uint32) {
	for _, h := range p.Hosts {
		if !names(p, rule, h) {
			continue
		}
		if h.Port(number) != nil {
			return nil, 0
		}
		for _, hp := range h.Ports {
			if port == 0 && slices.ContainsFunc(hp.Endpoints, func(ep mesh.Endpoint) bool { return uint32(ep.Address.Port()) == number }) {
				host, port = h, hp.Number
			}
		}
	}
	return host, port
}

func wrongNumber(p *diagnose.Pass, rule *kube.DestinationRule, field string, host *mesh.Host, meant uint32) diagnose.Finding {
	at, _ := placeOf(field)
	edited := copyRule(rule)
	entry := &(*at.holder(edited)).PortLevelSettings[at.entry]
	was := entry.Port.Number
	entry.Port.Number = int32(meant)
	ref := ruleRef(rule)
	f := diagnose.Finding{
		Subject: ref, Field: field,
		Title: fmt.Sprintf("%s sets tls for port %d, on which the pods of %s listen: clients dial port %d, so it has no effect", ref, was, shortHost(p, host.Name), meant),
		Evidence: []handshake.Fact{
			{Layer: handshake.Policy, Source: ref.String() + " " + field, Value: strconv.Itoa(int(was))},
			{Layer: handshake.Cluster, Source: host.Ref.String(), Value: fmt.Sprintf("port %d leads to port %d of its pods", meant, was)},
		},
	}
	if heals(p, replaced(p, rule, edited), nil) {
		f.Fixes = append(f.Fixes, diagnose.Fix{
			Title:   fmt.Sprintf("name the Service's port, %d", meant),
			Command: jsonPatch(ref, set(at.policy()+"/portLevelSettings/"+strconv.Itoa(at.entry)+"/port/number", strconv.Itoa(int(meant)))),
			Risk:    "the entry then takes effect",
		})
	}
	f.Fixes = append(f.Fixes, idleFixes(rule, strings.TrimSuffix(field, "port.number")+"tls")...)
	return f
}
