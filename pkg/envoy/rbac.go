package envoy

import (
	"slices"
	"strings"
)

// rbacFilterField reads a field of a network or HTTP RBAC filter. Rules and matcher enforce;
// without them the shadow rules tell what a dry run would do.
func (r *reader) rbacFilterField(f *Filter, key []byte) {
	if f.RBAC == nil {
		f.RBAC = &RBAC{Action: "ALLOW"}
	}
	switch string(key) {
	case "rules":
		f.RBAC = r.rbacRules().enforced(f.RBAC)
	case "matcher":
		matcher := []string(nil)
		if r.unknown(&matcher, "RBAC", key); matcher != nil && !f.RBAC.Enforced {
			f.RBAC = &RBAC{Action: "ALLOW", Enforced: true}
		}
		f.RBAC.Unmodelled = append(f.RBAC.Unmodelled, matcher...)
	case "shadow_rules":
		if shadow := r.rbacRules(); !f.RBAC.Enforced {
			f.RBAC = shadow
		}
	default:
		r.skip()
	}
}

// enforced makes b the rules in force. Of what was read before only a matcher stays.
func (b *RBAC) enforced(before *RBAC) *RBAC {
	b.Enforced = true
	if before.Enforced {
		b.Unmodelled = append(b.Unmodelled, before.Unmodelled...)
	}
	return b
}

// rbacRules reads an envoy.config.rbac.v3.RBAC. The action's zero is ALLOW.
func (r *reader) rbacRules() *RBAC {
	rules := &RBAC{Action: "ALLOW"}
	r.object(func(key []byte) {
		switch string(key) {
		case "action":
			rules.Action = r.enum("ALLOW", "DENY", "LOG")
		case "policies":
			r.entries(func(name string) { rules.Policies = append(rules.Policies, r.rbacPolicy(name, rules)) })
			slices.SortFunc(rules.Policies, byPolicyName)
		case "audit_logging_options":
			r.skip()
		default:
			r.unknown(&rules.Unmodelled, "RBAC.rules", key)
		}
	})
	return rules
}

// byPolicyName is the order in which Envoy tries policies: its map is sorted.
func byPolicyName(a, b RBACPolicy) int { return strings.Compare(a.Name, b.Name) }

func (r *reader) rbacPolicy(name string, rules *RBAC) RBACPolicy {
	p := RBACPolicy{Name: name}
	r.object(func(key []byte) {
		switch string(key) {
		case "permissions":
			r.list(func() { p.Permissions = append(p.Permissions, r.permission()) })
		case "principals":
			r.list(func() { p.Principals = append(p.Principals, r.principal()) })
		default: // condition, checked_condition, cel_config: a CEL expression decides too
			r.unknown(&rules.Unmodelled, "RBAC.Policy", key)
		}
	})
	return p
}

// permission reads a node of a permission tree.
func (r *reader) permission() *RBACRule {
	n := &RBACRule{}
	r.object(func(key []byte) {
		switch k := string(key); k {
		case "any":
			n.Any = r.boolean()
		case "and_rules":
			n.And = r.rbacSet("rules", r.permission)
		case "or_rules":
			n.Or = r.rbacSet("rules", r.permission)
		case "not_rule":
			n.Not = r.permission()
		case "destination_ip":
			n.DestinationIPs = r.rbacIP(n, "Permission.destination_ip")
		case "destination_port":
			port := r.u32()
			n.DestinationPorts = &PortRange{Start: port, End: port + 1}
		case "destination_port_range":
			n.DestinationPorts = r.portRange()
		case "requested_server_name":
			n.SNI = r.ruleMatcher(n)
			r.oneOf(n)
		case "header", "url_path", "metadata", "sourced_metadata", "uri_template":
			n.HTTP = r.httpCondition(k)
		default:
			r.unmodelledRule(n, "Permission."+k)
		}
	})
	return n
}

// principal reads a node of a principal tree.
func (r *reader) principal() *RBACRule {
	n := &RBACRule{}
	r.object(func(key []byte) {
		switch k := string(key); k {
		case "any":
			n.Any = r.boolean()
		case "and_ids":
			n.And = r.rbacSet("ids", r.principal)
		case "or_ids":
			n.Or = r.rbacSet("ids", r.principal)
		case "not_id":
			n.Not = r.principal()
		case "authenticated":
			r.authenticated(n)
		case "source_ip", "direct_remote_ip", "remote_ip":
			n.SourceIPs = r.rbacIP(n, "Principal."+k)
		case "filter_state":
			r.filterState(n)
		case "metadata":
			r.metadataPrincipal(n)
		case "header", "url_path", "sourced_metadata":
			n.HTTP = r.httpCondition(k)
		default:
			r.unmodelledRule(n, "Principal."+k)
		}
	})
	return n
}

// rbacSet reads the members of an and or or node. An empty set stays distinguishable from
// an absent one.
func (r *reader) rbacSet(field string, node func() *RBACRule) []*RBACRule {
	set := []*RBACRule{}
	r.object(func(key []byte) {
		if string(key) == field {
			r.list(func() { set = append(set, node()) })
			return
		}
		r.skip()
	})
	return set
}

func (r *reader) unmodelledRule(n *RBACRule, path string) {
	n.Unmodelled = path
	r.note("RBAC " + path)
	r.skip()
}
