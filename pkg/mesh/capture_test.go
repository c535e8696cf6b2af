package mesh_test

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func itoa(port uint32) string { return strconv.Itoa(int(port)) }

func atoi(t *testing.T, s string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// args writes an init container as the injector does.
func args(name, line string) string {
	return `"initContainers":[{"name":"` + name + `","args":["` + strings.Join(strings.Split(line, " "), `","`) + `"]}],"containers":[{"name":"istio-proxy"}]`
}

func annotations(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, `"`+pairs[i]+`":"`+pairs[i+1]+`"`)
	}
	return `"annotations":{` + strings.Join(out, ",") + `}`
}

func TestCapture(t *testing.T) {
	const injected = "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15090,15021,15020"
	const traffic = "traffic.sidecar.istio.io/"
	in := func(port uint32) string { return "in " + itoa(port) }
	out := func(a string, port uint32) string { return "out " + a + " " + itoa(port) }
	own := func(port uint32) string { return "own " + itoa(port) }
	tests := []struct {
		name, metadata, spec string
		captured, free       []string
	}{
		{
			"as injected", "", args("istio-init", injected),
			[]string{in(8080), out("10.96.0.1", 80), out("fd00::1", 80), out("", 443), own(8080), own(15021)},
			[]string{in(15021), in(15090)},
		},
		{"istio-validation of the CNI has the same arguments", "", args("istio-validation", injected+" --run-validation --skip-rule-apply"), []string{in(8080)}, []string{in(15020)}},
		{
			"long flags, joined", "", args("istio-init", "istio-iptables --istio-inbound-ports=* --istio-local-exclude-ports=9000 --istio-service-cidr=* --istio-local-outbound-ports-exclude=3306"),
			[]string{in(8080), out("10.96.0.1", 80)},
			[]string{in(9000), out("10.96.0.1", 3306), own(3306)},
		},
		{
			"long flags, apart", "", args("istio-init", "istio-iptables --istio-inbound-ports 80,443 --istio-service-cidr 10.96.0.0/16,192.0.2.7"),
			[]string{in(443), out("10.96.9.9", 80), out("192.0.2.7", 80)},
			[]string{in(8080), out("192.0.2.8", 80), out("", 80)},
		},
		{"excluded ranges beat included ports", "", args("istio-init", "istio-iptables -i * -x 10.96.0.0/16 -q 80 -b *"), []string{out("10.97.0.1", 80)}, []string{out("10.96.0.1", 80)}},
		{"included ports are captured outside the ranges", "", args("istio-init", "istio-iptables -i 10.96.0.0/16 -q 6379"), []string{out("192.0.2.1", 6379)}, []string{out("192.0.2.1", 80)}},
		{"excluded ports beat included ones", "", args("istio-init", "istio-iptables -i * -o 80 -q 80"), nil, []string{out("10.96.0.1", 80)}},
		{"an exclusion does not count where ports are listed", "", args("istio-init", "istio-iptables -b 8080 -d 8080"), []string{in(8080)}, nil},
		{"no inbound ports at all", "", args("istio-init", "istio-iptables -i * -b "), nil, []string{in(8080)}},
		{"mode NONE", "", args("istio-init", "istio-iptables -m NONE -i * -b *"), nil, []string{in(8080), out("10.96.0.1", 80), own(8080)}},
		{"the arguments are what ran, not the annotations", annotations(traffic+"excludeInboundPorts", "8080"), args("istio-init", injected), []string{in(8080)}, nil},

		{
			"annotations without an init container", annotations(traffic+"excludeInboundPorts", "9000, 9001", traffic+"excludeOutboundPorts", "3306"), "",
			[]string{in(8080), out("10.96.0.1", 80)},
			[]string{in(9000), in(9001), in(15020), out("10.96.0.1", 3306)},
		},
		{
			"annotated ranges", annotations(traffic+"includeOutboundIPRanges", "10.96.0.0/16", traffic+"excludeOutboundIPRanges", "10.96.1.0/24"), "",
			[]string{out("10.96.0.1", 80), out("::ffff:10.96.0.1", 80)},
			[]string{out("10.96.1.1", 80), out("192.0.2.1", 80)},
		},
		{"annotated mode", annotations("sidecar.istio.io/interceptionMode", "NONE"), "", nil, []string{in(8080)}},
		{"nothing said", "", "", []string{in(8080), out("10.96.0.1", 80)}, []string{in(15021)}},
		{
			"words that are no ports or ranges are left out", annotations(traffic+"excludeInboundPorts", "http,70000,9000", traffic+"excludeOutboundIPRanges", "x,10.0.0.0/99"), "",
			[]string{in(8080), out("10.0.0.1", 80)},
			[]string{in(9000)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := snapshot(t, pod("p", "10.1.0.1", tt.metadata, tt.spec)).Pods[0]
			check := func(what string) bool {
				f := strings.Split(what, " ")
				switch f[0] {
				case "in":
					return p.Capture.Inbound(atoi(t, f[1]))
				case "own":
					return p.Capture.Loopback(atoi(t, f[1]))
				}
				var a netip.Addr
				if f[1] != "" {
					a = mustAddr(f[1])
				}
				return p.Capture.Outbound(a, atoi(t, f[2]))
			}
			for _, what := range tt.captured {
				if !check(what) {
					t.Errorf("%s is not captured (%+v)", what, p.Capture)
				}
			}
			for _, what := range tt.free {
				if check(what) {
					t.Errorf("%s is captured (%+v)", what, p.Capture)
				}
			}
			if p.Capture.Source == "" || p.Capture.Assumed {
				t.Errorf("source %q, assumed %t", p.Capture.Source, p.Capture.Assumed)
			}
		})
	}
}

// TestAsProxy: what runs as the proxy's user or group is not captured on its way out, and is on its way in.
func TestAsProxy(t *testing.T) {
	init := func(flags string) string {
		return strings.TrimSuffix(args("istio-init", "istio-iptables -i * -b * "+flags), `"containers":[{"name":"istio-proxy"}]`)
	}
	const proxy = `{"name":"istio-proxy","securityContext":{"runAsUser":1337,"runAsGroup":1337}}`
	app := func(name, security string) string {
		return `,{"name":"` + name + `","securityContext":{` + security + `}}`
	}
	for name, tt := range map[string]struct {
		spec string
		free bool
	}{
		"another user":                 {`"containers":[` + proxy + app("a", `"runAsUser":2000`) + `]`, false},
		"no user":                      {`"containers":[` + proxy + app("a", ``) + `]`, false},
		"the proxy's user":             {`"containers":[` + proxy + app("a", `"runAsUser":1337`) + `]`, true},
		"the proxy's group":            {`"containers":[` + proxy + app("a", `"runAsUser":2000,"runAsGroup":1337`) + `]`, true},
		"by the pod":                   {`"securityContext":{"runAsUser":1337},"containers":[` + proxy + app("a", ``) + `]`, true},
		"one of two":                   {`"containers":[` + proxy + app("a", `"runAsUser":1337`) + app("b", `"runAsUser":2000`) + `]`, false},
		"both":                         {`"containers":[` + proxy + app("a", `"runAsUser":1337`) + app("b", `"runAsGroup":1337`) + `]`, true},
		"a native sidecar":             {`"initContainers":[` + proxy + `],"containers":[` + app("a", `"runAsUser":1337`)[1:] + `]`, true},
		"what istio-init lets out":     {init("-u 1500 -g 1600") + `"containers":[` + proxy + app("a", `"runAsUser":1500`) + `]`, true},
		"the group it lets out":        {init("--proxy-uid=1500 --proxy-gid=1600") + `"containers":[` + proxy + app("a", `"runAsGroup":1600`) + `]`, true},
		"one of those it lets out":     {init("-u 1500,1501") + `"containers":[` + proxy + app("a", `"runAsGroup":1501`) + `]`, true},
		"not what istio-init lets out": {init("-u 1500") + `"containers":[` + proxy + app("a", `"runAsUser":1337,"runAsGroup":1337`) + `]`, false},
		"another user of the proxy's":  {`"containers":[{"name":"istio-proxy","securityContext":{"runAsUser":7}}` + app("a", `"runAsUser":1337`) + `]`, false},
		"root, as the proxy":           {`"containers":[{"name":"istio-proxy","securityContext":{"runAsUser":0,"runAsGroup":1337}}` + app("a", `"runAsUser":0`) + `]`, false},
		"the user of a proxy of root":  {`"containers":[{"name":"istio-proxy","securityContext":{"runAsUser":0,"runAsGroup":1337}}` + app("a", `"runAsUser":1337`) + `]`, true},
		"no application":               {`"containers":[` + proxy + `]`, false},
		"no proxy":                     {`"securityContext":{"runAsUser":1000},"containers":[` + app("a", ``)[1:] + `]`, false},
		"no proxy, its usual user":     {`"containers":[` + app("a", `"runAsUser":1337`)[1:] + `]`, false},
	} {
		var p kube.Pod
		if err := json.Unmarshal([]byte(`{"metadata":{"name":"a","namespace":"shop"},"spec":{`+tt.spec+`},"status":{"podIP":"10.0.0.1","phase":"Running"}}`), &p); err != nil {
			t.Fatal(name, err)
		}
		s := mesh.New(&mesh.Evidence{Resources: &kube.Resources{Pods: []*kube.Pod{&p}}})
		c := s.Pods[0].Capture
		if got := !c.Outbound(mustAddr("10.96.0.1"), 80); got != tt.free || !c.Inbound(8080) {
			t.Errorf("%s: free on its way out %t, in %t", name, got, !c.Inbound(8080))
		}
	}
}
