package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The errors that end a reading; every other failure is a gap. They come wrapped in an *Error.
var (
	// ErrUnreachable means that no Kubernetes API server answers where the kubeconfig points.
	ErrUnreachable = errors.New("the API server can not be reached")
	// ErrUnauthorized means that the API server does not accept the credentials.
	ErrUnauthorized = errors.New("the API server does not accept the credentials")
	// ErrNoNamespace means that a namespace in scope does not exist.
	ErrNoNamespace = errors.New("no such namespace")
	// ErrTimeout means that the time of the whole run was over before everything was read.
	// What was read until then is valid, and the rest is in the gaps.
	ErrTimeout = errors.New("the time for reading the cluster is over")
)

// Error is a failure that ends a reading, in one sentence with what to do next.
type Error struct {
	Kind error  // ErrUnreachable, ErrUnauthorized, ErrNoNamespace
	What string // what it was about: the server's address, the namespace
	Next string // what the user can do
	Err  error  // the cause, may be nil
}

// Error returns the sentence.
func (e *Error) Error() string {
	s := e.Kind.Error() + ": " + e.What
	if e.Err != nil {
		s += ": " + oneLine(e.Err.Error())
	}
	return s + "; " + e.Next
}

// Unwrap makes both the kind and the cause known to errors.Is.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// The reasons why a proxy could not be read.
var (
	errForbidden    = errors.New("port-forward is forbidden")
	errExecDenied   = errors.New("exec is forbidden")
	errRefused      = errors.New("nothing listens on the admin port")
	errLost         = errors.New("the connection to the pod was lost")
	errGone         = errors.New("the pod is gone")
	errProxyTimeout = errors.New("timed out")
)

// statusError is an answer of the admin interface other than 200.
type statusError struct {
	code int
	body string
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("the admin interface answers %d", e.code)
	if e.body != "" {
		s += ": " + e.body
	}
	return s
}

// refusedParameter reports whether the admin interface does not know a resource or a mask
// (404: no such field in any section; 400: a mask that does not fit).
func refusedParameter(err error) bool {
	var status *statusError
	return errors.As(err, &status) && (status.code == 400 || status.code == 404)
}

const (
	timeoutHint = "a large config takes longer: raise --proxy-timeout, or read fewer proxies at once with --max-proxies; a proxy that never answers may hang"
	refusedHint = "the proxy may have crashed, or be starting or restarting: run again; if its admin port is another one, --proxy-admin-port sets it"
	lostHint    = "the pod may have ended, or its proxy crashed or restarted: run again"
)

// explain turns a failed read into the message and the hint of a gap.
func explain(ctx context.Context, err error, port int32, timeout time.Duration) (message, hint string) {
	var status *statusError
	switch {
	case errors.As(err, &status):
		return status.Error(), ""
	case errors.Is(context.Cause(ctx), errProxyTimeout), errors.Is(err, errProxyTimeout):
		return fmt.Sprintf("timed out after %s", timeout), timeoutHint
	case ctx.Err() != nil:
		return "not read: " + context.Cause(ctx).Error(), "raise the time-out of the run, or narrow its scope"
	case errors.Is(err, errForbidden):
		return oneLine(err.Error()), "grant get and create on pods/portforward (deploy/rbac.yaml), or allow pods/exec instead with --exec"
	case errors.Is(err, errExecDenied):
		return oneLine(err.Error()), "grant get and create on pods/portforward or on pods/exec (deploy/rbac.yaml)"
	case errors.Is(err, errRefused):
		return fmt.Sprintf("the proxy does not answer on its admin port %d", port), refusedHint
	case errors.Is(err, errLost):
		return oneLine(err.Error()), lostHint
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer was cut in the middle", lostHint
	}
	return oneLine(err.Error()), ""
}

// explainList turns a failed list into the message and the hint of a gap.
func explainList(ctx context.Context, err error, resource string) (message, hint string) {
	switch {
	case apierrors.IsForbidden(err):
		return oneLine(err.Error()), "grant list on " + resource + " (deploy/rbac.yaml)"
	case apierrors.IsNotFound(err):
		return "the cluster has no " + resource, "is Istio installed in this cluster?"
	case ctx.Err() != nil:
		return "not read: " + context.Cause(ctx).Error(), "raise the time-out of the run"
	}
	return oneLine(err.Error()), ""
}

// oneLine keeps an error of any length readable in a table.
func oneLine(s string) string {
	const limit = 300
	s = strings.TrimRight(strings.Join(strings.Fields(s), " "), ".")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
