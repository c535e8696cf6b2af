package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// executed is an admin interface that is asked by "pilot-agent request GET" in the pod.
type executed struct {
	o      *opener
	t      target
	ctx    context.Context // the proxy's own: close ends what still runs
	cancel context.CancelFunc
}

// execIn returns the admin interface behind pods/exec. Nothing is started before the first get.
func (o *opener) execIn(ctx context.Context, t target) (admin, error) {
	// The executors would log to stderr what they return as an error too.
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.Logger{}))
	return &executed{o: o, t: t, ctx: ctx, cancel: cancel}, nil
}

// command is what runs in the container: the agent's own client for the admin interface, which
// is in every proxy image, also in those without a shell.
func (e *executed) command(path string) []string {
	cmd := []string{"pilot-agent", "request"}
	if e.t.port != defaultAdminPort {
		cmd = append(cmd, "--debug-port", strconv.Itoa(int(e.t.port)))
	}
	return append(cmd, http.MethodGet, path)
}

func (e *executed) get(_ context.Context, path string) (io.ReadCloser, error) {
	u := e.o.podURL(e.t, "exec", url.Values{"container": {kube.ProxyContainer}, "stdout": {"true"}, "stderr": {"true"}, "command": e.command(path)})
	run, err := e.o.executor(u)
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() {
		stderr := &tail{}
		err := run.StreamWithContext(e.ctx, remotecommand.StreamOptions{Stdout: in, Stderr: stderr})
		in.CloseWithError(execError(err, stderr.String()))
	}()
	return jsonOnly(out)
}

func (o *opener) executor(u *url.URL) (remotecommand.Executor, error) {
	ws, err := remotecommand.NewWebSocketExecutor(o.config, http.MethodGet, u.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(o.config, http.MethodPost, u)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(ws, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// connectionRefused is what the agent says when no proxy listens on the admin port.
const connectionRefused = "connection refused"

// execError tells an admin interface that says no from an exec that did not work. The agent
// puts the status into its error text (istio, pilot/pkg/request).
func execError(err error, stderr string) error {
	if err == nil {
		return nil
	}
	if strings.Contains(stderr, connectionRefused) {
		return fmt.Errorf("%w: %s", errRefused, oneLine(stderr))
	}
	if _, text, ok := strings.Cut(stderr, "received unsuccessful status code "); ok {
		var code int
		if _, scanErr := fmt.Sscanf(text, "%d", &code); scanErr == nil {
			_, body, _ := strings.Cut(text, ": ")
			return &statusError{code: code, body: firstWords(body)}
		}
	}
	// The executors flatten the API server's Status into text.
	if apierrors.IsForbidden(err) || strings.Contains(err.Error(), "is forbidden") {
		return fmt.Errorf("%w: %w", errExecDenied, err)
	}
	return fmt.Errorf("%w: %s", err, oneLine(stderr))
}

// jsonOnly turns an answer that is no JSON into a 404: for that status alone the agent prints
// the text and reports success.
func jsonOnly(body io.ReadCloser) (io.ReadCloser, error) {
	in := bufio.NewReader(body)
	first, err := in.Peek(1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, errors.Join(err, body.Close())
	case err == nil && first[0] == '{':
		return struct {
			io.Reader
			io.Closer
		}{in, body}, nil
	}
	text, _ := io.ReadAll(io.LimitReader(in, 8<<10)) // what came is enough
	body.Close()                                     //nolint:errcheck // as above
	if strings.Contains(string(text), connectionRefused) {
		return nil, fmt.Errorf("%w: %s", errRefused, oneLine(string(text)))
	}
	return nil, &statusError{code: http.StatusNotFound, body: firstWords(string(text))}
}

func (e *executed) close() { e.cancel() }

// tail keeps the beginning of what a command says to stderr.
type tail struct{ buf bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	const limit = 4 << 10
	if room := limit - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *tail) String() string { return t.buf.String() }
