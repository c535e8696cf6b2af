package netns

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	vns "github.com/vishvananda/netns"
)

// Node makes the calling process's namespace a node: forwarding between pods, its address on
// the loopback interface, and a route for services so that connections made on the node
// itself reach the NAT rules. It refuses every packet that leads nowhere, however many there are.
func Node(address net.IP, services *net.IPNet) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: services, Src: address, Scope: netlink.SCOPE_LINK}
	return errors.Join(
		netlink.LinkSetUp(lo),
		netlink.AddrAdd(lo, &netlink.Addr{IPNet: host(address)}),
		netlink.RouteAdd(route),
		sysctl("ip_forward", "1"), sysctl("icmp_ratelimit", "0"), sysctl("conf/all/rp_filter", "0"), sysctl("conf/default/rp_filter", "0"))
}

// Attach gives pod an interface with the address, joined to the caller's namespace by the
// interface named link. Everything that the pod sends goes through the node, even to a
// neighbour: NAT sees both directions of every connection, as on a node of a cloud.
func Attach(pod *Namespace, link string, address, node net.IP) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = link
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(pod.Fd())}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("make interface %s: %w", link, err)
	}
	err := errors.Join(
		sysctl("conf/"+link+"/rp_filter", "0"),
		netlink.LinkSetUp(veth),
		netlink.RouteAdd(&netlink.Route{LinkIndex: veth.Index, Dst: host(address), Src: node, Scope: netlink.SCOPE_LINK}),
		configure(pod, address, node))
	if err != nil {
		return fmt.Errorf("attach %s (%s): %w", link, address, err)
	}
	return nil
}

// configure is the pod's end: its address, and the node as its only neighbour.
func configure(pod *Namespace, address, node net.IP) error {
	h, err := netlink.NewHandleAt(vns.NsHandle(pod.Fd()))
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err1 := h.LinkByName("lo")
	eth, err2 := h.LinkByName("eth0")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	index := eth.Attrs().Index
	return errors.Join(
		h.LinkSetUp(lo),
		h.AddrAdd(eth, &netlink.Addr{IPNet: host(address)}),
		h.LinkSetUp(eth),
		h.RouteAdd(&netlink.Route{LinkIndex: index, Dst: host(node), Scope: netlink.SCOPE_LINK}),
		h.RouteAdd(&netlink.Route{LinkIndex: index, Gw: node}))
}

// Detach removes the interface named link, and its other end with it.
func Detach(link string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", link, err)
	}
	return netlink.LinkDel(l)
}

func host(ip net.IP) *net.IPNet { return &net.IPNet{IP: ip, Mask: net.CIDRMask(32, 32)} }

func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0)
}
