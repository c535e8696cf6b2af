package bundle

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Writer writes a bundle. It is safe for concurrent use; members stand in the file in the order
// in which they were finished, and the same members in the same order give the same bytes.
type Writer struct {
	sink sink

	mu   sync.Mutex
	err  error
	done bool
}

// Create begins a bundle. The form is that of the name: a folder for a name that ends in a
// separator or is a folder already, ".tar", else tar.gz. A file has mode 0600, is written beside
// its place and renamed on Close.
func Create(path string) (*Writer, error) {
	info, err := os.Stat(path)
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) || err == nil && info.IsDir() {
		d, err := newDirSink(path)
		if err != nil {
			return nil, createError(path, err)
		}
		return &Writer{sink: d}, nil
	}
	f, err := newFileOutput(path)
	if err != nil {
		return nil, createError(path, err)
	}
	return &Writer{sink: &tarSink{file: f, gzip: !strings.HasSuffix(path, ".tar")}}, nil
}

// NewWriter begins a tar.gz bundle on a stream.
func NewWriter(w io.Writer) *Writer {
	return &Writer{sink: &tarSink{file: streamOutput{w}, gzip: true}}
}

// Add copies one member, redacted: no private keys and tokens of proxies, Kubernetes resources
// only as far as pkg/kube models them. A member that is cut is written as far as it goes, and
// the error returned.
func (w *Writer) Add(path string, r io.Reader) error {
	m := classify(path)
	return w.write(m.path, func(to io.Writer) error { return copyMember(m, to, r) })
}

// write adds one member. The error of fill is returned and does not spoil the bundle; that of
// the file does, and is what Close returns.
func (w *Writer) write(path string, fill func(io.Writer) error) error {
	var content error
	err := w.sink.add(path, func(to io.Writer) error {
		guard := &guarded{w: to}
		content = fill(guard)
		return guard.err
	})
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = errors.Join(w.err, err)
		return err
	}
	return content
}

// guarded tells an error of writing from one of what is written.
type guarded struct {
	w   io.Writer
	err error
}

func (g *guarded) Write(p []byte) (int, error) {
	n, err := g.w.Write(p)
	if err != nil {
		g.err = err
	}
	return n, err
}

// Close finishes the bundle and puts it in its place. After an error of writing nothing is kept.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return nil
	}
	w.done = true
	return errors.Join(w.err, w.sink.finish(w.err == nil))
}

// Abort removes what was written. It does nothing after Close.
func (w *Writer) Abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.done = true
		_ = w.sink.finish(false) // nothing more can be done about what can not be removed
	}
}
