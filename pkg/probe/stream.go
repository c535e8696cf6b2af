package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/streaming/pkg/httpstream"
)

// The headers of port-forward streams (k8s.io/api/core/v1, PortHeader and those around it).
const (
	headerStreamType = "streamType"
	headerPort       = "port"
	headerRequestID  = "requestID"
	streamError      = "error"
	streamData       = "data"
)

// errorGrace is how long the node may take to say why a connection ended before its first byte.
const errorGrace = 2 * time.Second

// dialer opens connections to one port of a pod, each a pair of streams of one port-forward.
type dialer struct {
	streams httpstream.Connection
	port    int32
	nextID  atomic.Int32
}

// DialContext opens one connection. The node dials the pod when it has both streams, so that a
// refused connection is only known at the first read.
func (d *dialer) DialContext(context.Context, string, string) (net.Conn, error) {
	header := http.Header{}
	header.Set(headerPort, strconv.Itoa(int(d.port)))
	header.Set(headerRequestID, strconv.Itoa(int(d.nextID.Add(1))))
	header.Set(headerStreamType, streamError)
	failure, err := d.streams.CreateStream(header)
	if err != nil {
		return nil, fmt.Errorf("%w: error stream: %w", errLost, err)
	}
	header.Set(headerStreamType, streamData)
	data, err := d.streams.CreateStream(header)
	if err != nil {
		return nil, fmt.Errorf("%w: data stream: %w", errLost, errors.Join(err, failure.Reset()))
	}
	c := &streamConn{d: d, data: data, failure: failure, told: make(chan struct{})}
	go c.listen()
	return c, nil
}

// streamConn is a connection to a port of a pod.
type streamConn struct {
	d             *dialer
	data, failure httpstream.Stream
	received      atomic.Bool
	told          chan struct{} // closed when the error stream has ended
	reason        error         // what it said, valid once told is closed
}

// listen waits for what the node says of the connection. We have nothing to say to it, but the
// stream's other half is left open: some nodes take its end for that of the connection.
func (c *streamConn) listen() {
	defer close(c.told)
	const limit = 4 << 10
	text, err := io.ReadAll(io.LimitReader(c.failure, limit))
	if err != nil || len(text) == 0 {
		return
	}
	c.reason = forwardError(string(text))
}

// forwardError sorts what a node says when it can not forward.
func forwardError(text string) error {
	kind := errLost
	if strings.Contains(strings.ToLower(text), "connection refused") {
		kind = errRefused
	}
	return fmt.Errorf("%w: %s", kind, oneLine(text))
}

func (c *streamConn) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if n > 0 {
		c.received.Store(true)
	}
	if n == 0 && err != nil {
		err = c.why(err)
	}
	return n, err
}

func (c *streamConn) Write(p []byte) (int, error) {
	n, err := c.data.Write(p)
	if err != nil {
		err = c.why(err)
	}
	return n, err
}

// why prefers the node's reason to the bare end of a stream, and waits for it if nothing was
// received at all.
func (c *streamConn) why(err error) error {
	if !c.received.Load() {
		grace := time.NewTimer(errorGrace)
		defer grace.Stop()
		select {
		case <-c.told:
		case <-grace.C:
		}
	}
	select {
	case <-c.told:
		if c.reason != nil {
			return c.reason
		}
	default:
	}
	return err
}

// Close ends both streams at once.
func (c *streamConn) Close() error {
	err := errors.Join(c.data.Reset(), c.failure.Reset())
	c.d.streams.RemoveStreams(c.data, c.failure)
	<-c.told
	return err
}

// The rest of net.Conn has no meaning for a stream; contexts bound it instead.

func (c *streamConn) LocalAddr() net.Addr              { return streamAddr{} }
func (c *streamConn) RemoteAddr() net.Addr             { return streamAddr{} }
func (c *streamConn) SetDeadline(time.Time) error      { return nil }
func (c *streamConn) SetReadDeadline(time.Time) error  { return nil }
func (c *streamConn) SetWriteDeadline(time.Time) error { return nil }

type streamAddr struct{}

func (streamAddr) Network() string { return "port-forward" }
func (streamAddr) String() string  { return "port-forward" }
