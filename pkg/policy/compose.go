package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// builder narrows a mode from Istio's default down to one workload.
type builder struct{ d Derivation }

func newBuilder(c contenders) *builder {
	b := &builder{Derivation{
		Mode:  Permissive,
		Scope: ScopeDefault,
		Steps: []string{"Istio's default is PERMISSIVE"},
	}}
	for _, pa := range c.rootSelector {
		b.shadow(pa, "", RootSelector, "a selector in the root namespace is ignored")
	}
	for _, pa := range c.revision {
		b.shadow(pa, "", OtherRevision, fmt.Sprintf("%s %q hides it from other revisions", revisionLabel, pa.Labels[revisionLabel]))
	}
	return b
}

// apply lets the oldest policy of a scope set the mode; UNSET inherits.
func (b *builder) apply(scope Scope, list []*kube.PeerAuthentication) {
	if len(list) == 0 {
		return
	}
	won := list[0]
	for _, lost := range list[1:] {
		b.shadow(lost, "", Younger, fmt.Sprintf("%s than %s", younger(&lost.Meta, &won.Meta), won.Key()))
	}
	if scope != ScopeWorkload && len(won.Spec.PortLevelMTLS) > 0 {
		b.shadow(won, "spec.portLevelMtls", PortsNoSelector, "portLevelMtls without a selector is ignored")
	}
	mode, set := parseMode(modeOf(won.Spec.MTLS))
	if !set {
		b.step("%s%s leaves the mode UNSET: it stays %s", won.Key(), scope.suffix(), b.d.Mode)
		return
	}
	if b.d.From != nil {
		b.shadow(b.d.From, b.d.Field, Overridden, fmt.Sprintf("overridden by %s%s", won.Key(), scope.suffix()))
	}
	b.d.Mode, b.d.From, b.d.Scope, b.d.Field, b.d.Of = mode, won, scope, "spec.mtls.mode", len(list)
	b.step("%s%s says %s", won.Key(), scope.suffix(), won.Spec.MTLS.Mode)
}

// ports derives the modes of portLevelMtls: only the oldest workload policy counts, and also
// when its own mode is UNSET.
func (b *builder) ports(workload []*kube.PeerAuthentication) map[uint32]Derivation {
	if len(workload) == 0 || len(workload[0].Spec.PortLevelMTLS) == 0 {
		return nil
	}
	won := workload[0]
	out := make(map[uint32]Derivation, len(won.Spec.PortLevelMTLS))
	for _, key := range slices.Sorted(maps.Keys(won.Spec.PortLevelMTLS)) {
		port, err := strconv.ParseUint(key, 10, 32)
		if err != nil {
			b.shadow(won, "spec.portLevelMtls."+key, BadPort, "the key is not a port number")
			continue
		}
		out[uint32(port)] = b.port(won, key, uint32(port), len(workload))
	}
	return out
}

// port derives one port. UNSET inherits from the workload, not from the namespace.
func (b *builder) port(won *kube.PeerAuthentication, key string, port uint32, of int) Derivation {
	d := b.d
	d.Port = port
	d.Shadowed = slices.Clone(d.Shadowed)
	raw := won.Spec.PortLevelMTLS[key].Mode
	mode, set := parseMode(raw)
	if !set {
		d.Steps = append(slices.Clone(d.Steps), fmt.Sprintf("%s leaves port %d UNSET: it stays %s", won.Key(), port, d.Mode))
		return d
	}
	d.Steps = append(slices.Clone(d.Steps), fmt.Sprintf("%s says %s for port %d", won.Key(), raw, port))
	if d.From != nil {
		d.Shadowed = append(d.Shadowed, Shadowed[kube.PeerAuthentication]{
			d.From, d.Field, Overridden, fmt.Sprintf("overridden for port %d by %s", port, won.Key()),
		})
	}
	d.Mode, d.From, d.Scope, d.Of = mode, won, ScopePort, of
	d.Field = "spec.portLevelMtls." + key + ".mode"
	return d
}

func (b *builder) shadow(pa *kube.PeerAuthentication, field string, reason Reason, why string) {
	b.d.Shadowed = append(b.d.Shadowed, Shadowed[kube.PeerAuthentication]{pa, field, reason, why})
}

func (b *builder) step(format string, args ...any) {
	b.d.Steps = append(b.d.Steps, fmt.Sprintf(format, args...))
}

func modeOf(m *kube.MutualTLS) string {
	if m == nil {
		return ""
	}
	return m.Mode
}

// younger names the rule by which one resource lost against an older one.
func younger(lost, won *kube.Meta) string {
	if lost.CreationTimestamp.Equal(won.CreationTimestamp) {
		return "created in the same second and later in the alphabet"
	}
	return "younger"
}
