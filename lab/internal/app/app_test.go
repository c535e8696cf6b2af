package app

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProtocol(t *testing.T) {
	for name, want := range map[string]Protocol{
		"http": HTTP, "http2-api": HTTP, "grpc": HTTP, "web": HTTP, "tcp-9000": TCP, "mysql": ServerFirst, "https": TLS, "tls-sni": TLS,
	} {
		if got := (Port{Name: name}).Protocol(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestParsePort(t *testing.T) {
	for in, ok := range map[string]bool{"http:8080": true, "http": false, ":1": false, "http:": false} {
		if _, err := ParsePort(in); (err == nil) != ok {
			t.Errorf("ParsePort(%q): %v, want ok: %t", in, err, ok)
		}
	}
}

func TestHandler(t *testing.T) {
	tests := []struct {
		path, xfcc string
		code       int
		body       string
	}{
		{"/any/path", "By=spiffe://a", http.StatusOK, `pod-1 xfcc="By=spiffe://a" tls=false proto=HTTP/1.1`},
		{"/", "", http.StatusOK, `pod-1 xfcc="" tls=false`},
		{"/status/503/q1", "", http.StatusServiceUnavailable, ""},
		{"/status/399", "", 399, ""},
		{"/status/nonsense/", "", http.StatusBadRequest, ""},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodGet, test.path, nil)
		if test.xfcc != "" {
			r.Header.Set("X-Forwarded-Client-Cert", test.xfcc)
		}
		w := httptest.NewRecorder()
		Handler("pod-1").ServeHTTP(w, r)
		if w.Code != test.code || !strings.HasPrefix(w.Body.String(), test.body) {
			t.Errorf("%s: %d %q, want %d %q", test.path, w.Code, w.Body, test.code, test.body)
		}
	}
}

// TestHandlerCloses: the client of /close sees its connection end, and no answer.
func TestHandlerCloses(t *testing.T) {
	server := httptest.NewServer(Handler("pod-1"))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/close/q1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(req)
	if err == nil {
		answer.Body.Close()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("%v: want the end of the connection", err)
	}
}

func TestEcho(t *testing.T) {
	for name, test := range map[string]struct {
		protocol Protocol
		want     string
	}{
		"client first": {TCP, "pod-1 ping\n"},
		"server first": {ServerFirst, "hello from pod-1\npod-1 ping\n"},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = serve(test.protocol, "pod-1", listener) }()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "ping\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		got, err := io.ReadAll(bufio.NewReader(conn))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
		_ = listener.Close()
	}
}
