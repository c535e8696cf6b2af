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
	kind Kind
	item itemFunc
}{
	"@type": {KindConfigDump, func(d *Decoder, r *reader, _ memberFunc) { d.config(r) }},

	"host_statuses":      {KindClusters, (*Decoder).clusterStatus},
	"added_via_api":      {KindClusters, (*Decoder).clusterStatus},
	"observability_name": {KindClusters, (*Decoder).clusterStatus},

	"filter_chains":            {KindConfigDump, (*Decoder).bareListener},
	"traffic_direction":        {KindConfigDump, (*Decoder).bareListener},
	"listener_filters":         {KindConfigDump, (*Decoder).bareListener},
	"virtual_hosts":            {KindConfigDump, (*Decoder).bareRoutes},
	"validate_clusters":        {KindConfigDump, (*Decoder).bareRoutes},
	"connect_timeout":          {KindConfigDump, (*Decoder).bareCluster},
	"lb_policy":                {KindConfigDump, (*Decoder).bareCluster},
	"load_assignment":          {KindConfigDump, (*Decoder).bareCluster},
	"eds_cluster_config":       {KindConfigDump, (*Decoder).bareCluster},
	"transport_socket_matches": {KindConfigDump, (*Decoder).bareCluster},
	"cluster_name":             {KindConfigDump, (*Decoder).bareEndpoints},
	"tls_certificate":          {KindConfigDump, (*Decoder).bareSecret},
	"validation_context":       {KindConfigDump, (*Decoder).bareSecret},

	"active_state":    {KindConfigDump, (*Decoder).dynamicListener},
	"cluster":         {KindConfigDump, clustersIn(Active)},
	"listener":        {KindConfigDump, (*Decoder).staticListener},
	"route_config":    {KindConfigDump, routesIn(Active)},
	"endpoint_config": {KindConfigDump, (*Decoder).endpointEntry},
	"secret":          {KindConfigDump, secretsIn(Active)},

	"ca_cert":    {KindCerts, (*Decoder).loadedPair},
	"cert_chain": {KindCerts, (*Decoder).loadedPair},
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
		}
		d.suspect(string(name), r.kind())
		r.skip()
	}
	return item
}
