package app

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/health"
)

// Answer is the header of gRPC's answers that holds the line.
const Answer = "Lab-Answer"

// Handler answers every path with one line: who answered, the client certificate that its proxy
// vouched for (x-forwarded-client-cert), whether this connection is TLS, the HTTP version.
// Below /status/NNN it answers with that status, below /close it closes the connection without an
// answer, and gRPC's health service says SERVING, with the line as a header.
func Handler(id string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+health.Path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(Answer, line(id, r))
		health.Serve(w, r)
	})
	status := func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 599 {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
	}
	mux.HandleFunc("/status/{code}", status)
	mux.HandleFunc("/status/{code}/", status)
	mux.HandleFunc("/close/", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, line(id, r))
	})
	return mux
}

func line(id string, r *http.Request) string {
	return fmt.Sprintf("%s xfcc=%q tls=%v proto=%s", id, r.Header.Get("X-Forwarded-Client-Cert"), r.TLS != nil, r.Proto)
}
