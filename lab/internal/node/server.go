package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

const (
	kubeletPort = 10250
	idleTimeout = 4 * time.Hour    // the kubelet's --streaming-connection-idle-timeout
	newStream   = 30 * time.Second // the kubelet's constant
)

// Serve is the kubelet's API, for the API server to call, until ctx ends: /pods, /containerLogs,
// /exec and /portForward. Everything in the lab's network may call it.
func (a *Agent) Serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("GET /pods", a.servePods)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", a.serveLogs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", a.serveExec)
	mux.HandleFunc("/exec/{namespace}/{pod}/{uid}/{container}", a.serveExec)
	mux.HandleFunc("/portForward/{namespace}/{pod}", a.servePortForward)
	mux.HandleFunc("/portForward/{namespace}/{pod}/{uid}", a.servePortForward)
	listener, err := net.Listen("tcp", net.JoinHostPort(layout.NodeIP, layout.KubeletPort))
	if err != nil {
		return fmt.Errorf("serve the kubelet API: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: newStream}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		err := server.ServeTLS(listener, a.dir.Run("pki", "server.crt"), a.dir.Run("pki", "server.key"))
		if !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("kubelet API", "error", err)
		}
	}()
	return nil
}

func (a *Agent) servePods(w http.ResponseWriter, _ *http.Request) {
	list := corev1.PodList{}
	for _, worker := range a.all() {
		list.Items = append(list.Items, *worker.pod())
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the caller has gone
}

func requested(r *http.Request) string { return r.PathValue("namespace") + "/" + r.PathValue("pod") }

func (a *Agent) serveExec(w http.ResponseWriter, r *http.Request) {
	// The API server passes on the parameters of PodExecOptions under these names.
	query := r.URL.Query()
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, executor{a}, requested(r), r.PathValue("uid"), r.PathValue("container"), query["command"],
		options, idleTimeout, newStream, remotecommand.SupportedStreamingProtocols)
}

// executor is the streaming server's view of Agent.
type executor struct{ a *Agent }

func (e executor) ExecInContainer(ctx context.Context, pod, _, container string, cmd []string, in io.Reader, out, errs io.WriteCloser, tty bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if tty {
		return errors.New("the lab has no terminals: leave -t out")
	}
	k, err := e.a.container(pod, container)
	if err != nil {
		return err
	}
	s := streams{}
	if in != nil {
		s.in = in
	}
	if out != nil {
		s.out = out
	}
	if errs != nil {
		s.err = errs
	}
	err = k.exec(ctx, cmd, s)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: exit, Code: exitCode(exit)}
	}
	return err
}

// container finds a running pod's container by name.
func (a *Agent) container(pod, name string) (*keeper, error) {
	w := a.worker(pod)
	if w == nil {
		return nil, fmt.Errorf("no pod %s on this node", pod)
	}
	for _, list := range [][]*keeper{w.main, w.init} {
		for _, k := range list {
			if k.spec.Name == name {
				return k, nil
			}
		}
	}
	return nil, fmt.Errorf("pod %s has no container %s", pod, name)
}

func (a *Agent) servePortForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, forwarder{a}, requested(r), r.PathValue("uid"), options, idleTimeout, newStream, portforward.SupportedProtocols)
}

type forwarder struct{ a *Agent }

// PortForward ends as soon as the far end closes, as containerd does; the stream is then closed
// by the caller.
func (f forwarder) PortForward(ctx context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	conn, err := f.a.Dial(ctx, pod, int(port))
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, conn)
	return err
}

// Dial connects to a port on the loopback interface of a pod.
func (a *Agent) Dial(ctx context.Context, pod string, port int) (conn net.Conn, err error) {
	w := a.worker(pod)
	if w == nil || w.network == nil {
		return nil, fmt.Errorf("no pod %s on this node", pod)
	}
	doErr := w.network.Do(func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		return err
	})
	if doErr != nil {
		return nil, fmt.Errorf("connect to port %d of %s: %w", port, pod, doErr)
	}
	return conn, nil
}
