package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// keepAlive is how often an idle port-forward is pinged.
const keepAlive = 10 * time.Second

// dialPortForward opens a port-forward to a pod: over a WebSocket, as API servers since 1.30
// take it, else by upgrading to SPDY. A proxy or an API server that refuses the first often takes
// the second; RBAC sees a GET in the first and a POST in the second. Client-go's own dialers do
// the same, but take no context.
func dialPortForward(ctx context.Context, config *rest.Config, u *url.URL) (httpstream.Connection, net.Conn, error) {
	conn, err := dialWebSocket(ctx, config, u)
	if httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err) {
		conn, err = dialSPDY(ctx, config, u)
	}
	if err != nil {
		return nil, nil, err
	}
	conn = &quietConn{Conn: conn}
	streams, err := spdy.NewClientConnectionWithPings(conn, keepAlive)
	if err != nil {
		return nil, nil, err
	}
	return streams, conn, nil
}

func dialWebSocket(ctx context.Context, config *rest.Config, u *url.URL) (net.Conn, error) {
	rt, holder, err := websocket.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	handshake, done := closeOnCancel(ctx)
	defer done()
	req, err := http.NewRequestWithContext(handshake, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	conn, err := websocket.Negotiate(rt, holder, req, constants.WebsocketsSPDYTunnelingPortForwardV1)
	if err != nil {
		return nil, err
	}
	return portforward.NewTunnelingConnectionWithLogger(klog.Logger{}, conn), nil
}

// closeOnCancel returns a context under which the connection of a WebSocket handshake is closed
// when ctx ends: the handshake itself heeds nothing but a deadline.
func closeOnCancel(ctx context.Context) (traced context.Context, done func()) {
	stop := func() bool { return false }
	traced = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		stop = context.AfterFunc(ctx, func() { info.Conn.Close() }) //nolint:errcheck // it is given up
	}})
	return traced, func() { stop() }
}

func dialSPDY(ctx context.Context, config *rest.Config, u *url.URL) (net.Conn, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	rt, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: tlsConfig, Proxier: config.Proxy})
	if err != nil {
		return nil, err
	}
	up := &upgrade{dial: rt.Dial}
	authorized, err := rest.HTTPWrappersForConfig(config, up)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, constants.PortForwardV1Name)
	resp, err := authorized.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close() //nolint:errcheck // a 101 has no body
	return up.conn, nil
}

// upgrade is a round trip that ends in a connection: that of an HTTP upgrade to SPDY.
type upgrade struct {
	dial func(*http.Request) (net.Conn, error)
	conn net.Conn
}

func (u *upgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	conn, err := u.dial(req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(req.Context(), func() { conn.Close() }) //nolint:errcheck // it is given up
	defer stop()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, req)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = upgradeRefused(resp)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	u.conn = &bufferedConn{conn, in}
	return resp, nil
}

// upgradeRefused is the API server's reason, as it gives it in a Status.
func upgradeRefused(resp *http.Response) error {
	defer resp.Body.Close()                                  //nolint:errcheck // the connection is given up
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came is enough
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err == nil && status.Kind == "Status" {
		return &apierrors.StatusError{ErrStatus: status}
	}
	return fmt.Errorf("upgrade refused: %s: %s", resp.Status, oneLine(string(body)))
}

// bufferedConn reads what the reader of the upgrade's answer has taken already.
type bufferedConn struct {
	net.Conn
	in *bufio.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// quietConn is closed once, and never fails at it: the SPDY library would wait a second for
// somebody to take the error.
type quietConn struct {
	net.Conn
	once sync.Once
}

func (c *quietConn) Close() error {
	c.once.Do(func() { c.Conn.Close() }) //nolint:errcheck // whoever closes has given it up
	return nil
}
