package envoy

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// clustersText reads the text form of /clusters, which bug-report archives hold:
//
//	outbound|80||a.shop.svc::10.0.0.1:8080::cx_total::3
//	outbound|80||a.shop.svc::10.0.0.1:8080::health_flags::/failed_eds_health
func (d *Decoder) clustersText(src io.Reader) error {
	d.see(KindClusters)
	d.proxy.Read |= SectionHosts
	order := map[string]int{} // cluster and address to the host's index
	return eachLine(src, func(line string) {
		cluster, rest, ok := strings.Cut(line, "::")
		address, rest, isHost := cutAddress(rest)
		if !ok {
			return
		}
		if !isHost {
			d.addHosts(d.in.str([]byte(cluster)), nil)
			return
		}
		at, known := order[cluster+"::"+address]
		if !known {
			at = len(d.proxy.Hosts[cluster])
			order[cluster+"::"+address] = at
			d.addHosts(d.in.str([]byte(cluster)), []Host{newTextHost(address)})
		}
		name, value, _ := strings.Cut(rest, "::")
		d.proxy.Hosts[cluster][at].set(d.in, name, value)
	})
}

// cutAddress splits "10.0.0.1:80::cx_total::3" and "[::1]:80::…"; settings of the cluster
// itself, such as default_priority::max_retries::3, are not hosts.
func cutAddress(s string) (address, rest string, ok bool) {
	from := 0
	if strings.HasPrefix(s, "[") {
		from = strings.IndexByte(s, ']') + 1
	}
	end := strings.Index(s[from:], "::")
	if end < 0 {
		return "", "", false
	}
	address, rest = s[:from+end], s[from+end+2:]
	if !strings.ContainsAny(address, ":/.") { // pipes have paths
		return "", "", false
	}
	return address, rest, true
}

func newTextHost(address string) Host {
	h := Host{Stats: map[string]uint64{}}
	if ip, err := netip.ParseAddrPort(address); err == nil {
		h.Address = ip
	} else {
		h.Hostname = address
	}
	return h
}

func (h *Host) set(in *Interner, name, value string) {
	switch {
	case name == "hostname" && value != "":
		h.Hostname = in.str([]byte(value))
	case name == "health_flags":
		h.setFlags(in, value)
	case hostStats[name]:
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			h.Stats[in.str([]byte(name))] = n
		}
	}
}

// textFlags are the names of /clusters' text where they differ from those of its JSON.
var textFlags = map[string]string{
	"failed_active_hc":           "failed_active_health_check",
	"failed_outlier_check":       "failed_outlier_check",
	"degraded_active_hc":         "failed_active_degraded_check",
	"degraded_outlier_detection": "failed_degraded_outlier_detection",
}

// setFlags reads "healthy" or "/failed_active_hc/failed_eds_health".
func (h *Host) setFlags(in *Interner, value string) {
	if value == "healthy" {
		h.Health = "HEALTHY"
		return
	}
	for flag := range strings.SplitSeq(strings.Trim(value, "/"), "/") {
		switch {
		case flag == "failed_eds_health":
			h.Health = "UNHEALTHY"
		case flag == "degraded_eds_health":
			h.Health = "DEGRADED"
		case flag == "eds_status_draining":
			h.Health = "DRAINING"
		case textFlags[flag] != "":
			h.Flags = append(h.Flags, textFlags[flag])
		case flag != "":
			h.Flags = append(h.Flags, in.str([]byte(flag)))
		}
	}
}
