package node

import (
	"fmt"
	"net"
	"sync"
)

// addresses gives pods their addresses, in order and round, so that an address that was just
// let go is not seen again soon: somebody may still hold a connection to it.
type addresses struct {
	mu   sync.Mutex
	next int
	used map[int]bool
}

const (
	addressesFirst = 256 // 10.244.1.0
	addressesCount = 60000
)

func newAddresses() *addresses { return &addresses{used: map[int]bool{}} }

func (a *addresses) take() (net.IP, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range addressesCount {
		n := a.next
		a.next = (a.next + 1) % addressesCount
		if last := n % 256; last == 0 || last == 255 || a.used[n] {
			continue
		}
		a.used[n] = true
		return podIP(n), nil
	}
	return nil, fmt.Errorf("all %d pod addresses are in use", addressesCount)
}

func (a *addresses) release(ip net.IP) {
	v4 := ip.To4()
	if v4 == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.used, int(v4[2])*256+int(v4[3])-addressesFirst)
}

func podIP(n int) net.IP {
	n += addressesFirst
	return net.IPv4(10, 244, byte(n>>8), byte(n)).To4()
}
