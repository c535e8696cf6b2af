package health

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// server speaks HTTP/2 without TLS.
func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestCheck(t *testing.T) {
	var got []byte
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"serving", func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			Serve(w, r)
		}, ""},
		{"a proxy's answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Grpc-Status", "14")
			w.Header().Set("Grpc-Message", "no healthy upstream")
		}, "no healthy upstream"},
		{"an answer that is not gRPC", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome") }, "gRPC status"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := Request(t.Context(), server(t, tt.handler), "cart", "note-1")
			if err != nil {
				t.Fatal(err)
			}
			resp, err := Transport().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			err = Check(resp)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if want := []byte("\x00\x00\x00\x00\x0e\x0a\x04cart\x7a\x06note-1"); !bytes.Equal(got, want) {
		t.Errorf("request %q, want %q", got, want)
	}
}
