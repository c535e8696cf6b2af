//go:build !race

package envoy

import (
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	httprbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	networkrbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	snicluster "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/sni_cluster/v3"
	tcpproxy "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func (m *protoModel) filter(f *listener.Filter) *Filter {
	out := &Filter{Name: f.GetName(), Kind: OtherFilter, TypeURL: anyName(f.GetTypedConfig())}
	if f.GetTypedConfig() == nil {
		out.Kind = kindByName(out, filterKinds)
		return out
	}
	switch msg := unpack(m.t, f.GetTypedConfig()).(type) {
	case *tcpproxy.TcpProxy:
		out.Kind, out.Clusters, out.Tunnels = TCPProxy, tcpClusters(msg), msg.GetTunnelingConfig() != nil
	case *hcm.HttpConnectionManager:
		m.manager(msg, out)
	case *networkrbac.RBAC:
		out.Kind, out.RBAC = RBACFilter, m.rbac(msg.GetRules(), msg.GetShadowRules(), msg)
	case *snicluster.SniCluster:
		out.Kind = SNICluster
	default:
		out.Kind = kindByName(out, filterKinds)
	}
	return out
}

// kindByName takes the kinds that only say that a filter has no say from the decoder's table.
func kindByName(f *Filter, kinds map[string]FilterKind) FilterKind {
	name := f.TypeURL
	if name == "" {
		name = f.Name
	}
	if kind := kinds[name]; kind != "" {
		return kind
	}
	return OtherFilter
}

func tcpClusters(t *tcpproxy.TcpProxy) (out []WeightedCluster) {
	if c, ok := t.GetClusterSpecifier().(*tcpproxy.TcpProxy_Cluster); ok {
		return []WeightedCluster{{Name: c.Cluster}}
	}
	for _, c := range t.GetWeightedClusters().GetClusters() {
		out = append(out, WeightedCluster{Name: c.GetName(), Weight: c.GetWeight()})
	}
	return out
}

func (m *protoModel) manager(msg *hcm.HttpConnectionManager, out *Filter) {
	out.Kind, out.RouteName = HTTPManager, msg.GetRds().GetRouteConfigName()
	if codec := msg.GetCodecType(); codec != hcm.HttpConnectionManager_AUTO {
		out.CodecType = codec.String()
	}
	if inline := msg.GetRouteConfig(); inline != nil {
		out.Routes = m.routeConfig(inline)
		out.Routes.State = Static
	}
	for _, f := range msg.GetHttpFilters() {
		if !f.GetDisabled() {
			out.HTTPFilters = append(out.HTTPFilters, m.httpFilter(f))
		}
	}
}

func (m *protoModel) httpFilter(f *hcm.HttpFilter) *Filter {
	out := &Filter{Name: f.GetName(), TypeURL: anyName(f.GetTypedConfig())}
	if f.GetTypedConfig() == nil {
		out.Kind = kindByName(out, httpFilterKinds)
		return out
	}
	switch msg := unpack(m.t, f.GetTypedConfig()).(type) {
	case *httprbac.RBAC:
		out.Kind, out.RBAC = RBACFilter, m.rbac(msg.GetRules(), msg.GetShadowRules(), msg)
	case *router.Router:
		out.Kind = RouterHTTP
	default:
		out.Kind = kindByName(out, httpFilterKinds)
	}
	return out
}

func (m *protoModel) routeConfig(msg *route.RouteConfiguration) *RouteConfig {
	c := &RouteConfig{Name: msg.GetName(), OwnRBAC: ownRBAC(msg)}
	if msg.GetVhds() != nil {
		c.Unmodelled = []string{"RouteConfiguration.vhds"}
	}
	for _, v := range msg.GetVirtualHosts() {
		host := &VirtualHost{Name: v.GetName(), Domains: v.GetDomains()}
		if v.GetMatcher() != nil {
			host.Unmodelled = []string{"VirtualHost.matcher"}
		}
		for _, r := range v.GetRoutes() {
			host.Routes = append(host.Routes, routeOf(r))
		}
		c.VirtualHosts = append(c.VirtualHosts, host)
	}
	return c
}

// ownRBAC reports RBAC rules anywhere in a route configuration.
func ownRBAC(c *route.RouteConfiguration) bool {
	return strings.Contains(prototext.Format(c), "RBACPerRoute")
}

func routeOf(r *route.Route) *Route {
	out := &Route{Name: r.GetName(), Config: originOf(r.GetMetadata())}
	out.Match, out.CatchAll = matchWords(r.GetMatch())
	switch a := r.GetAction().(type) {
	case *route.Route_Route:
		out.Clusters, out.ClusterHeader = routeClusters(a.Route), a.Route.GetClusterHeader()
	case *route.Route_Redirect:
		out.Redirect = true
	case *route.Route_DirectResponse:
		out.DirectResponse = a.DirectResponse.GetStatus()
	}
	return out
}

func routeClusters(a *route.RouteAction) (out []WeightedCluster) {
	if c, ok := a.GetClusterSpecifier().(*route.RouteAction_Cluster); ok {
		return []WeightedCluster{{Name: c.Cluster}}
	}
	for _, c := range a.GetWeightedClusters().GetClusters() {
		out = append(out, WeightedCluster{Name: c.GetName(), Weight: c.GetWeight().GetValue()})
	}
	return out
}

// matchWords says what a request must be like. Only a prefix of "/" without any other condition
// matches every request.
func matchWords(m *route.RouteMatch) (words string, catchAll bool) {
	switch p := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		words, catchAll = "prefix "+p.Prefix, p.Prefix == "/"
	case *route.RouteMatch_Path:
		words = "path " + p.Path
	case *route.RouteMatch_SafeRegex:
		words = "regex " + p.SafeRegex.GetRegex()
	case *route.RouteMatch_PathSeparatedPrefix:
		words = "path separated prefix " + p.PathSeparatedPrefix
	case *route.RouteMatch_ConnectMatcher_:
		words = "CONNECT"
	}
	conditions := routeConditions(m)
	if len(conditions) > 0 {
		words, catchAll = strings.TrimPrefix(words+" with "+strings.Join(conditions, " and "), " "), false
	}
	return words, catchAll
}

// routeConditions are all other fields of the match, in their order.
func routeConditions(m *route.RouteMatch) (conditions []string) {
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		isPath := f.ContainingOneof() != nil && f.Name() != "path_match_policy"
		if !m.ProtoReflect().Has(f) || isPath || f.Name() == "case_sensitive" {
			continue
		}
		conditions = append(conditions, conditionWords(m.ProtoReflect().Get(f), f)...)
	}
	return conditions
}

func conditionWords(v protoreflect.Value, f protoreflect.FieldDescriptor) (words []string) {
	name := strings.ReplaceAll(string(f.Name()), "_", " ")
	switch f.Name() {
	case "headers", "query_parameters", "cookies":
		for i := range v.List().Len() {
			element := v.List().Get(i).Message()
			label := element.Get(element.Descriptor().Fields().ByName("name"))
			words = append(words, strings.TrimSuffix(name, "s")+" "+label.String())
		}
		return words
	}
	return []string{name}
}
