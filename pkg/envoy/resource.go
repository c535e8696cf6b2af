package envoy

// resources read bare xDS resources, as istioctl, Kuma and others print them: no section
// around them says in which state they are, so they count as active.
var resources = map[string]itemFunc{
	"envoy.config.cluster.v3.Cluster":                  (*Decoder).bareCluster,
	"envoy.config.listener.v3.Listener":                (*Decoder).bareListener,
	"envoy.config.route.v3.RouteConfiguration":         (*Decoder).bareRoutes,
	"envoy.config.endpoint.v3.ClusterLoadAssignment":   (*Decoder).bareEndpoints,
	"envoy.extensions.transport_sockets.tls.v3.Secret": (*Decoder).bareSecret,
}

func (d *Decoder) bareCluster(r *reader, members memberFunc) {
	parts := newCluster()
	members(func(key []byte) { r.clusterField(parts, key) })
	if r.err != nil {
		return
	}
	c := parts.done()
	c.State = Active
	d.proxy.Clusters = append(d.proxy.Clusters, c)
	d.proxy.Read |= SectionClusters
}

func (d *Decoder) bareListener(r *reader, members memberFunc) {
	l := newListener()
	members(func(key []byte) { r.listenerField(l, key) })
	if r.err != nil {
		return
	}
	l.State = Active
	d.proxy.Listeners = append(d.proxy.Listeners, l)
	d.proxy.Read |= SectionListeners
}

func (d *Decoder) bareRoutes(r *reader, members memberFunc) {
	c := &RouteConfig{Freshness: Freshness{State: Active}}
	members(func(key []byte) { r.routeConfigField(c, key) })
	if r.err != nil {
		return
	}
	d.addRoutes(c)
	d.proxy.Read |= SectionRoutes
}

func (d *Decoder) bareEndpoints(r *reader, members memberFunc) {
	var a assignment
	members(func(key []byte) { r.assignmentField(&a, key) })
	if r.err != nil {
		return
	}
	d.addEndpoints(a)
	d.proxy.Read |= SectionEndpoints
}

func (d *Decoder) bareSecret(r *reader, members memberFunc) {
	s := &Secret{Freshness: Freshness{State: Active}}
	members(func(key []byte) { r.secretField(s, key) })
	if r.err != nil {
		return
	}
	s.explainEmpty()
	d.proxy.Secrets = append(d.proxy.Secrets, s)
	d.proxy.Read |= SectionSecrets
}
