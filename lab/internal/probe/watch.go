package probe

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Port is where a watch answers on the pod's loopback interface.
const Port = 15099

// Watch reads every packet of the network that it runs in until it is asked to stop, and tells
// over HTTP on Port: GET /seen, GET /stop. It needs CAP_NET_RAW.
func Watch(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	fd, err := open()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	w := newWatch(fd)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", Port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w.handler(stop), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	err = w.read(ctx)
	return errors.Join(err, server.Shutdown(context.WithoutCancel(ctx)))
}

// open is a socket that gets all IPv4 packets, of all interfaces, without their link headers.
func open() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_IP)))
	if err != nil {
		return 0, fmt.Errorf("open a packet socket (CAP_NET_RAW): %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) // a small one shows as Dropped
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return 0, err
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}); err != nil {
		return 0, err
	}
	// outgoing packets are seen on sockets bound to all protocols only
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL)})
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

type watch struct {
	fd   int
	mu   sync.Mutex
	more *sync.Cond // tells that upTo has grown
	upTo int64      // all packets before have been read
	seen Seen
}

func newWatch(fd int) *watch {
	w := &watch{fd: fd}
	w.more = sync.NewCond(&w.mu)
	return w
}

// reached notes that all packets before a moment have been read.
func (w *watch) reached(at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upTo = max(w.upTo, at)
	w.more.Broadcast()
}

func (w *watch) handler(stop func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /seen", func(rw http.ResponseWriter, _ *http.Request) {
		asked := time.Now().UnixNano()
		w.mu.Lock()
		defer w.mu.Unlock()
		for w.upTo < asked { // on a busy machine packets wait to be read
			w.more.Wait()
		}
		if stats, err := unix.GetsockoptTpacketStats(w.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			w.seen.Dropped += int(stats.Drops)
		}
		_ = json.NewEncoder(rw).Encode(w.seen) // the asker has gone
	})
	mux.HandleFunc("GET /stop", func(http.ResponseWriter, *http.Request) { stop() })
	return mux
}

func (w *watch) read(ctx context.Context) error {
	defer w.reached(math.MaxInt64) // nobody waits any more
	buffer, control := make([]byte, 1<<17), make([]byte, 128)
	for ctx.Err() == nil {
		now := time.Now().UnixNano()
		n, c, _, from, err := unix.Recvmsg(w.fd, buffer, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			w.reached(now) // there was none for longer than this
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read packets: %w", err)
		}
		at := stamp(control[:c])
		if link, ok := from.(*unix.SockaddrLinklayer); ok && link.Protocol == htons(unix.ETH_P_IP) {
			if d, ok := directionOf(link); ok {
				w.take(buffer[:n], d, at)
			}
		}
		w.reached(at)
	}
	return nil
}

// stamp is when the kernel met a packet. When it is read may be much later, after the call that it
// belongs to has ended.
func stamp(control []byte) int64 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now().UnixNano()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			seconds, nanoseconds := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
			return int64(seconds)*int64(time.Second) + int64(nanoseconds)
		}
	}
	return time.Now().UnixNano()
}

// directionOf sorts a packet; those on the loopback interface come twice, and are taken once.
func directionOf(link *unix.SockaddrLinklayer) (direction, bool) {
	local := link.Hatype == unix.ARPHRD_LOOPBACK
	switch {
	case local:
		return loopback, link.Pkttype == unix.PACKET_HOST
	case link.Pkttype == unix.PACKET_OUTGOING:
		return outwards, true
	default:
		return inwards, link.Pkttype == unix.PACKET_HOST
	}
}

func (w *watch) take(b []byte, d direction, at int64) {
	p, ok := parse(b)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.dials(d) {
		w.seen.Dials = append(w.seen.Dials, Dial{at, p.to(), p.syn})
	}
	leg, ok := p.leg(d)
	if !ok {
		return
	}
	for _, token := range Token.FindAll(p.payload, -1) {
		w.seen.Sightings = append(w.seen.Sightings, Sighting{string(token), leg, p.from(), p.to()})
	}
}
