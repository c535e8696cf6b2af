//go:build !race

package envoy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// protoModel makes the model of a dump that was read as go-control-plane's messages. It shares no
// code with the Decoder but the parsers of certificates, and follows the comments of the protos.
type protoModel struct {
	t testing.TB
	p *Proxy
	// named are the paths and types that the model does not hold.
	named map[string]bool
}

func newProtoModel(t testing.TB) *protoModel {
	return &protoModel{t: t, p: &Proxy{API: "v3"}, named: map[string]bool{}}
}

func (m *protoModel) dump(d *admin.ConfigDump) *Proxy {
	for _, config := range d.GetConfigs() {
		m.section(unpack(m.t, config))
	}
	for _, c := range m.p.Clusters {
		if c.ServiceName == "" {
			c.ServiceName = c.Name
		}
	}
	m.identify()
	return m.p
}

func (m *protoModel) section(section proto.Message) {
	switch s := section.(type) {
	case *admin.BootstrapConfigDump:
		m.p.Read |= SectionBootstrap
		m.node(s.GetBootstrap().GetNode())
	case *admin.ListenersConfigDump:
		m.p.Read |= SectionListeners
		m.listeners(s)
	case *admin.ClustersConfigDump:
		m.p.Read |= SectionClusters
		m.clusters(s)
	case *admin.EndpointsConfigDump:
		m.p.Read |= SectionEndpoints
		m.endpoints(s)
	case *admin.RoutesConfigDump:
		m.p.Read |= SectionRoutes
		m.routes(s)
	case *admin.SecretsConfigDump:
		m.p.Read |= SectionSecrets
		m.secrets(s)
	}
}

// node reads who the proxy is; the keys of the metadata are Istio's.
func (m *protoModel) node(n *core.Node) {
	text := func(key string) string { return n.GetMetadata().GetFields()[key].GetStringValue() }
	labels := stringsOf(n.GetMetadata().GetFields()["LABELS"].GetStructValue())
	annotations := stringsOf(n.GetMetadata().GetFields()["ANNOTATIONS"].GetStructValue())
	m.p.Node = Node{
		ID: n.GetId(), Cluster: n.GetCluster(),
		IstioVersion: text("ISTIO_VERSION"), Namespace: text("NAMESPACE"), Name: text("NAME"),
		ServiceAccount: text("SERVICE_ACCOUNT"), Owner: text("OWNER"), ClusterID: text("CLUSTER_ID"),
		MeshID: text("MESH_ID"), Network: text("NETWORK"), Interception: text("INTERCEPTION_MODE"),
		TrustDomain: text("TRUST_DOMAIN"), Labels: labels, Revision: annotations["istio.io/rev"],
	}
	if m.p.Node.Revision == "" {
		m.p.Node.Revision = labels["istio.io/rev"]
	}
	if v := n.GetUserAgentBuildVersion().GetVersion(); v != nil {
		m.p.Version = fmt.Sprintf("%d.%d.%d", v.GetMajorNumber(), v.GetMinorNumber(), v.GetPatch())
	}
}

// identify fills in what only the ID says.
func (m *protoModel) identify() {
	n := &m.p.Node
	parts := strings.Split(n.ID, "~")
	if len(parts) != 4 {
		return
	}
	n.Type = parts[0]
	dot := strings.LastIndex(parts[2], ".")
	if dot <= 0 {
		return
	}
	name, namespace := parts[2][:dot], parts[2][dot+1:]
	if n.Name == "" {
		n.Name = name
	}
	if n.Namespace == "" {
		n.Namespace = namespace
	}
}

func (m *protoModel) listeners(s *admin.ListenersConfigDump) {
	for _, e := range s.GetStaticListeners() {
		if l := m.listenerIn(e.GetListener(), ""); l != nil {
			l.Freshness = Freshness{State: Static, LastUpdated: at(e.GetLastUpdated())}
			m.p.Listeners = append(m.p.Listeners, l)
		}
	}
	for _, e := range s.GetDynamicListeners() {
		m.listenerState(e.GetName(), Active, e.GetActiveState())
		m.listenerState(e.GetName(), Warming, e.GetWarmingState())
		m.listenerState(e.GetName(), Draining, e.GetDrainingState())
		m.rejected("listener", e.GetErrorState(), e.GetName())
	}
}

func (m *protoModel) listenerState(name string, state State, s *admin.ListenersConfigDump_DynamicListenerState) {
	if l := m.listenerIn(s.GetListener(), name); l != nil {
		l.Freshness = fresh(state, s.GetVersionInfo(), s.GetLastUpdated())
		m.p.Listeners = append(m.p.Listeners, l)
	}
}

func (m *protoModel) listenerIn(a *anypb.Any, name string) *Listener {
	if a == nil {
		return nil
	}
	msg, ok := unpack(m.t, a).(*listener.Listener)
	if !ok {
		return nil
	}
	l := m.listener(msg)
	if l.Name == "" {
		l.Name = name
	}
	return l
}

func (m *protoModel) clusters(s *admin.ClustersConfigDump) {
	for _, e := range s.GetStaticClusters() {
		m.clusterEntry(e.GetCluster(), Freshness{State: Static, LastUpdated: at(e.GetLastUpdated())}, nil)
	}
	for _, e := range s.GetDynamicActiveClusters() {
		m.clusterEntry(e.GetCluster(), fresh(Active, e.GetVersionInfo(), e.GetLastUpdated()), e.GetErrorState())
	}
	for _, e := range s.GetDynamicWarmingClusters() {
		m.clusterEntry(e.GetCluster(), fresh(Warming, e.GetVersionInfo(), e.GetLastUpdated()), e.GetErrorState())
	}
}

func (m *protoModel) clusterEntry(a *anypb.Any, f Freshness, failure *admin.UpdateFailureState) {
	name := ""
	if msg, ok := unpack(m.t, a).(*cluster.Cluster); ok {
		c := m.cluster(msg)
		c.Freshness, name = f, c.Name
		m.p.Clusters = append(m.p.Clusters, c)
	}
	m.rejected("cluster", failure, name)
}

func (m *protoModel) endpoints(s *admin.EndpointsConfigDump) {
	for _, e := range s.GetStaticEndpointConfigs() {
		m.endpointEntry(e.GetEndpointConfig(), nil)
	}
	for _, e := range s.GetDynamicEndpointConfigs() {
		m.endpointEntry(e.GetEndpointConfig(), e.GetErrorState())
	}
}

func (m *protoModel) endpointEntry(a *anypb.Any, failure *admin.UpdateFailureState) {
	name := ""
	if msg, ok := unpack(m.t, a).(*endpoint.ClusterLoadAssignment); ok {
		if m.p.Endpoints == nil {
			m.p.Endpoints = map[string][]Endpoint{}
		}
		name = msg.GetClusterName()
		m.p.Endpoints[name] = m.assignment(msg)
	}
	m.rejected("endpoint", failure, name)
}

func (m *protoModel) routes(s *admin.RoutesConfigDump) {
	for _, e := range s.GetStaticRouteConfigs() {
		m.routeEntry(e.GetRouteConfig(), Freshness{State: Static, LastUpdated: at(e.GetLastUpdated())}, nil)
	}
	for _, e := range s.GetDynamicRouteConfigs() {
		m.routeEntry(e.GetRouteConfig(), fresh(Active, e.GetVersionInfo(), e.GetLastUpdated()), e.GetErrorState())
	}
}

// routeEntry keeps one configuration a name; those of RDS, which listeners refer to by name,
// before those that stand in a listener.
func (m *protoModel) routeEntry(a *anypb.Any, f Freshness, failure *admin.UpdateFailureState) {
	msg, _ := unpack(m.t, a).(*route.RouteConfiguration)
	m.rejected("route", failure, msg.GetName())
	if msg.GetName() == "" {
		return
	}
	if m.p.Routes == nil {
		m.p.Routes = map[string]*RouteConfig{}
	}
	if m.p.Routes[msg.GetName()] != nil && f.State == Static {
		return
	}
	c := m.routeConfig(msg)
	c.Freshness = f
	m.p.Routes[c.Name] = c
}

func (m *protoModel) secrets(s *admin.SecretsConfigDump) {
	for _, e := range s.GetStaticSecrets() {
		m.secretEntry(e.GetName(), e.GetSecret(), Freshness{State: Static, LastUpdated: at(e.GetLastUpdated())}, nil)
	}
	for _, e := range s.GetDynamicActiveSecrets() {
		m.secretEntry(e.GetName(), e.GetSecret(), fresh(Active, e.GetVersionInfo(), e.GetLastUpdated()), e.GetErrorState())
	}
	for _, e := range s.GetDynamicWarmingSecrets() {
		m.secretEntry(e.GetName(), e.GetSecret(), fresh(Warming, e.GetVersionInfo(), e.GetLastUpdated()), e.GetErrorState())
	}
}

func (m *protoModel) secretEntry(name string, a *anypb.Any, f Freshness, failure *admin.UpdateFailureState) {
	msg, _ := unpack(m.t, a).(*tls.Secret)
	s := m.secret(msg)
	if name != "" {
		s.Name = name
	}
	if f.Version == "uninitialized" {
		f.State = Warming
	}
	s.Freshness = f
	if s.Chain == nil && s.Bundle == nil && s.SPIFFE == nil && s.File == "" && s.Pins.None() && !s.SystemRoots && f.State != Warming {
		s.Problem = "empty" // in force and yet empty: the dump does not show it
	}
	m.p.Secrets = append(m.p.Secrets, s)
	m.rejected("secret", failure, s.Name)
}

// rejected keeps an error_state; without a name the configuration that failed gives it. Envoy
// prints a rejected listener twice, the second time without its time: that is one rejection.
func (m *protoModel) rejected(kind string, f *admin.UpdateFailureState, name string) {
	if f == nil {
		return
	}
	if name == "" && f.GetFailedConfiguration() != nil {
		name = nameOf(unpack(m.t, f.GetFailedConfiguration()))
	}
	r := Rejection{
		Kind: kind, Name: name, Details: f.GetDetails(), Version: f.GetVersionInfo(), LastAttempt: at(f.GetLastUpdateAttempt()),
	}
	same := slices.IndexFunc(m.p.Rejected, func(have Rejection) bool {
		return have.Kind == r.Kind && have.Name == r.Name && have.Details == r.Details
	})
	switch {
	case same < 0:
		m.p.Rejected = append(m.p.Rejected, r)
	case m.p.Rejected[same].LastAttempt.Before(r.LastAttempt):
		m.p.Rejected[same] = r
	}
}

func nameOf(msg proto.Message) string {
	for _, field := range []protoreflect.Name{"name", "cluster_name"} {
		if fd := msg.ProtoReflect().Descriptor().Fields().ByName(field); fd != nil {
			return msg.ProtoReflect().Get(fd).String()
		}
	}
	return ""
}

func fresh(state State, version string, updated *timestamppb.Timestamp) Freshness {
	return Freshness{State: state, Version: version, LastUpdated: at(updated)}
}

func at(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// stringsOf flattens a Struct of strings.
func stringsOf(s *structpb.Struct) map[string]string {
	out := map[string]string{}
	for key, v := range s.GetFields() {
		out[key] = textOf(v)
	}
	return out
}

// textOf is a value as text.
func textOf(v *structpb.Value) string {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return k.StringValue
	case *structpb.Value_BoolValue:
		return strconv.FormatBool(k.BoolValue)
	case *structpb.Value_NumberValue:
		return strconv.FormatFloat(k.NumberValue, 'f', -1, 64)
	case *structpb.Value_StructValue, *structpb.Value_ListValue:
		return nested
	}
	return ""
}
