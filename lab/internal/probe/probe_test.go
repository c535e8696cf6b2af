package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/app"
)

// tcp makes an IPv4 packet with TCP in it, from 10.0.0.1.
func tcp(dst string, srcPort, dstPort int, flags byte, payload string) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[9] = 0x45, 6
	binary.BigEndian.PutUint16(b[2:], uint16(40+len(payload)))
	copy(b[12:], net.IPv4(10, 0, 0, 1).To4())
	copy(b[16:], net.ParseIP(dst).To4())
	binary.BigEndian.PutUint16(b[20:], uint16(srcPort))
	binary.BigEndian.PutUint16(b[22:], uint16(dstPort))
	b[32], b[33] = 0x50, flags
	return append(b, payload...)
}

func TestTake(t *testing.T) {
	const token = "q00042x"
	tests := []struct {
		name             string
		dir              direction
		srcPort, dstPort int
		payload          string
		want             string
	}{
		{"plaintext arrives", inwards, 40000, 8080, "GET /" + token, "wire"},
		{"ciphertext arrives", inwards, 40000, 8080, "\x16\x03\x01 sealed", ""},
		{"the proxy delivers", loopback, 40000, 8080, "GET /" + token, "delivered"},
		{"an application speaks to its own proxy", loopback, 40000, outboundPort, "GET /" + token, ""},
		{"the proxy calls its own pod in plaintext", loopback, 40000, inboundPort, "GET /" + token, "wire"},
		{"an answer", inwards, 8080, 40000, "200 " + token, ""},
		{"a client's own call leaves", outwards, 40000, 8080, "GET /" + token, ""},
		{"the probe tells what it saw", loopback, 40000, Port, token, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatch(0)
			w.take(tcp("10.0.0.2", tt.srcPort, tt.dstPort, 0x18, tt.payload), tt.dir, 1)
			got := ""
			for _, s := range w.seen.Sightings {
				if got = string(s.Leg); s.Token != token {
					t.Errorf("token %q", s.Token)
				}
			}
			if got != tt.want {
				t.Errorf("seen on %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDials(t *testing.T) {
	tests := []struct {
		name    string
		dir     direction
		dstPort int
		flags   byte
		payload string
		want    int
	}{
		{"begins a connection", outwards, 8080, 0x02, "", 1},
		{"uses a pooled one", outwards, 8080, 0x18, "x", 1},
		{"acknowledges", outwards, 8080, 0x10, "", 0},
		{"answers a client", outwards, 40000, 0x18, "x", 0},
		{"speaks to istiod", outwards, xdsPort, 0x18, "x", 0},
		{"calls itself through both proxies", loopback, inboundPort, 0x18, "x", 1},
		{"is called", inwards, 8080, 0x18, "x", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatch(0)
			w.take(tcp("10.0.0.2", 40001, tt.dstPort, tt.flags, tt.payload), tt.dir, 1)
			if len(w.seen.Dials) != tt.want {
				t.Errorf("%d dials, want %d", len(w.seen.Dials), tt.want)
			}
		})
	}
}

// control makes a control message of a socket.
func control(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

func TestStamp(t *testing.T) {
	var at []byte
	for _, v := range []uint64{1_700_000_000, 42} {
		at = binary.NativeEndian.AppendUint64(at, v)
	}
	both := append(control(unix.SOL_SOCKET, unix.SCM_RIGHTS, []byte{1, 2, 3, 4}), control(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, at)...)
	if got := stamp(both); got != 1_700_000_000_000_000_042 {
		t.Errorf("stamped %d", got)
	}
	before := time.Now().UnixNano()
	if got := stamp(nil); got < before {
		t.Errorf("without a stamp: %d, want now", got)
	}
}

// TestSeenWaits: nobody is told what was seen while packets from before wait to be read.
func TestSeenWaits(t *testing.T) {
	w := newWatch(0)
	server := httptest.NewServer(w.handler(func() {}))
	defer server.Close()
	ask := func(patience time.Duration) (seen Seen, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/seen", nil)
		if err != nil {
			return seen, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return seen, err
		}
		defer resp.Body.Close()
		return seen, json.NewDecoder(resp.Body).Decode(&seen)
	}
	w.reached(1)
	if _, err := ask(50 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("answered before the packets were read: %v", err)
	}
	w.take(tcp("10.0.0.3", 40001, 8080, 0x02, ""), outwards, 2)
	w.reached(math.MaxInt64)
	seen, err := ask(5 * time.Second)
	if err != nil || len(seen.Dials) != 1 {
		t.Errorf("%d dials, want 1: %v", len(seen.Dials), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(tcp("10.0.0.2", 1, 2, 0x18, "q00001x"))
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parse(b)
		if ok && len(p.payload) > len(b)-40 {
			t.Errorf("a payload of %d bytes in a packet of %d", len(p.payload), len(b))
		}
	})
}

// answer serves one connection: it reads a line and answers with what f says.
func answer(t *testing.T, f func(line string) string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		line, _ := bufio.NewReader(conn).ReadString('\n')
		_, _ = fmt.Fprint(conn, f(line))
	}()
	return l.Addr().String()
}

func TestDrive(t *testing.T) {
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := closed.Addr().String()
	_ = closed.Close()
	echo := func(line string) string { return "pod-1 " + line }
	answering := func(body string) func(string) string {
		return func(string) string { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body }
	}
	tests := []struct {
		name    string
		kind    Kind
		address string
		ok      bool
	}{
		{"echo", TCP, answer(t, echo), true},
		{"echo of something else", TCP, answer(t, func(string) string { return "pod-1 pong\n" }), false},
		{"TCP that is answered by HTTP", TCP, answer(t, func(string) string { return "HTTP/1.1 400 Bad Request\r\n\r\n" }), false},
		{"TCP that is closed", TCP, answer(t, func(string) string { return "" }), false},
		{"refused", TCP, refused, false},
		{"HTTP", HTTP, answer(t, answering(`pod-1 xfcc="" tls=false`)), true},
		{"HTTP that somebody else answers", HTTP, answer(t, answering("welcome")), false},
		{"HTTP 503", HTTP, answer(t, func(string) string { return "HTTP/1.1 503 Unavailable\r\nConnection: close\r\n\r\nno healthy upstream" }), false},
		{"TLS that is answered in plaintext", HTTPS, answer(t, echo), false},
		{"HTTP/2 that is answered by HTTP/1.1", HTTP2, answer(t, answering("welcome")), false},
		{"gRPC that is closed", GRPC, answer(t, func(string) string { return "" }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Drive(context.Background(), []Call{{Token: "q00001x", Kind: tt.kind, Host: "a.b", Port: 80, Path: "/", Address: tt.address}})[0]
			if r.OK != tt.ok || r.OK == (r.Error != "") {
				t.Errorf("%+v, want ok=%t", r, tt.ok)
			}
		})
	}
}

// TestDriveHTTP2 calls the lab's app by kinds whose header fields are compressed: the token has to
// be in clear nonetheless.
func TestDriveHTTP2(t *testing.T) {
	const token = "q00001x"
	for _, kind := range []Kind{HTTP2, GRPC} {
		t.Run(string(kind), func(t *testing.T) {
			var wire bytes.Buffer
			server := httptest.NewUnstartedServer(app.Handler("pod-1"))
			server.Listener = tapped{server.Listener, &wire}
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			r := Drive(t.Context(), []Call{{Token: token, Kind: kind, Host: "a.b", Port: 80, Path: "/", Address: server.Listener.Addr().String()}})[0]
			server.Close()
			if !r.OK || !strings.HasPrefix(r.Body, `pod-1 xfcc="" tls=false proto=HTTP/2.0`) {
				t.Errorf("%+v", r)
			}
			if got := Token.FindAllString(wire.String(), -1); !slices.Contains(got, token) {
				t.Errorf("tokens %q in clear, want %s", got, token)
			}
		})
	}
}

// tapped copies what its connections read. Its one connection is read by one goroutine.
type tapped struct {
	net.Listener
	to io.Writer
}

func (l tapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return tap{conn, l.to}, err
}

type tap struct {
	net.Conn
	to io.Writer
}

func (c tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	_, _ = c.to.Write(b[:n])
	return n, err
}

func TestAuthority(t *testing.T) {
	for _, tt := range []struct {
		kind Kind
		port int
		want string
	}{{HTTP, 80, "a.b"}, {HTTP, 8080, "a.b:8080"}, {HTTPS, 443, "a.b"}, {HTTPS, 80, "a.b:80"}, {GRPC, 80, "a.b"}} {
		if got := (Call{Kind: tt.kind, Host: "a.b", Port: tt.port}).authority(); got != tt.want {
			t.Errorf("%s port %d: %q, want %q", tt.kind, tt.port, got, tt.want)
		}
	}
}
