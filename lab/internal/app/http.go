package app

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Handler answers every path with one line: who answered, the client certificate that its proxy
// vouched for (x-forwarded-client-cert), whether this connection is TLS, the HTTP version.
// /status/NNN answers with that status, and gRPC's health service says SERVING.
func Handler(id string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /grpc.health.v1.Health/Check", health)
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 599 {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s xfcc=%q tls=%v proto=%s\n", id, r.Header.Get("X-Forwarded-Client-Cert"), r.TLS != nil, r.Proto)
	})
	return mux
}

// health answers grpc.health.v1.Health/Check: one frame with a HealthCheckResponse of status SERVING.
func health(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write([]byte{0, 0, 0, 0, 2, 0x08, 0x01})
	w.Header().Set("Grpc-Status", "0")
}
