// Package client speaks to a running lab over its socket: pods as they run, commands in them,
// signals, and HTTP to ports on their loopback interface. It works outside the lab's network.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

// Client is one lab's.
type Client struct{ http *http.Client }

// New makes the client of the lab in the folder. It does not connect.
func New(dir layout.Dir) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", dir.Socket())
	}
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Phase is what the lab is doing; api.Ready when it can be used.
func (c *Client) Phase(ctx context.Context) (string, error) {
	var s api.Status
	err := c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s.Phase, err
}

// Pods are all pods on the node, by namespace and name.
func (c *Client) Pods(ctx context.Context) ([]node.PodInfo, error) {
	var pods []node.PodInfo
	err := c.call(ctx, http.MethodGet, "/pods", nil, &pods)
	return pods, err
}

// Pod finds one pod by NAMESPACE/POD, or by NAMESPACE/WORKLOAD where that has one pod.
func (c *Client) Pod(ctx context.Context, name string) (node.PodInfo, error) {
	pods, err := c.Pods(ctx)
	if err != nil {
		return node.PodInfo{}, err
	}
	return pick(pods, name)
}

func pick(pods []node.PodInfo, name string) (node.PodInfo, error) {
	var found []node.PodInfo
	for _, p := range pods {
		switch name {
		case p.Namespace + "/" + p.Name:
			return p, nil
		case p.Namespace + "/" + p.Workload:
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return node.PodInfo{}, fmt.Errorf("no pod %s in the lab; `lab pods` lists them", name)
	default:
		return node.PodInfo{}, fmt.Errorf("%s has %d pods: name one", name, len(found))
	}
}

// Exec runs a command in a pod's container and returns its output and exit code.
func (c *Client) Exec(ctx context.Context, pod node.PodInfo, command api.Exec) (api.Executed, error) {
	var done api.Executed
	err := c.call(ctx, http.MethodPost, path(pod, "exec"), command, &done)
	return done, err
}

// AsApp runs a command as the pod's application would: in its first container that is not
// Istio's, and as that container's user: whether the proxy captures what it sends depends on it.
func (c *Client) AsApp(ctx context.Context, pod node.PodInfo, stdin []byte, args ...string) (api.Executed, error) {
	for _, container := range pod.Containers {
		if container.Running && container.Name != node.ProxyContainer {
			return c.Exec(ctx, pod, api.Exec{Container: container.Name, UID: -1, Args: args, Stdin: stdin})
		}
	}
	return api.Executed{}, fmt.Errorf("no app container of %s/%s runs", pod.Namespace, pod.Name)
}

// Signal sends a signal to a container's first process, or to those of program.
func (c *Client) Signal(ctx context.Context, pod node.PodInfo, container, program string, signal syscall.Signal) error {
	return c.call(ctx, http.MethodPost, path(pod, "signal"), api.Signal{Container: container, Program: program, Signal: signal}, nil)
}

// Hold kills a container and keeps it down until it is called with false.
func (c *Client) Hold(ctx context.Context, pod node.PodInfo, container string, held bool) error {
	return c.call(ctx, http.MethodPost, path(pod, "hold"), api.Hold{Container: container, Held: held}, nil)
}

// Cut ends the pod's established connections, except those with a port in spare.
func (c *Client) Cut(ctx context.Context, pod node.PodInfo, spare ...uint16) error {
	return c.call(ctx, http.MethodPost, path(pod, "cut"), api.Cut{Spare: spare}, nil)
}

// CutOnly ends the pod's established connections that have the port at either end.
func (c *Client) CutOnly(ctx context.Context, pod node.PodInfo, port uint16) error {
	return c.call(ctx, http.MethodPost, path(pod, "cut"), api.Cut{Only: []uint16{port}}, nil)
}

// Get asks a port on the pod's loopback interface: Get(ctx, pod, 15000, "config_dump"). An
// answer other than 200 is an error with its text.
func (c *Client) Get(ctx context.Context, pod node.PodInfo, port int, target string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path(pod, fmt.Sprintf("http/%d/%s", port, strings.TrimPrefix(target, "/"))), nil)
}

func path(pod node.PodInfo, verb string) string {
	return fmt.Sprintf("/pods/%s/%s/%s", pod.Namespace, pod.Name, verb)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	text, err := c.do(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("speak to the lab: %w", errors.Unwrap(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return text, nil
}
