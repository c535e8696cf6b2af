package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"go.uber.org/goleak"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// cluster is an API server in this process, with a kubelet behind it: it serves lists by pages,
// and port-forwards to the Envoys of its pods, over WebSocket and SPDY like the real one.
type cluster struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	lists    map[string][]any        // list path without version prefix: "/api/v1/pods"
	envoys   map[string]http.Handler // by "namespace/pod"
	refuse   func(*http.Request) *status
	requests []string
	// upgrades counts the port-forward connections by "GET" (WebSocket) and "POST" (SPDY),
	// streams the connections inside them.
	upgrades map[string]int
	streams  int
}

// status is an error answer of the API server.
type status struct {
	code         int
	reason, text string
	token        string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	// The server's SPDY library waits a second for somebody to take the error of closing twice.
	ignore := []goleak.Option{goleak.IgnoreCurrent(), goleak.IgnoreTopFunction("github.com/moby/spdystream.(*Connection).shutdown")}
	t.Cleanup(func() { goleak.VerifyNone(t, ignore...) })
	c := &cluster{t: t, lists: map[string][]any{}, envoys: map[string]http.Handler{}, upgrades: map[string]int{}}
	c.Server = httptest.NewUnstartedServer(c)
	c.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up
	c.StartTLS()
	t.Cleanup(c.Server.Close)
	for _, path := range []string{
		"/api/v1/namespaces", "/api/v1/pods", "/api/v1/services", "/api/v1/configmaps",
		"/apis/discovery.k8s.io/v1/endpointslices", "/apis/apps/v1/replicasets", "/apis/batch/v1/jobs",
		"/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets", "/apis/batch/v1/cronjobs",
		"/apis/security.istio.io/v1/peerauthentications", "/apis/security.istio.io/v1/authorizationpolicies",
		"/apis/security.istio.io/v1/requestauthentications", "/apis/apiregistration.k8s.io/v1/apiservices",
		"/apis/networking.k8s.io/v1/ingresses", "/apis/networking.k8s.io/v1/ingressclasses",
		"/apis/gateway.networking.k8s.io/v1/httproutes", "/apis/gateway.networking.k8s.io/v1/grpcroutes",
		"/apis/gateway.networking.k8s.io/v1/backendtlspolicies", "/apis/gateway.networking.k8s.io/v1alpha3/tlsroutes", "/apis/gateway.networking.k8s.io/v1alpha2/tcproutes",
		"/apis/monitoring.coreos.com/v1/servicemonitors", "/apis/monitoring.coreos.com/v1/podmonitors",
		"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
		"/apis/networking.istio.io/v1/destinationrules", "/apis/networking.istio.io/v1/serviceentries",
		"/apis/networking.istio.io/v1/workloadentries", "/apis/networking.istio.io/v1/sidecars",
		"/apis/networking.istio.io/v1/virtualservices", "/apis/networking.istio.io/v1/gateways",
		"/apis/networking.istio.io/v1alpha3/envoyfilters",
	} {
		c.lists[path] = []any{}
	}
	c.add("/api/v1/namespaces", object{"metadata": object{"name": "shop"}})
	return c
}

type object = map[string]any

func (c *cluster) add(path string, objects ...object) {
	for _, o := range objects {
		c.lists[path] = append(c.lists[path], o)
	}
}

// addProxy adds a running pod in shop with an Envoy that answers as h.
func (c *cluster) addProxy(name string, h http.Handler) {
	c.add("/api/v1/pods", proxyPod(name))
	c.envoys["shop/"+name] = h
}

func proxyPod(name string) object {
	return object{
		"metadata": object{"namespace": "shop", "name": name},
		"spec":     object{"containers": []any{object{"name": "istio-proxy", "args": []any{"proxy", "sidecar"}}}},
		"status":   object{"phase": "Running"},
	}
}

func (c *cluster) config() *rest.Config {
	return &rest.Config{
		Host:            c.URL,
		TLSClientConfig: rest.TLSClientConfig{CAData: certificatePEM(c.Certificate())},
		BearerToken:     "sesame",
	}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.RequestURI())
	refuse := c.refuse
	c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer sesame" {
		(&status{code: 401, reason: "Unauthorized", text: "Unauthorized"}).write(w)
		return
	}
	if refuse != nil {
		if s := refuse(r); s != nil {
			s.write(w)
			return
		}
	}
	switch {
	case r.URL.Path == "/version":
		fmt.Fprint(w, `{"gitVersion":"v1.36.1"}`)
	case strings.HasSuffix(r.URL.Path, "/portforward"):
		c.portForward(w, r)
	case strings.HasSuffix(r.URL.Path, "/exec"):
		c.exec(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/") && strings.Count(r.URL.Path, "/") == 4:
		c.namespace(w, r.URL.Path[len("/api/v1/namespaces/"):])
	default:
		c.list(w, r)
	}
}

func (s *status) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(s.code)
	json.NewEncoder(w).Encode(object{ //nolint:errcheck // a test
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": s.code, "reason": s.reason, "message": s.text,
		"metadata": object{"continue": s.token},
	})
}

func (c *cluster) namespace(w http.ResponseWriter, name string) {
	for _, o := range c.lists["/api/v1/namespaces"] {
		if o.(object)["metadata"].(object)["name"] == name {
			json.NewEncoder(w).Encode(o) //nolint:errcheck // a test
			return
		}
	}
	(&status{code: 404, reason: "NotFound", text: "namespaces " + name + " not found"}).write(w)
}

// list serves a page: the continue token is the index of the next object.
func (c *cluster) list(w http.ResponseWriter, r *http.Request) {
	path, namespace := clusterWide(r.URL.Path)
	all, ok := c.lists[path]
	if !ok {
		(&status{code: 404, reason: "NotFound", text: "the server could not find the requested resource"}).write(w)
		return
	}
	wanted, byName := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	var items []any
	for _, o := range all {
		meta := o.(object)["metadata"].(object)
		if (namespace == "" || meta["namespace"] == namespace) && (!byName || meta["name"] == wanted) {
			items = append(items, o)
		}
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	to, token := len(items), ""
	if limit > 0 && from+limit < len(items) {
		to, token = from+limit, strconv.Itoa(from+limit)
	}
	json.NewEncoder(w).Encode(object{"kind": "List", "apiVersion": "v1", "metadata": object{"continue": token}, "items": items[from:to]}) //nolint:errcheck // a test
}

// clusterWide splits the namespace off a path.
func clusterWide(path string) (all, namespace string) {
	before, after, ok := strings.Cut(path, "/namespaces/")
	if !ok {
		return path, ""
	}
	namespace, plural, _ := strings.Cut(after, "/")
	return before + "/" + plural, namespace
}

// portForward answers as an API server and the kubelet behind it.
func (c *cluster) portForward(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/") // "", api, v1, namespaces, <ns>, pods, <pod>, portforward
	envoy, known := c.envoys[parts[4]+"/"+parts[6]]
	if !known {
		(&status{code: 404, reason: "NotFound", text: "pods " + parts[6] + " not found"}).write(w)
		return
	}
	c.mu.Lock()
	c.upgrades[r.Method]++
	c.mu.Unlock()
	kubelet := &kubelet{c: c, envoy: envoy, halves: map[string]httpstream.Stream{}}
	var conn httpstream.Connection
	if r.Method == http.MethodGet {
		conn = upgradeWebSocket(w, r, kubelet.accept)
	} else {
		conn = spdy.NewResponseUpgrader().UpgradeResponse(w, r, kubelet.accept)
	}
	if conn == nil {
		return
	}
	defer conn.Close() //nolint:errcheck // a test
	<-conn.CloseChan()
	kubelet.done.Wait()
}

func upgradeWebSocket(w http.ResponseWriter, r *http.Request, accept httpstream.NewStreamHandler) httpstream.Connection {
	up := gorilla.Upgrader{Subprotocols: []string{constants.WebsocketsSPDYTunnelingPortForwardV1}}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return nil
	}
	conn, err := spdy.NewServerConnection(portforward.NewTunnelingConnection("server", ws), accept)
	if err != nil {
		return nil
	}
	return conn
}

// kubelet joins the streams of one port-forward to pairs and connects them to an Envoy.
type kubelet struct {
	c     *cluster
	envoy http.Handler

	mu     sync.Mutex
	halves map[string]httpstream.Stream
	done   sync.WaitGroup
}

func (k *kubelet) accept(stream httpstream.Stream, replied <-chan struct{}) error {
	id := stream.Headers().Get("requestID")
	k.mu.Lock()
	other := k.halves[id]
	k.halves[id] = stream
	k.mu.Unlock()
	if other == nil {
		return nil
	}
	data, failure := stream, other
	if data.Headers().Get("streamType") != "data" {
		data, failure = other, stream
	}
	k.c.mu.Lock()
	k.c.streams++
	k.c.mu.Unlock()
	k.done.Go(func() {
		<-replied
		k.connect(data, failure)
	})
	return nil
}

// connect is what a kubelet does with a pair: it dials the pod, or says on the error stream why
// it can not.
func (k *kubelet) connect(data, failure httpstream.Stream) {
	defer data.Close()    //nolint:errcheck // a test
	defer failure.Close() //nolint:errcheck // a test
	if port := data.Headers().Get("port"); port != "15000" || k.envoy == nil {
		fmt.Fprintf(failure, "an error occurred forwarding %s -> %s: dial tcp4 127.0.0.1:%s: connect: connection refused", port, port, port)
		return
	}
	k.done.Add(1)
	pod, node := net.Pipe()
	go func() {
		defer k.done.Done()
		serveConn(k.envoy, pod)
	}()
	go func() {
		io.Copy(node, data) //nolint:errcheck // a test
		node.Close()        //nolint:errcheck // a test
	}()
	io.Copy(data, node) //nolint:errcheck // a test
	node.Close()        //nolint:errcheck // a test
}

// serveConn serves HTTP on one connection until it ends.
func serveConn(h http.Handler, conn net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: h, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			cancel()
		}
	}}
	s.Serve(&oneConn{conn: conn, done: ctx.Done()}) //nolint:errcheck // ends with its connection
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn net.Conn
	done <-chan struct{}
	once sync.Once
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		<-l.done
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return streamAddr{} }
