package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Serve answers on UDP and TCP at address until ctx ends. It returns when it listens.
func Serve(ctx context.Context, address string, names Names) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("serve DNS: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(fmt.Errorf("serve DNS: %w", err), packets.Close())
	}
	context.AfterFunc(ctx, func() { _, _ = packets.Close(), listener.Close() })
	go serveUDP(packets, names)
	go serveTCP(listener, names)
	return nil
}

func serveUDP(packets net.PacketConn, names Names) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply := Answer(buffer[:n], names); reply != nil {
			_, _ = packets.WriteTo(reply, from) // lost, as a packet may be
		}
	}
}

func serveTCP(listener net.Listener, names Names) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go converse(conn, names)
	}
}

// converse answers the queries of one connection, each with its length before it (RFC 1035, 4.2.2).
func converse(conn net.Conn, names Names) {
	defer conn.Close()
	for {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		var length uint16
		if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
			return
		}
		query := make([]byte, length)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply := Answer(query, names)
		if reply == nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}
