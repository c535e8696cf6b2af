package envoy

import "strings"

// hostStats are the counters kept of a host; the others repeat them or are gauges of load.
var hostStats = map[string]bool{
	"cx_active": true, "cx_connect_fail": true, "cx_total": true,
	"rq_error": true, "rq_success": true, "rq_timeout": true, "rq_total": true,
}

// clusterStatus reads a ClusterStatus of /clusters.
func (d *Decoder) clusterStatus(r *reader, members memberFunc) {
	var name string
	var hosts []Host
	members(func(key []byte) {
		switch string(key) {
		case "name":
			name = r.str()
		case "host_statuses":
			r.list(func() { hosts = append(hosts, r.host()) })
		default:
			r.skip()
		}
	})
	if r.err != nil {
		return
	}
	d.addHosts(name, hosts)
}

func (d *Decoder) addHosts(cluster string, hosts []Host) {
	d.proxy.Read |= SectionHosts
	if d.proxy.Hosts == nil {
		d.proxy.Hosts = map[string][]Host{}
	}
	d.proxy.Hosts[cluster] = append(d.proxy.Hosts[cluster], hosts...)
}

func (r *reader) host() (h Host) {
	r.object(func(key []byte) {
		switch string(key) {
		case "address":
			a := r.address()
			h.Address = a.ip
			setOnce(&h.Hostname, a.host)
		case "hostname":
			setOnce(&h.Hostname, r.str())
		case "health_status":
			r.hostHealth(&h)
		case "stats":
			h.Stats = map[string]uint64{}
			r.list(func() { r.hostStat(h.Stats) })
		default:
			r.skip()
		}
	})
	return h
}

// hostStat reads a SimpleMetric; a value of 0 is left out by Envoy.
func (r *reader) hostStat(into map[string]uint64) {
	var name string
	var value uint64
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			name = r.str()
		case "value":
			value = r.u64()
		default:
			r.skip()
		}
	})
	if hostStats[name] {
		into[name] = value
	}
}

func (r *reader) hostHealth(h *Host) {
	r.object(func(key []byte) {
		k := string(key)
		switch {
		case k == "eds_health_status":
			h.Health = r.health()
		case strings.HasPrefix(k, "failed_") || strings.HasPrefix(k, "pending_") || strings.HasPrefix(k, "excluded_") || k == "active_hc_timeout":
			if r.boolean() {
				h.Flags = append(h.Flags, k)
			}
		default:
			r.skip()
		}
	})
}
