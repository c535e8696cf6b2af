package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
)

// admin is the admin interface of one Envoy.
type admin interface {
	// get asks for a path without leading slash. The body is to be closed. An answer other than
	// 200 is a *statusError.
	get(ctx context.Context, path string) (io.ReadCloser, error)
	// close ends the connection and everything that still uses it.
	close()
}

// opener opens the admin interface of pods.
type opener struct {
	api    *api
	config *rest.Config
	exec   bool
}

// open connects to the admin interface of a pod: by port-forward, or where that is forbidden
// and the user allows it by exec.
func (o *opener) open(ctx context.Context, t target) (admin, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := o.forward(ctx, t)
	if err != nil && o.exec && errors.Is(err, errForbidden) {
		return o.execIn(ctx, t)
	}
	return a, err
}

func (o *opener) podURL(t target, subresource string, params url.Values) *url.URL {
	req := o.api.client.Get().AbsPath("/api/v1/namespaces/" + t.Namespace + "/pods/" + t.Name + "/" + subresource)
	for k, vs := range params {
		for _, v := range vs {
			req = req.Param(k, v)
		}
	}
	return req.URL()
}

func (o *opener) forward(ctx context.Context, t target) (admin, error) {
	u := o.podURL(t, "portforward", url.Values{"ports": {strconv.Itoa(int(t.port))}})
	streams, conn, err := dialPortForward(ctx, o.config, u)
	if err != nil {
		return nil, podError(err, errForbidden)
	}
	d := &dialer{streams: streams, port: t.port}
	transport := &http.Transport{DialContext: d.DialContext, MaxConnsPerHost: 1, DisableCompression: true}
	f := &forwarded{streams: streams, conn: conn, transport: transport}
	f.stop = context.AfterFunc(ctx, f.hangUp)
	return f, nil
}

// podError sorts why a pod's subresource could not be used.
func podError(err, forbidden error) error {
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w: %w", forbidden, err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}

// forwarded is an admin interface behind a port-forward.
type forwarded struct {
	streams   httpstream.Connection
	conn      net.Conn
	transport *http.Transport
	stop      func() bool
}

func (f *forwarded) get(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, notOK(resp)
	}
	return resp.Body, nil
}

// notOK reads the short text that comes with an error, so that the connection can be used again.
func notOK(resp *http.Response) error {
	defer resp.Body.Close()                                 //nolint:errcheck // the status is what counts
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 8<<10)) // what came is enough
	return &statusError{code: resp.StatusCode, body: firstWords(string(text))}
}

func (f *forwarded) close() {
	f.stop()
	f.hangUp()
	f.transport.CloseIdleConnections()
	<-f.streams.CloseChan() // their reader ends with the connection
}

// hangUp closes the streams first, politely, and then what carries them.
func (f *forwarded) hangUp() {
	f.streams.Close() //nolint:errcheck // nobody is left to be told
	f.conn.Close()    //nolint:errcheck // as above
}

// firstWords keeps the beginning of an error page.
func firstWords(s string) string {
	const limit = 240
	if s = oneLine(s); len(s) > limit {
		s = s[:limit] + "…"
	}
	return s
}
