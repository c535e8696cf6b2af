package envoy

// untyped reads an item of a list without @type, as istioctl proxy-config prints. Its
// members tell what it is; an item that has only a name is what the one before it was.
func (d *Decoder) untyped(r *reader, last itemFunc) itemFunc {
	if r.kind() != '{' {
		d.stray = true
		r.skip()
		return last
	}
	raw := r.raw()
	if r.err != nil {
		return last
	}
	item := d.classify(r.sub(raw))
	if item == nil {
		item = last
	}
	if item == nil {
		d.stray = true
		return nil
	}
	sub := r.sub(raw)
	item(d, sub, sub.object)
	r.noteAll(sub.notes)
	r.v2 = r.v2 || sub.v2
	return item
}

// marks are the members by which an item is recognised. Any one of them is enough.
var marks = map[string]struct {
	kind    Kind
	section Sections
	item    itemFunc
}{
	"@type": {KindConfigDump, 0, func(d *Decoder, r *reader, _ memberFunc) { d.config(r) }},

	"host_statuses":      {KindClusters, SectionHosts, (*Decoder).clusterStatus},
	"added_via_api":      {KindClusters, SectionHosts, (*Decoder).clusterStatus},
	"observability_name": {KindClusters, SectionHosts, (*Decoder).clusterStatus},

	"filter_chains":            {KindConfigDump, SectionListeners, (*Decoder).bareListener},
	"traffic_direction":        {KindConfigDump, SectionListeners, (*Decoder).bareListener},
	"listener_filters":         {KindConfigDump, SectionListeners, (*Decoder).bareListener},
	"virtual_hosts":            {KindConfigDump, SectionRoutes, (*Decoder).bareRoutes},
	"validate_clusters":        {KindConfigDump, SectionRoutes, (*Decoder).bareRoutes},
	"connect_timeout":          {KindConfigDump, SectionClusters, (*Decoder).bareCluster},
	"lb_policy":                {KindConfigDump, SectionClusters, (*Decoder).bareCluster},
	"load_assignment":          {KindConfigDump, SectionClusters, (*Decoder).bareCluster},
	"eds_cluster_config":       {KindConfigDump, SectionClusters, (*Decoder).bareCluster},
	"transport_socket_matches": {KindConfigDump, SectionClusters, (*Decoder).bareCluster},
	"cluster_name":             {KindConfigDump, SectionEndpoints, (*Decoder).bareEndpoints},
	"tls_certificate":          {KindConfigDump, SectionSecrets, (*Decoder).bareSecret},
	"validation_context":       {KindConfigDump, SectionSecrets, (*Decoder).bareSecret},

	"active_state":    {KindConfigDump, SectionListeners, (*Decoder).dynamicListener},
	"cluster":         {KindConfigDump, SectionClusters, clustersIn(Active)},
	"listener":        {KindConfigDump, SectionListeners, (*Decoder).staticListener},
	"route_config":    {KindConfigDump, SectionRoutes, routesIn(Active)},
	"endpoint_config": {KindConfigDump, SectionEndpoints, (*Decoder).endpointEntry},
	"secret":          {KindConfigDump, SectionSecrets, secretsIn(Active)},

	"ca_cert":    {KindCerts, SectionCerts, (*Decoder).loadedPair},
	"cert_chain": {KindCerts, SectionCerts, (*Decoder).loadedPair},
}

// classify tells what an item is, nil if its members do not say.
func (d *Decoder) classify(r *reader) (item itemFunc) {
	if !r.open('{') {
		return nil
	}
	for k := r.kind(); r.err == nil && k != '}'; k = r.kind() {
		name := r.snake(r.key())
		if mark, ok := marks[string(name)]; ok && item == nil {
			item = mark.item
			d.see(mark.kind)
			d.proxy.Read |= mark.section
		}
		d.suspect(string(name), r.kind())
		r.skip()
	}
	return item
}
