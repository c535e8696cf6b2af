package envoy

import "strings"

// inlineRoutes reads the route_config of an HTTP connection manager.
func (r *reader) inlineRoutes() *RouteConfig {
	c := &RouteConfig{Freshness: Freshness{State: Static}}
	r.ownRBAC = false
	r.object(func(key []byte) { r.routeConfigField(c, key) })
	c.OwnRBAC = r.ownRBAC
	return c
}

// routeConfig reads a RouteConfiguration in an Any, nil if it is of another API.
func (r *reader) routeConfig() *RouteConfig {
	c := &RouteConfig{}
	r.ownRBAC = false
	typ := r.any(func(typ string, key []byte) {
		if isV2(typ) {
			r.skip()
			return
		}
		r.routeConfigField(c, key)
	})
	if r.err != nil || r.sawV2(typ) {
		return nil
	}
	c.OwnRBAC = r.ownRBAC
	return c
}

func (r *reader) routeConfigField(c *RouteConfig, key []byte) {
	switch string(key) {
	case "name":
		c.Name = r.str()
	case "virtual_hosts":
		r.list(func() { c.VirtualHosts = append(c.VirtualHosts, r.virtualHost()) })
	case "vhds":
		r.unknown(&c.Unmodelled, "RouteConfiguration", key)
	case "typed_per_filter_config":
		r.perFilter()
	default:
		r.skip()
	}
}

func (r *reader) virtualHost() *VirtualHost {
	v := &VirtualHost{}
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			v.Name = r.str()
		case "domains":
			v.Domains = r.strs()
		case "routes":
			r.list(func() { v.Routes = append(v.Routes, r.route()) })
		case "matcher":
			r.unknown(&v.Unmodelled, "VirtualHost", key)
		case "typed_per_filter_config":
			r.perFilter()
		default:
			r.skip()
		}
	})
	return v
}

// perFilter notes RBAC rules that only some routes have: the filter's own rules are then
// not the whole truth.
func (r *reader) perFilter() {
	r.entries(func(string) {
		typ := r.any(func(string, []byte) { r.skip() })
		if strings.HasSuffix(typ, ".RBACPerRoute") {
			r.ownRBAC = true
			r.note(typ)
		}
	})
}

func (r *reader) route() *Route {
	t := &Route{}
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			t.Name = r.str()
		case "match":
			t.Match, t.CatchAll = r.routeMatch()
		case "metadata":
			t.Config = r.origin()
		case "route":
			r.object(func(key []byte) { r.actionField(t, key) })
		case "redirect":
			t.Redirect = r.kind() != 'n'
			r.skip()
		case "direct_response":
			r.object(func(key []byte) {
				if string(key) == "status" {
					t.DirectResponse = r.u32()
					return
				}
				r.skip()
			})
		case "typed_per_filter_config":
			r.perFilter()
		default:
			r.skip()
		}
	})
	return t
}

func (r *reader) actionField(t *Route, key []byte) {
	switch string(key) {
	case "cluster":
		t.Clusters = []WeightedCluster{{Name: r.str()}}
	case "cluster_header":
		t.ClusterHeader = r.str()
	case "weighted_clusters":
		t.Clusters = r.weightedClusters()
	default:
		r.skip()
	}
}

// routeMatch gives a RouteMatch in words, and whether every request satisfies it.
func (r *reader) routeMatch() (words string, catchAll bool) {
	var path string
	conditions := map[string][]string{}
	everyPath := false
	r.object(func(key []byte) {
		switch k := string(key); k {
		case "prefix", "path", "path_separated_prefix", "regex":
			value := string(r.scalar())
			path = strings.ReplaceAll(k, "_", " ") + " " + value
			everyPath = k == "prefix" && value == "/"
		case "safe_regex":
			path = "regex " + r.regex()
		case "connect_matcher":
			path = "CONNECT"
			r.skip()
		case "case_sensitive":
			r.skip()
		default:
			conditions[k] = r.matchConditions(k)
		}
	})
	if with := inMatchOrder(conditions); len(with) > 0 {
		path = strings.TrimPrefix(path+" with "+strings.Join(with, " and "), " ")
		everyPath = false
	}
	return r.in.str([]byte(path)), everyPath
}

// matchConditions gives a condition of a RouteMatch, beyond its path, in words.
func (r *reader) matchConditions(field string) (words []string) {
	what := strings.ReplaceAll(field, "_", " ")
	switch field {
	case "headers", "query_parameters", "cookies":
		r.list(func() { words = append(words, strings.TrimSuffix(what, "s")+" "+r.conditionName()) })
		return words
	}
	r.skip()
	return []string{what}
}

// matchOrder is the order of a RouteMatch's fields in its schema; those of the future follow.
var matchOrder = []string{
	"path_match_policy", "runtime_fraction", "headers", "query_parameters", "cookies", "grpc", "tls_context", "dynamic_metadata", "filter_state",
}

func inMatchOrder(conditions map[string][]string) (words []string) {
	for _, field := range matchOrder {
		words = append(words, conditions[field]...)
		delete(conditions, field)
	}
	for _, field := range sortedKeys(conditions) {
		words = append(words, conditions[field]...)
	}
	return words
}

// conditionName is the name of a header, query parameter or cookie that is matched.
func (r *reader) conditionName() (name string) {
	r.object(func(key []byte) {
		if string(key) == "name" {
			name = r.str()
			return
		}
		r.skip()
	})
	return name
}
