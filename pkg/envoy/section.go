package envoy

import "strings"

// memberFunc walks the members of an object that is or is not entered yet.
type memberFunc func(field func(key []byte))

// itemFunc reads one item of a section into the decoder's proxy.
type itemFunc func(d *Decoder, r *reader, members memberFunc)

// list is one list of a section: static_clusters, dynamic_listeners …
type list struct {
	section Sections
	item    itemFunc
}

// lists are the lists of all sections by field name; the names are unique across sections.
var lists = map[string]list{
	"static_clusters":          {SectionClusters, clustersIn(Static)},
	"dynamic_active_clusters":  {SectionClusters, clustersIn(Active)},
	"dynamic_warming_clusters": {SectionClusters, clustersIn(Warming)},
	"static_listeners":         {SectionListeners, (*Decoder).staticListener},
	"dynamic_listeners":        {SectionListeners, (*Decoder).dynamicListener},
	"static_route_configs":     {SectionRoutes, routesIn(Static)},
	"dynamic_route_configs":    {SectionRoutes, routesIn(Active)},
	"static_endpoint_configs":  {SectionEndpoints, (*Decoder).endpointEntry},
	"dynamic_endpoint_configs": {SectionEndpoints, (*Decoder).endpointEntry},
	"static_secrets":           {SectionSecrets, secretsIn(Static)},
	"dynamic_active_secrets":   {SectionSecrets, secretsIn(Active)},
	"dynamic_warming_secrets":  {SectionSecrets, secretsIn(Warming)},
}

func clustersIn(state State) itemFunc {
	return func(d *Decoder, r *reader, m memberFunc) { d.clusterEntry(r, state, m) }
}

func routesIn(state State) itemFunc {
	return func(d *Decoder, r *reader, m memberFunc) { d.routeEntry(r, state, m) }
}

func secretsIn(state State) itemFunc {
	return func(d *Decoder, r *reader, m memberFunc) { d.secretEntry(r, state, m) }
}

// dumps are the messages of whole sections.
var dumps = map[string]Sections{
	"envoy.admin.v3.BootstrapConfigDump": SectionBootstrap,
	"envoy.admin.v3.ClustersConfigDump":  SectionClusters,
	"envoy.admin.v3.ListenersConfigDump": SectionListeners,
	"envoy.admin.v3.RoutesConfigDump":    SectionRoutes,
	"envoy.admin.v3.EndpointsConfigDump": SectionEndpoints,
	"envoy.admin.v3.SecretsConfigDump":   SectionSecrets,
}

// items are the messages of single items, which ?resource= gives without a section around
// them, by the list that they come from. Whether an item is active or warming the message
// does not say: ConfigResource is told by its caller.
var items = map[string]string{
	"envoy.admin.v3.ClustersConfigDump.StaticCluster":          "static_clusters",
	"envoy.admin.v3.ClustersConfigDump.DynamicCluster":         "dynamic_active_clusters",
	"envoy.admin.v3.ListenersConfigDump.StaticListener":        "static_listeners",
	"envoy.admin.v3.ListenersConfigDump.DynamicListener":       "dynamic_listeners",
	"envoy.admin.v3.RoutesConfigDump.StaticRouteConfig":        "static_route_configs",
	"envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig":       "dynamic_route_configs",
	"envoy.admin.v3.EndpointsConfigDump.StaticEndpointConfig":  "static_endpoint_configs",
	"envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig": "dynamic_endpoint_configs",
	"envoy.admin.v3.SecretsConfigDump.StaticSecret":            "static_secrets",
	"envoy.admin.v3.SecretsConfigDump.DynamicSecret":           "dynamic_active_secrets",
}

// beside are sections that have no say in a verdict.
var beside = map[string]bool{
	"envoy.admin.v3.ScopedRoutesConfigDump": true,
	"envoy.admin.v3.EcdsConfigDump":         true,
	"cilium.NetworkPoliciesConfigDump":      true,
}

// config reads one element of configs: a section, or an item of one.
func (d *Decoder) config(r *reader) {
	if !r.open('{') {
		return
	}
	typ, reordered := r.typeFirst()
	d.typedConfig(r, typ)
	if reordered {
		r.restore()
	}
}

// typedConfig reads the members of an object of the given message.
func (d *Decoder) typedConfig(r *reader, typ string) {
	r.section = typ
	if typ == "" {
		r.section = "configs"
	}
	if dumps[typ] != 0 {
		d.proxy.Read |= dumps[typ]
		d.sections[typ]++
	}
	if strings.HasPrefix(typ, "envoy.") && !isV2(typ) {
		d.proxy.API = "v3"
	}
	switch {
	case items[typ] != "":
		d.item(r, typ)
	case resources[typ] != nil:
		resources[typ](d, r, r.members)
	case dumps[typ] != 0 || typ == "" || r.sawV2(typ):
		r.members(func(key []byte) { d.sectionField(r, key) })
	default:
		if !beside[typ] {
			r.note("config section " + typ)
		}
		r.members(func([]byte) { r.skip() })
	}
	d.see(KindConfigDump)
}

func (d *Decoder) item(r *reader, typ string) {
	name := items[typ]
	if hint := lists[d.resource]; hint.section == lists[name].section && d.resource != "" {
		name = d.resource
	}
	d.proxy.Read |= lists[name].section
	lists[name].item(d, r, r.members)
}

// sectionField reads one field of a section.
func (d *Decoder) sectionField(r *reader, key []byte) {
	if string(key) == "bootstrap" {
		d.proxy.Read |= SectionBootstrap
		r.section = "bootstrap"
		r.bootstrap(d.proxy)
		return
	}
	l, ok := lists[string(key)]
	if !ok {
		r.skip()
		return
	}
	d.readList(r, string(key), l)
}

func (d *Decoder) readList(r *reader, name string, l list) {
	d.proxy.Read |= l.section
	r.section = name
	r.list(func() { l.item(d, r, r.object) })
}
