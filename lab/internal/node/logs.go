package node

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// serveLogs answers `kubectl logs`. Lines have no time of their own here: sinceSeconds and
// timestamps are ignored, and previous shows the same file, which goes on over restarts.
func (a *Agent) serveLogs(w http.ResponseWriter, r *http.Request) {
	k, err := a.container(requested(r), r.PathValue("container"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	f, err := os.Open(k.log())
	if err != nil {
		http.Error(w, "the container has not started yet", http.StatusBadRequest)
		return
	}
	defer f.Close()
	query := r.URL.Query()
	if n, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		if err := seekTail(f, n); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	var out io.Writer = flushing{w}
	if n, err := strconv.ParseInt(query.Get("limitBytes"), 10, 64); err == nil {
		_, _ = io.CopyN(out, f, n) // the caller has gone, or the file is shorter
		return
	}
	_, _ = io.Copy(out, f)
	if query.Get("follow") == "true" {
		follow(r.Context(), k, f, out)
	}
}

// follow copies what is added, until the reader goes or the container has ended for good.
func follow(ctx context.Context, k *keeper, f *os.File, out io.Writer) {
	for sleep(ctx, 100*time.Millisecond) {
		if _, err := io.Copy(out, f); err != nil {
			return
		}
		select {
		case <-k.ended:
			_, _ = io.Copy(out, f)
			return
		default:
		}
	}
}

// seekTail goes to the last n lines.
func seekTail(f io.ReadSeeker, n int) error {
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	_, err = f.Seek(int64(tailStart(text, n)), io.SeekStart)
	return err
}

// tailStart is where the last n lines of text begin.
func tailStart(text []byte, n int) int {
	start := len(text)
	for ; n > 0 && start > 0; n-- {
		start = bytes.LastIndexByte(text[:start-1], '\n') + 1
	}
	return start
}

type flushing struct{ http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if flusher, ok := f.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
	return n, err
}
