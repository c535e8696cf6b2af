// Package clienttest plays the lab's daemon in tests of what speaks to it.
package clienttest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// Lab answers every request by its path, with {} to one that it does not know, and keeps what it was asked.
type Lab struct {
	*client.Client
	Answers map[string]string

	mu    sync.Mutex
	asked []string
}

// New starts a lab for the time of the test.
func New(t *testing.T, answers map[string]string) *Lab {
	t.Helper()
	dir := layout.Dir(t.TempDir())
	if err := os.MkdirAll(filepath.Dir(dir.Socket()), 0o700); err != nil {
		t.Fatal(err)
	}
	lab := &Lab{Client: client.New(dir), Answers: answers}
	server := httptest.NewUnstartedServer(lab)
	listener, err := net.Listen("unix", dir.Socket())
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return lab
}

// ServeHTTP answers one request.
func (l *Lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(body)))
	answer, ok := l.Answers[r.URL.String()]
	if !ok {
		answer = "{}"
	}
	_, _ = io.WriteString(w, answer)
}

// Asked are the requests until now: method, path, body.
func (l *Lab) Asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.asked
	l.asked = nil
	return asked
}
