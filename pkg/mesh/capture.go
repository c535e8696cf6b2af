package mesh

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Capture says which of a pod's traffic iptables sends through its proxy, as its init
// container's arguments or its annotations ask. What really is in the kernel is not read:
// every verdict that rests on it assumes "capture-as-annotated".
// Flags and annotations: istio.io/docs/reference/config/annotations, tools/istio-iptables.
type Capture struct {
	Mode string // REDIRECT, TPROXY, NONE or ""
	// InboundAll captures every inbound port but InboundExcluded; otherwise only InboundIncluded.
	InboundAll       bool
	InboundIncluded  []uint32
	InboundExcluded  []uint32
	OutboundExcluded []uint32 // ports
	OutboundIncluded []uint32 // ports captured whatever the ranges say
	// RangesAll captures every outbound address but RangesExcluded; otherwise only RangesIncluded.
	RangesAll      bool
	RangesIncluded []netip.Prefix
	RangesExcluded []netip.Prefix
	// AsProxy: the application runs as the proxy's user or group, whose outbound traffic is not captured.
	AsProxy bool
	// Source says where this was read; Assumed that it was not.
	Source  string
	Assumed bool
}

// Inbound reports whether a connection to port reaches the proxy.
func (c *Capture) Inbound(port uint32) bool {
	switch {
	case c.Mode == "NONE":
		return false
	case c.InboundAll:
		return !slices.Contains(c.InboundExcluded, port)
	}
	return slices.Contains(c.InboundIncluded, port)
}

// Loopback reports whether a connection of the pod's proxy to the pod's own address comes back to the
// proxy: ISTIO_OUTPUT sends it to ISTIO_IN_REDIRECT whatever inbound ports are excluded, unless its
// port is excluded outbound (tools/istio-iptables/pkg/capture/run.go in istio/istio).
func (c *Capture) Loopback(port uint32) bool {
	return c.Mode != "NONE" && !slices.Contains(c.OutboundExcluded, port)
}

// Outbound reports whether a connection to an address reaches the proxy. An invalid address
// stands for one that is not known, outside every range.
func (c *Capture) Outbound(to netip.Addr, port uint32) bool {
	switch {
	case c.Mode == "NONE", c.AsProxy, slices.Contains(c.OutboundExcluded, port), within(c.RangesExcluded, to):
		return false
	case slices.Contains(c.OutboundIncluded, port):
		return true
	}
	return c.RangesAll || within(c.RangesIncluded, to)
}

func within(ranges []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// iptables flags and the annotations that set them, if any do.
var captureSettings = []struct{ short, long, annotation, key string }{
	{"-u", "--proxy-uid", "", "uid"},
	{"-g", "--proxy-gid", "", "gid"},
	{"-m", "--istio-inbound-interception-mode", "sidecar.istio.io/interceptionMode", "mode"},
	{"-b", "--istio-inbound-ports", "traffic.sidecar.istio.io/includeInboundPorts", "inbound"},
	{"-d", "--istio-local-exclude-ports", "traffic.sidecar.istio.io/excludeInboundPorts", "inboundExcluded"},
	{"-o", "--istio-local-outbound-ports-exclude", "traffic.sidecar.istio.io/excludeOutboundPorts", "outboundExcluded"},
	{"-q", "--istio-outbound-ports", "traffic.sidecar.istio.io/includeOutboundPorts", "outbound"},
	{"-i", "--istio-service-cidr", "traffic.sidecar.istio.io/includeOutboundIPRanges", "ranges"},
	{"-x", "--istio-service-exclude-cidr", "traffic.sidecar.istio.io/excludeOutboundIPRanges", "rangesExcluded"},
}

func newCapture(p *kube.Pod) Capture {
	if c := initContainer(p); c != nil {
		return captureOf(captureArgs(c.Args), "pod "+p.Key().String()+" initContainers["+c.Name+"].args")
	}
	values := map[string]string{"inbound": "*", "ranges": "*", "inboundExcluded": ""}
	source := "Istio's default: the pod has no istio-init container"
	for _, s := range captureSettings {
		if v, ok := p.Annotations[s.annotation]; ok {
			values[s.key] = v
			source = "pod " + p.Key().String() + " annotation " + s.annotation
		}
	}
	// The proxy's own ports are excluded by the injector whatever the annotation says.
	values["inboundExcluded"] += ",15020,15021,15090"
	return captureOf(values, source)
}

// initContainer is the container that writes the rules of iptables, or checks those of the CNI; nil without one.
func initContainer(p *kube.Pod) *kube.Container {
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; len(c.Args) > 0 && c.Args[0] == "istio-iptables" {
			return c
		}
	}
	return nil
}

func captureArgs(args []string) map[string]string {
	values := map[string]string{}
	for i, a := range args {
		name, value, joined := strings.Cut(a, "=")
		for _, s := range captureSettings {
			switch {
			case name != s.short && name != s.long:
			case joined:
				values[s.key] = value
			case i+1 < len(args):
				values[s.key] = args[i+1]
			}
		}
	}
	return values
}

func captureOf(v map[string]string, source string) Capture {
	return Capture{
		Mode:             v["mode"],
		InboundAll:       strings.TrimSpace(v["inbound"]) == "*",
		InboundIncluded:  portList(v["inbound"]),
		InboundExcluded:  portList(v["inboundExcluded"]),
		OutboundExcluded: portList(v["outboundExcluded"]),
		OutboundIncluded: portList(v["outbound"]),
		RangesAll:        strings.TrimSpace(v["ranges"]) == "*",
		RangesIncluded:   prefixList(v["ranges"]),
		RangesExcluded:   prefixList(v["rangesExcluded"]),
		Source:           source,
	}
}

func portList(s string) []uint32 {
	var out []uint32
	for f := range strings.SplitSeq(s, ",") {
		if n, err := strconv.ParseUint(strings.TrimSpace(f), 10, 16); err == nil {
			out = append(out, uint32(n))
		}
	}
	return out
}

func prefixList(s string) []netip.Prefix {
	var out []netip.Prefix
	for f := range strings.SplitSeq(s, ",") {
		f = strings.TrimSpace(f)
		if p, err := netip.ParsePrefix(f); err == nil {
			out = append(out, p)
		} else if a, err := netip.ParseAddr(f); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}
