package fuzz

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// The features, in the order of a row.
const (
	target        = iota // the service that all other features are about
	meshMode             // PeerAuthentication of the mesh
	namespaceMode        // … of the target's namespace
	workloadMode         // … of the target's workload
	portMode             // … of one of its ports
	twin                 // a second PeerAuthentication of the workload
	port                 // the port that port-level settings name
	ruleHost             // how the DestinationRule names the target
	rulePlace            // its namespace
	tlsMode              // its trafficPolicy.tls.mode
	tlsDetail            // a further field of that
	portLevel            // its portLevelSettings
	subset               // its subset
	ruleExport           // its exportTo
	ruleSelector         // its workloadSelector
	balancer             // its loadBalancer
	secondRule           // another DestinationRule that concerns the target
	route                // a VirtualService of the target
	routePlace           // its namespace and exportTo
	sidecar              // a Sidecar
	sidecarPlace         // its namespace and selector
	visibility           // the Service's exportTo
	protocol             // how the Service's HTTP port says its protocol
	entry                // a ServiceEntry
	entryPort            // its port
	entryExport          // its exportTo
	meshConfig           // a field of the mesh config
	capture              // annotations of proxies: what they capture, their certificates
	label                // labels of the target's pods
	authorization        // an AuthorizationPolicy of the target's workload
)

// absent is the first value of a feature.
const absent = "-"

// feature is a dimension of the space.
type feature struct {
	name   string
	values []string
}

var (
	modes    = []string{absent, "STRICT", "PERMISSIVE", "DISABLE", "UNSET"}
	features = [...]feature{
		target:        {"target", []string{"server", "multi", "hl", "api", "naked", "migration", "hlmix", "entry"}},
		meshMode:      {"mesh mode", modes},
		namespaceMode: {"namespace mode", modes},
		workloadMode:  {"workload mode", modes},
		portMode:      {"port mode", modes},
		twin:          {"twin policy", []string{absent, "STRICT", "DISABLE", "root"}},
		port:          {"port", []string{"http", "tcp", "https", "mistaken"}},
		ruleHost:      {"rule host", []string{absent, "name", "short", "namespace", "mesh"}},
		rulePlace:     {"rule place", []string{"target", "client", "root"}},
		tlsMode:       {"tls mode", []string{absent, "unset", "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}},
		tlsDetail:     {"tls detail", []string{absent, "right SAN", "wrong SAN", "SNI", "unverified", "root file", "missing file"}},
		portLevel:     {"port level", []string{absent, "without tls", "DISABLE", "SIMPLE", "ISTIO_MUTUAL"}},
		subset:        {"subset", []string{absent, "bare", "DISABLE", "ISTIO_MUTUAL", "port DISABLE", "everybody"}},
		ruleExport:    {"rule exportTo", []string{absent, ".", "*", "shop", "pay"}},
		ruleSelector:  {"rule selector", []string{absent, "client", "server"}},
		balancer:      {"balancer", []string{absent, "PASSTHROUGH"}},
		secondRule:    {"second rule", []string{absent, "merged", "wildcard", "client", "root"}},
		route:         {"route", []string{absent, "subset", "other", "split", "no subset", "tcp", "tls"}},
		routePlace:    {"route place", []string{"target", "client", "own namespace"}},
		sidecar:       {"sidecar", []string{absent, "own namespace", "everything", "target", "others", "nothing", "ingress", "registry only"}},
		sidecarPlace:  {"sidecar place", []string{"client", "client namespace", "target", "root"}},
		visibility:    {"service exportTo", []string{absent, ".", "*", "~", "pay"}},
		protocol:      {"protocol", []string{absent, "sniffed", "appProtocol tcp"}},
		entry:         {"entry", []string{absent, "labelled", "unlabelled", "selector", "pod address", "external", "name"}},
		entryPort:     {"entry port", []string{"http", "tcp", "https"}},
		entryExport:   {"entry exportTo", []string{absent, ".", "*", "pay"}},
		meshConfig:    {"mesh config", []string{absent, "no auto mTLS", "TLS 1.3", "registry only", "any by name", "rules private"}},
		capture:       {"capture", []string{absent, "port excluded", "others included", "foreign", "expired", "client excludes", "client foreign"}},
		label:         {"label", []string{absent, "lies", "not injected"}},
		authorization: {"authorization", []string{
			absent, "anybody known", "client", "account", "namespace", "addresses", "nobody",
			"nobody unknown", "not the client", "other namespaces", "ports", "other ports", "dry run",
		}},
	}
)

// exclusion is values of one feature that cannot meet values of another.
type exclusion struct {
	feature int
	values  []string
	other   int
	others  []string
}

// exclusions are what would be no valid mesh, and what would mean nothing.
func exclusions() []exclusion {
	all := []exclusion{
		{target, []string{"hl", "api", "hlmix"}, port, []string{"https"}},
		{target, []string{"hl", "api", "hlmix"}, route, []string{"tls"}},
		{target, []string{"hl", "hlmix"}, port, []string{"mistaken"}}, // container ports are the service's
		{target, []string{"entry"}, entry, []string{absent}},
		{target, []string{"entry"}, ruleHost, []string{"short"}},
		{target, []string{"entry"}, visibility, []string{".", "*", "~", "pay"}},
		{target, []string{"entry"}, protocol, []string{"sniffed", "appProtocol tcp"}},
		{target, []string{"entry", "naked"}, capture, []string{"port excluded", "others included", "foreign", "expired"}},
		{target, []string{"entry", "naked"}, label, []string{"not injected"}},
		{target, []string{"entry"}, label, []string{"lies"}},
		// the exportTo of a rule with a selector cannot leave its namespace
		{ruleSelector, []string{"client", "server"}, ruleExport, []string{"*", "shop", "pay"}},
		// whether clients of a port that is declared TCP speak HTTP all the same is nobody's to know
		{protocol, []string{"appProtocol tcp"}, route, []string{"subset", "other", "split", "no subset"}},
		{label, []string{"not injected"}, capture, []string{"port excluded", "others included", "foreign", "expired"}},
		{tlsMode, []string{"unset", "DISABLE"}, tlsDetail, []string{"right SAN", "wrong SAN", "unverified", "root file", "missing file"}},
	}
	for _, f := range []int{rulePlace, tlsMode, tlsDetail, portLevel, subset, ruleExport, ruleSelector, balancer} {
		all = append(all, needs(f, ruleHost))
	}
	return append(all, needs(tlsDetail, tlsMode), needs(routePlace, route), needs(sidecarPlace, sidecar),
		needs(entryPort, entry), needs(entryExport, entry))
}

// needs: all but the first value of a feature mean nothing without another.
func needs(f, other int) exclusion {
	return exclusion{f, features[f].values[1:], other, []string{absent}}
}

func featureSpace() space {
	s := space{excluded: map[pair]bool{}}
	for _, f := range features {
		s.sizes = append(s.sizes, len(f.values))
	}
	for _, e := range exclusions() {
		for _, v := range e.values {
			for _, w := range e.others {
				s.excluded[pairOf(cell{e.feature, slices.Index(features[e.feature].values, v)}, cell{e.other, slices.Index(features[e.other].values, w)})] = true
			}
		}
	}
	return s
}

// Rows are n rows and how many of the pairs of values they cover. The same seed gives the same rows.
func Rows(seed uint64, n int) ([]Row, Coverage) {
	s := featureSpace()
	rows := s.rows(rand.New(rand.NewPCG(seed, 0)), n)
	return rows, s.coverage(rows)
}

// value is the name of the row's value of a feature.
func (r Row) value(feature int) string { return features[feature].values[r[feature]] }

func (r Row) has(feature int) bool { return r.value(feature) != absent }

// String is the row's features that are not absent.
func (r Row) String() string {
	var parts []string
	for f, v := range r {
		if f == target || v != 0 {
			parts = append(parts, features[f].name+" "+r.value(f))
		}
	}
	return strings.Join(parts, ", ")
}
