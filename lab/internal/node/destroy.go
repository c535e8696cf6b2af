package node

import (
	"encoding/binary"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// destroy ends one connection (SOCK_DESTROY of sock_diag(7)). The cookie keeps it to that one:
// without, the kernel looks the addresses up again, and where the connection has ended meanwhile
// it finds, and closes, the listener of its port.
func destroy(id netlink.SocketID) error {
	request := nl.NewNetlinkRequest(nl.SOCK_DESTROY, unix.NLM_F_ACK)
	request.AddData(destroyRequest{id})
	_, err := request.Execute(unix.NETLINK_INET_DIAG, 0)
	return err
}

// destroyRequest is struct inet_diag_req_v2 of linux/inet_diag.h, for TCP over IPv4.
type destroyRequest struct{ id netlink.SocketID }

const destroyLen = 56

// Len is the length of the request.
func (destroyRequest) Len() int { return destroyLen }

// Serialize is the request as the kernel reads it.
func (r destroyRequest) Serialize() []byte {
	b := make([]byte, 0, destroyLen)
	b = append(b, syscall.AF_INET, syscall.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, 1<<netlink.TCP_ESTABLISHED)
	b = binary.BigEndian.AppendUint16(b, r.id.SourcePort)
	b = binary.BigEndian.AppendUint16(b, r.id.DestinationPort)
	for _, ip := range [][]byte{r.id.Source.To4(), r.id.Destination.To4()} {
		b = append(b, ip...)
		b = append(b, make([]byte, 16-len(ip))...)
	}
	b = binary.NativeEndian.AppendUint32(b, r.id.Interface)
	b = binary.NativeEndian.AppendUint32(b, r.id.Cookie[0])
	return binary.NativeEndian.AppendUint32(b, r.id.Cookie[1])
}
