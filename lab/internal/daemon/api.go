package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

type status struct {
	mu    sync.Mutex
	phase string
}

func (s *status) set(phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = phase
}

func (s *status) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

// serve answers on the lab's socket, which root alone can open.
func serve(ctx context.Context, dir layout.Dir, agent *node.Agent, status *status) error {
	if err := os.Remove(dir.Socket()); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", dir.Socket())
	if err != nil {
		return fmt.Errorf("listen for commands: %w", err)
	}
	if err := os.Chmod(dir.Socket(), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: handler(agent, status), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return nil
}

func handler(agent *node.Agent, status *status) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, api.Status{Phase: status.get()}, nil) })
	mux.HandleFunc("GET /pods", func(w http.ResponseWriter, _ *http.Request) { answer(w, agent.Pods(), nil) })
	mux.HandleFunc("POST /pods/{namespace}/{name}/exec", with(func(r *http.Request, b api.Exec) (any, error) {
		out, errs, code, err := agent.Exec(r.Context(), pod(r), b.Container, b.UID, b.Args, b.Stdin)
		return api.Executed{Stdout: out, Stderr: errs, Code: code}, err
	}))
	mux.HandleFunc("POST /pods/{namespace}/{name}/signal", with(func(r *http.Request, b api.Signal) (any, error) {
		return nil, agent.Signal(pod(r), b.Container, b.Program, b.Signal)
	}))
	mux.HandleFunc("POST /pods/{namespace}/{name}/hold", with(func(r *http.Request, b api.Hold) (any, error) {
		return nil, agent.Hold(pod(r), b.Container, b.Held)
	}))
	mux.HandleFunc("POST /pods/{namespace}/{name}/cut", with(func(r *http.Request, b api.Cut) (any, error) {
		return nil, agent.CutConnections(pod(r), b.Only, b.Spare)
	}))
	mux.HandleFunc("/pods/{namespace}/{name}/http/{port}/", func(w http.ResponseWriter, r *http.Request) { proxy(agent, w, r) })
	return mux
}

func pod(r *http.Request) string { return r.PathValue("namespace") + "/" + r.PathValue("name") }

// with decodes the body of a request.
func with[B any](f func(*http.Request, B) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body B
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		result, err := f(r, body)
		answer(w, result, err)
	}
}

func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the caller has gone
}

// proxy passes an HTTP request on to a port on a pod's loopback interface.
func proxy(agent *node.Agent, w http.ResponseWriter, r *http.Request) {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil {
		http.Error(w, errors.Join(errors.New("the port is no number"), err).Error(), http.StatusBadRequest)
		return
	}
	name := pod(r)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return agent.Dial(ctx, name, port)
	}}
	reverse := &httputil.ReverseProxy{Transport: transport, Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", net.JoinHostPort("127.0.0.1", r.PathValue("port")), ""
	}}
	http.StripPrefix(fmt.Sprintf("/pods/%s/http/%d", name, port), reverse).ServeHTTP(w, r)
}
