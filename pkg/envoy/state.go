package envoy

import "time"

// entry is what the items of all sections have in common.
type entry struct {
	name    string
	version string
	updated time.Time
	failure *Rejection
}

func (r *reader) entryField(e *entry, key []byte) {
	switch string(key) {
	case "name":
		e.name = r.str()
	case "version_info":
		e.version = r.str()
	case "last_updated":
		e.updated = r.time()
	case "error_state":
		e.failure = r.failure()
	default:
		r.skip()
	}
}

func (e entry) freshness(state State) Freshness {
	return Freshness{State: state, Version: e.version, LastUpdated: e.updated}
}

// rejected lists the failure of an entry, named by the entry, by the resource in force, or by
// the configuration that failed.
func (d *Decoder) rejected(kind string, e entry, current string) {
	if e.failure == nil {
		return
	}
	f := *e.failure
	f.Kind = kind
	for _, name := range []string{e.name, current} {
		if name != "" {
			f.Name = name
			break
		}
	}
	d.addRejection(f)
}

// addRejection drops repetitions: Envoy prints a rejected listener twice, once without a
// time and, in its entry, without a name.
func (d *Decoder) addRejection(f Rejection) {
	for i, have := range d.proxy.Rejected {
		if have.Kind == f.Kind && have.Name == f.Name && have.Details == f.Details {
			if have.LastAttempt.Before(f.LastAttempt) {
				d.proxy.Rejected[i] = f
			}
			return
		}
	}
	d.proxy.Rejected = append(d.proxy.Rejected, f)
}

// failure reads an UpdateFailureState; its name is that of the failed configuration.
func (r *reader) failure() *Rejection {
	if r.kind() == 'n' {
		r.skip()
		return nil
	}
	f := &Rejection{}
	r.object(func(key []byte) {
		switch string(key) {
		case "details":
			f.Details = string(r.scalar())
		case "version_info":
			f.Version = r.str()
		case "last_update_attempt":
			f.LastAttempt = r.time()
		case "failed_configuration":
			r.any(func(_ string, key []byte) {
				switch string(key) {
				case "name", "cluster_name":
					f.Name = r.str()
				default:
					r.skip()
				}
			})
		default:
			r.skip()
		}
	})
	return f
}

// listenerStates are the states that one entry of dynamic_listeners can hold.
var listenerStates = map[string]State{
	"active_state":   Active,
	"warming_state":  Warming,
	"draining_state": Draining,
}

// dynamicListener reads an entry with its states. Each becomes a listener of its own, the one
// in force first.
func (d *Decoder) dynamicListener(r *reader, members memberFunc) {
	var e entry
	found := map[State]*Listener{}
	members(func(key []byte) {
		state, ok := listenerStates[string(key)]
		if !ok {
			r.entryField(&e, key)
			return
		}
		if l := r.listenerState(state); l != nil {
			found[state] = l
		}
	})
	if r.err != nil {
		return
	}
	for _, state := range []State{Active, Warming, Draining} {
		l := found[state]
		if l == nil {
			continue
		}
		if l.Name == "" {
			l.Name = e.name
		}
		d.proxy.Listeners = append(d.proxy.Listeners, l)
	}
	d.rejected("listener", e, "")
}

// listenerState reads a DynamicListenerState, nil when it holds no listener.
func (r *reader) listenerState(state State) *Listener {
	var e entry
	var l *Listener
	r.object(func(key []byte) {
		if string(key) == "listener" {
			l = r.listener()
			return
		}
		r.entryField(&e, key)
	})
	if l != nil {
		l.Freshness = e.freshness(state)
	}
	return l
}

func (d *Decoder) staticListener(r *reader, members memberFunc) {
	var e entry
	var l *Listener
	members(func(key []byte) {
		if string(key) == "listener" {
			l = r.listener()
			return
		}
		r.entryField(&e, key)
	})
	if r.err != nil || l == nil {
		return
	}
	l.Freshness = e.freshness(Static)
	d.proxy.Listeners = append(d.proxy.Listeners, l)
}

// clusterEntry reads an item of a list of clusters.
func (d *Decoder) clusterEntry(r *reader, state State, members memberFunc) {
	var e entry
	var c *Cluster
	members(func(key []byte) {
		if string(key) == "cluster" {
			c = r.cluster()
			return
		}
		r.entryField(&e, key)
	})
	if r.err != nil {
		return
	}
	if c != nil {
		c.Freshness = e.freshness(state)
		d.proxy.Clusters = append(d.proxy.Clusters, c)
		d.rejected("cluster", e, c.Name)
		return
	}
	d.rejected("cluster", e, "")
}

// routeEntry reads an item of a list of route configurations. RDS ones win over inline ones
// of the same name, which the listeners hold anyway.
func (d *Decoder) routeEntry(r *reader, state State, members memberFunc) {
	var e entry
	var c *RouteConfig
	members(func(key []byte) {
		if string(key) == "route_config" {
			c = r.routeConfig()
			return
		}
		r.entryField(&e, key)
	})
	if r.err != nil {
		return
	}
	if c != nil && e.name == "" {
		e.name = c.Name
	}
	d.rejected("route", e, "")
	if c == nil {
		return
	}
	c.Freshness = e.freshness(state)
	d.addRoutes(c)
}

func (d *Decoder) addRoutes(c *RouteConfig) {
	if have := d.proxy.Routes[c.Name]; c.Name == "" || (have != nil && c.State == Static) {
		return
	}
	if d.proxy.Routes == nil {
		d.proxy.Routes = map[string]*RouteConfig{}
	}
	d.proxy.Routes[c.Name] = c
}

// endpointEntry reads an item of a list of endpoint configurations. Clusters that share one
// EDS name list it once each.
func (d *Decoder) endpointEntry(r *reader, members memberFunc) {
	var e entry
	var a assignment
	seen := false
	members(func(key []byte) {
		if string(key) == "endpoint_config" {
			seen = true
			r.any(func(_ string, key []byte) { r.assignmentField(&a, key) })
			return
		}
		r.entryField(&e, key)
	})
	if r.err != nil {
		return
	}
	if seen {
		d.addEndpoints(a)
	}
	d.rejected("endpoint", e, a.cluster)
}

func (d *Decoder) addEndpoints(a assignment) {
	if d.proxy.Endpoints == nil {
		d.proxy.Endpoints = map[string][]Endpoint{}
	}
	d.proxy.Endpoints[a.cluster] = a.endpoints
}
