package envoy

import "net/netip"

// address is a core.v3.Address in whichever form it came.
type address struct {
	ip       netip.AddrPort
	host     string // where the address is a name
	port     uint32
	pipe     string
	internal string
	inside   bool // an internal address, even one without a listener's name
	udp      bool
}

func (r *reader) address() (a address) {
	r.object(func(key []byte) {
		switch string(key) {
		case "socket_address":
			r.socketAddress(&a)
		case "pipe":
			r.object(func(key []byte) {
				if string(key) == "path" {
					a.pipe = r.str()
					return
				}
				r.skip()
			})
		case "envoy_internal_address":
			a.inside = r.kind() == '{'
			r.object(func(key []byte) {
				if string(key) == "server_listener_name" {
					a.internal = r.str()
					return
				}
				r.skip()
			})
		default:
			r.skip()
		}
	})
	return a
}

func (r *reader) socketAddress(a *address) {
	var host string
	r.object(func(key []byte) {
		switch string(key) {
		case "address":
			host = r.str()
		case "port_value":
			a.port = r.u32()
		case "protocol":
			a.udp = r.enum("TCP", "UDP") == "UDP"
		default:
			r.skip()
		}
	})
	ip, err := netip.ParseAddr(host)
	if err != nil || a.port > 65535 {
		a.host = host
		return
	}
	a.ip = netip.AddrPortFrom(ip, uint16(a.port))
}
