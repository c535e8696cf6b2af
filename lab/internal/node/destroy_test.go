package node

import (
	"encoding/hex"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestDestroyRequest: addresses and ports in network order, the cookie as the kernel gave it.
func TestDestroyRequest(t *testing.T) {
	id := netlink.SocketID{SourcePort: 0x1234, DestinationPort: 0x5678, Source: net.IPv4(10, 0, 0, 1), Destination: net.IPv4(10, 0, 0, 2), Cookie: [2]uint32{1, 2}}
	b := destroyRequest{id}.Serialize()
	if len(b) != destroyLen || (destroyRequest{}).Len() != destroyLen {
		t.Fatalf("%d bytes, want %d", len(b), destroyLen)
	}
	const ends = "1234" + "5678" + "0a000001" + "000000000000000000000000" + "0a000002"
	if got := hex.EncodeToString(b[8:32]); got != ends {
		t.Errorf("ends %s, want %s", got, ends)
	}
	if b[0] != 2 || b[1] != 6 {
		t.Errorf("family %d, protocol %d, want 2 and 6", b[0], b[1])
	}
}
