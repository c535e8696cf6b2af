// Package app is the application that pods of the lab run. It serves each port by the protocol
// that the port's name promises, so that a manifest with named ports needs no image.
package app

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// Port is a named port, as in a pod's spec.
type Port struct{ Name, Number string }

// Protocol is what the app speaks on a port.
type Protocol string

// The certificate and key of an app that plays a host outside the cluster.
const (
	CertFile = "/etc/app/tls.crt"
	KeyFile  = "/etc/app/tls.key"
)

// The protocols. HTTP is HTTP/1.1 and HTTP/2 without TLS, with gRPC's health service; TCP sends
// back every line; ServerFirst does so after it has spoken first; TLS is HTTP over the certificate
// in CertFile, or where that is missing one that nobody signed.
const (
	HTTP        Protocol = "http"
	TCP         Protocol = "tcp"
	ServerFirst Protocol = "server-first"
	TLS         Protocol = "tls"
)

// ParsePort reads "name:number".
func ParsePort(s string) (Port, error) {
	name, number, ok := strings.Cut(s, ":")
	if !ok || name == "" || number == "" {
		return Port{}, fmt.Errorf("port %q: want NAME:NUMBER", s)
	}
	return Port{name, number}, nil
}

// Protocol follows Istio's protocol selection by the name up to the first dash; mysql stands for
// the protocols in which the server speaks first.
func (p Port) Protocol() Protocol {
	prefix, _, _ := strings.Cut(p.Name, "-")
	switch prefix {
	case "tcp", "redis", "udp":
		return TCP
	case "mysql", "mongo", "smtp", "serverfirst":
		return ServerFirst
	case "https", "tls":
		return TLS
	default:
		return HTTP
	}
}

// Serve serves all ports in the name of id until ctx ends or one of them can not be served.
// Without ports it is a client, which only waits.
func Serve(ctx context.Context, id string, ports []Port) error {
	failed := make(chan error, len(ports))
	for _, p := range ports {
		listener, err := net.Listen("tcp", ":"+p.Number)
		if err != nil {
			return err
		}
		go func() { failed <- serve(p.Protocol(), id, listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func serve(protocol Protocol, id string, listener net.Listener) error {
	switch protocol {
	case TCP:
		return echo(listener, id, "")
	case ServerFirst:
		return echo(listener, id, "hello from "+id+"\n")
	case TLS:
		cert, err := certificate()
		if err != nil {
			return err
		}
		server := &http.Server{Handler: Handler(id), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
		return server.ServeTLS(listener, "", "")
	default:
		var both http.Protocols
		both.SetHTTP1(true)
		both.SetUnencryptedHTTP2(true)
		return (&http.Server{Handler: Handler(id), Protocols: &both}).Serve(listener)
	}
}

// echo answers each line with id before it.
func echo(listener net.Listener, id, greeting string) error {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			continue
		}
		go func() {
			defer conn.Close()
			_, _ = io.WriteString(conn, greeting)
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				if _, err := fmt.Fprintf(conn, "%s %s\n", id, lines.Text()); err != nil {
					return
				}
			}
		}()
	}
}

func certificate() (tls.Certificate, error) {
	if cert, err := tls.LoadX509KeyPair(CertFile, KeyFile); !errors.Is(err, fs.ErrNotExist) {
		return cert, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), DNSNames: []string{"app"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
