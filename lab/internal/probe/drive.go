package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/app"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/health"
)

// patience is how long a call may take: more than a refusal ever takes, and than Istio's retries.
const patience = 5 * time.Second

const agent = "lab-probe"

// Drive makes the calls one after the other, each on a connection of its own.
func Drive(ctx context.Context, calls []Call) []Result {
	results := make([]Result, 0, len(calls))
	for _, c := range calls {
		results = append(results, drive(ctx, c))
	}
	return results
}

func drive(ctx context.Context, c Call) Result {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := Result{Token: c.Token, Start: time.Now().UnixNano()}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", c.Address)
	if err == nil {
		defer conn.Close()
		r.Local = conn.LocalAddr().String()
		deadline, _ := ctx.Deadline()
		_ = conn.SetDeadline(deadline)
		err = c.speak(ctx, conn, &r)
	}
	r.OK = err == nil
	if err != nil {
		r.Error = err.Error()
	}
	r.End = time.Now().UnixNano()
	return r
}

func (c Call) speak(ctx context.Context, conn net.Conn, r *Result) error {
	switch c.Kind {
	case TCP:
		return c.echo(conn, r)
	case HTTPS:
		secure := tls.Client(conn, c.clientHello())
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		return c.get(ctx, secure, r)
	case HTTP2:
		return c.post(ctx, conn, r)
	case GRPC:
		return c.check(ctx, conn, r)
	default:
		return c.get(ctx, conn, r)
	}
}

// clientHello offers the token as an application protocol, which no server knows, and is small
// enough for one packet.
func (c Call) clientHello() *tls.Config {
	return &tls.Config{
		ServerName: c.Host, InsecureSkipVerify: true, NextProtos: []string{"http/1.1", c.Token},
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
}

func (c Call) get(ctx context.Context, conn net.Conn, r *Result) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.authority()+strings.TrimSuffix(c.Path, "/")+"/"+c.Token, nil)
	if err != nil {
		return err
	}
	req.Close = true
	req.Header.Set("User-Agent", agent)
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 600))
	r.Status, r.Body = resp.StatusCode, strings.TrimSpace(string(body))
	switch {
	case r.Status != http.StatusOK:
		return fmt.Errorf("HTTP %d: %s", r.Status, r.Body)
	case err != nil:
		return err
	}
	return applications(r.Body)
}

// post sends the token in the body, over HTTP/2 with prior knowledge: DATA frames are what they
// are, and header fields are compressed (RFC 7541).
func (c Call) post(ctx context.Context, conn net.Conn, r *Result) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.authority()+c.Path, strings.NewReader(c.Token+"\n"))
	if err != nil {
		return err
	}
	return c.http2(conn, req, r, func(resp *http.Response) error {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 600))
		r.Body = strings.TrimSpace(string(body))
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("HTTP %d: %s", resp.StatusCode, r.Body)
		}
		return err
	})
}

// check asks gRPC's health service, and sends the token in the message.
func (c Call) check(ctx context.Context, conn net.Conn, r *Result) error {
	req, err := health.Request(ctx, c.authority(), "", c.Token)
	if err != nil {
		return err
	}
	return c.http2(conn, req, r, func(resp *http.Response) error {
		r.Body = resp.Header.Get(app.Answer)
		return health.Check(resp)
	})
}

// http2 makes the request on the connection. The agent tells access logs the token.
func (c Call) http2(conn net.Conn, req *http.Request, r *Result, read func(*http.Response) error) error {
	req.Header.Set("User-Agent", agent+"/"+c.Token)
	transport := health.Transport()
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	r.Status = resp.StatusCode
	if err := read(resp); err != nil {
		return err
	}
	return applications(r.Body)
}

// applications is nil for the line with which the lab's app answers.
func applications(answer string) error {
	if !strings.Contains(answer, " xfcc=") {
		return fmt.Errorf("not the application's answer: %s", answer)
	}
	return nil
}

// authority is the host as HTTP clients write it: without the port of the scheme.
func (c Call) authority() string {
	if c.Kind != HTTPS && c.Port == 80 || c.Kind == HTTPS && c.Port == 443 {
		return c.Host
	}
	return fmt.Sprintf("%s:%d", c.Host, c.Port)
}

func (c Call) echo(conn net.Conn, r *Result) error {
	if _, err := fmt.Fprintf(conn, "ping %s\n", c.Token); err != nil {
		return err
	}
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		r.Body = strings.TrimSpace(line)
		switch {
		case err == io.EOF:
			return fmt.Errorf("connection closed by peer: EOF after %q", r.Body)
		case err != nil:
			return err
		case strings.Contains(line, c.Token):
			return nil
		case strings.HasPrefix(line, "HTTP/"):
			return fmt.Errorf("not the application's answer: %s", r.Body)
		}
	}
}
