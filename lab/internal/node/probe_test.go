package node

import (
	"net"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/app"
)

// The probes against the lab's own app, on this machine's loopback interface.
func TestProbes(t *testing.T) {
	port := startApp(t)
	closed := closedPort(t)
	k := &keeper{
		w:    &worker{ip: net.IPv4(127, 0, 0, 1)},
		spec: corev1.Container{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: int32(port)}}},
	}
	get := func(path string, port intstr.IntOrString) corev1.ProbeHandler {
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: port}}
	}
	tcp := func(port int) corev1.ProbeHandler {
		return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt(port)}}
	}
	grpc := func(port int) corev1.ProbeHandler {
		return corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: int32(port)}}
	}
	tests := map[string]struct {
		probe corev1.ProbeHandler
		fails string // part of the error
	}{
		"HTTP by number":   {get("/", intstr.FromInt(port)), ""},
		"HTTP by name":     {get("status/399", intstr.FromString("http")), ""},
		"HTTP 503":         {get("/status/503", intstr.FromInt(port)), "503"},
		"HTTP, no server":  {get("/", intstr.FromInt(closed)), "refused"},
		"TCP":              {tcp(port), ""},
		"TCP, no server":   {tcp(closed), "refused"},
		"gRPC":             {grpc(port), ""},
		"gRPC, no server":  {grpc(closed), "refused"},
		"no action at all": {corev1.ProbeHandler{}, "without an action"},
	}
	for name, test := range tests {
		err := k.try(t.Context(), &corev1.Probe{ProbeHandler: test.probe, TimeoutSeconds: 5})
		if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
			t.Errorf("%s: %v, want %q", name, err, test.fails)
		}
	}
}

func startApp(t *testing.T) int {
	t.Helper()
	port := closedPort(t)
	done := make(chan error, 1)
	go func() { done <- app.Serve(t.Context(), "test", []app.Port{{Name: "http", Number: strconv.Itoa(port)}}) }()
	for {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
			return port
		}
		select {
		case err := <-done:
			t.Fatal(err)
		default:
		}
	}
}

// closedPort is a port that nobody listens on.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
