package certs_test

import (
	"bytes"
	"io"
	"net"
	"sync"
)

// buffered is one direction of a connection whose writer never waits. (With
// net.Pipe alone both sides of a failing handshake may write at once, each
// waiting for the other to read.)
type buffered struct {
	mu     sync.Mutex
	filled sync.Cond
	data   bytes.Buffer
	closed bool
}

func newBuffered() *buffered {
	b := &buffered{}
	b.filled.L = &b.mu
	return b
}

func (b *buffered) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.data.Len() == 0 && !b.closed {
		b.filled.Wait()
	}
	if b.data.Len() == 0 {
		return 0, io.EOF
	}
	return b.data.Read(p)
}

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.filled.Broadcast()
	return b.data.Write(p)
}

func (b *buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.filled.Broadcast()
	return nil
}

// end is one end of a connection in memory. The embedded net.Conn only lends
// the methods that a handshake does not use.
type end struct {
	net.Conn
	in, out *buffered
}

func (e end) Read(p []byte) (int, error)  { return e.in.Read(p) }
func (e end) Write(p []byte) (int, error) { return e.out.Write(p) }
func (e end) Close() error                { return e.out.Close() }

func memoryConn() (net.Conn, net.Conn) {
	a, b := net.Pipe()
	up, down := newBuffered(), newBuffered()
	return end{a, up, down}, end{b, down, up}
}
