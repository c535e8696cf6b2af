package probe

import (
	"encoding/binary"
	"net"
	"strconv"
)

// Ports that Istio's iptables rules send captured connections to, and those of its own services.
const (
	outboundPort  = 15001
	inboundPort   = 15006
	firstOwnPort  = 15000
	lastOwnPort   = 15099
	xdsPort       = 15012
	firstFreePort = 32768 // of clients: Linux' ip_local_port_range
)

// packet is an IPv4 packet with TCP in it.
type packet struct {
	src, dst         net.IP
	srcPort, dstPort int
	syn              bool
	payload          []byte
}

func (p packet) from() string { return net.JoinHostPort(p.src.String(), strconv.Itoa(p.srcPort)) }
func (p packet) to() string   { return net.JoinHostPort(p.dst.String(), strconv.Itoa(p.dstPort)) }

// parse reads an IPv4 packet; ok is false for everything but the first fragment of TCP.
func parse(b []byte) (p packet, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 || b[9] != 6 || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return p, false
	}
	header := int(b[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 || total > len(b) { // 0: segments that the card would have cut
		total = len(b)
	}
	if header < 20 || total < header+20 {
		return p, false
	}
	t := b[header:total]
	offset := int(t[12]>>4) * 4
	if offset < 20 || offset > len(t) {
		return p, false
	}
	return packet{
		src: net.IP(b[12:16]), dst: net.IP(b[16:20]),
		srcPort: int(binary.BigEndian.Uint16(t)), dstPort: int(binary.BigEndian.Uint16(t[2:])),
		syn: t[13]&0x12 == 0x02, payload: t[offset:],
	}, true
}

// direction is how the kernel met a packet.
type direction int

const (
	loopback direction = iota // on the loopback interface
	inwards
	outwards
)

// leg is where a request's packet was seen; ok is false for answers and for what an application
// says to its own proxy, which proves nothing.
func (p packet) leg(d direction) (Leg, bool) {
	switch {
	case p.dstPort >= firstFreePort, d == outwards:
		return "", false
	case d == inwards, p.dstPort == inboundPort:
		return Wire, true
	case p.dstPort >= firstOwnPort && p.dstPort <= lastOwnPort:
		return "", false
	default:
		return Delivered, true
	}
}

// dials says whether the pod opens or uses a connection of its own to another pod.
func (p packet) dials(d direction) bool {
	toSelf := d == loopback && p.dstPort == inboundPort
	return (d == outwards && p.dstPort < firstFreePort && p.dstPort != xdsPort || toSelf) && (p.syn || len(p.payload) > 0)
}
