package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

const (
	pageSize = "500"
	// requestsPerSecond replaces client-go's 5, which is meant for controllers that run for ever.
	requestsPerSecond = 50
)

// metadataOnly asks the API server to leave spec and status out.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// api asks the API server for raw JSON. Client-go's REST client carries the credentials,
// impersonation, retries and errors; typed clientsets would decode, and encode again, what is
// wanted as bytes.
type api struct {
	client rest.Interface
	host   string
}

func newAPI(config *rest.Config) (*api, error) {
	if config == nil {
		return nil, &Error{Kind: ErrUnreachable, What: "no kubeconfig was given", Next: "set --kubeconfig or --context"}
	}
	c := rest.CopyConfig(config)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.GroupVersion = &schema.GroupVersion{Version: "v1"}
	c.WarningHandler = rest.NoWarnings{} // "v1beta1 is deprecated" is nothing to the user of a health report
	if c.QPS == 0 {
		c.QPS, c.Burst = requestsPerSecond, 2*requestsPerSecond
	}
	client, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return nil, &Error{Kind: ErrUnreachable, What: c.Host, Next: "check the kubeconfig", Err: err}
	}
	return &api{client: client, host: c.Host}, nil
}

// version asks for the Kubernetes version and, by that, whether there is an API server at all.
// A server that keeps its version to itself is fine.
func (a *api) version(ctx context.Context) (string, error) {
	raw, err := a.client.Get().AbsPath("/version").Do(ctx).Raw()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case apierrors.IsUnauthorized(err):
		return "", &Error{Kind: ErrUnauthorized, What: a.host, Next: "log in again, or choose another --context", Err: err}
	case apierrors.IsForbidden(err):
		return "", nil
	default:
		return "", &Error{Kind: ErrUnreachable, What: a.host, Next: "check the network and the kubeconfig's server (kubectl cluster-info)", Err: err}
	}
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || v.GitVersion == "" {
		return "", &Error{Kind: ErrUnreachable, What: a.host, Next: "is a proxy or a login page in between?", Err: errors.New("what answers is not a Kubernetes API server")}
	}
	return v.GitVersion, nil
}

// page is one request for a page of a list.
type page struct {
	path     string // "/api/v1/pods"
	accept   string
	selector string // field selector
}

// get fetches one page. An expired continue token is replaced by the one that the API server
// offers for going on with a newer state (kubernetes.io/docs/reference/using-api/api-concepts,
// "410 Gone"): pages of two moments are better evidence than a list cut short.
func (a *api) get(ctx context.Context, p page, token string) (io.ReadCloser, error) {
	body, err := a.stream(ctx, p, token)
	if next := inconsistentContinue(err); next != "" && token != "" {
		return a.stream(ctx, p, next)
	}
	return body, err
}

func (a *api) stream(ctx context.Context, p page, token string) (io.ReadCloser, error) {
	req := a.client.Get().AbsPath(p.path).Param("limit", pageSize)
	if token != "" {
		req = req.Param("continue", token)
	}
	if p.selector != "" {
		req = req.Param("fieldSelector", p.selector)
	}
	if p.accept != "" {
		req = req.SetHeader("Accept", p.accept)
	}
	return req.Stream(ctx)
}

func inconsistentContinue(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}

// getAsList fetches one object in the form of a list of one.
func (a *api) getAsList(ctx context.Context, path string) (io.ReadCloser, error) {
	raw, err := a.client.Get().AbsPath(path).Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader([]byte(`{"items":[`)), bytes.NewReader(raw), bytes.NewReader([]byte(`]}`)))), nil
}
