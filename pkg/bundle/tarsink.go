package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
	"time"
)

// sink is where members go.
type sink interface {
	// add writes one member, whose content fill writes. It may be called concurrently.
	add(path string, fill func(io.Writer) error) error
	// finish completes what was written and puts it in its place, or removes it.
	finish(keep bool) error
}

// tarSink writes a tar or tar.gz archive. In a tar.gz each member is a gzip stream of its own
// (RFC 1952 allows any number in a row), so that members are compressed in parallel and held
// only compressed while their size is not known.
type tarSink struct {
	file output
	gzip bool

	mu  sync.Mutex
	err error // the first error of the file: nothing is written after it
}

// output is a file that appears only when it is whole.
type output interface {
	io.Writer
	finish(keep bool) error
}

func (t *tarSink) add(path string, fill func(io.Writer) error) error {
	body := &spool{limit: spoolInMemory}
	defer closeRead(body)
	size, err := t.pack(body, fill)
	if err != nil {
		return err
	}
	head, err := t.header(path, size)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.put(bytes.NewReader(head), body)
}

// put writes in order and remembers the first failure.
func (t *tarSink) put(parts ...io.WriterTo) error {
	for _, p := range parts {
		if t.err == nil {
			_, t.err = p.WriteTo(t.file)
		}
	}
	return t.err
}

// pack writes a member's content, padded to whole tar blocks, and returns its size.
func (t *tarSink) pack(w io.Writer, fill func(io.Writer) error) (int64, error) {
	zw := t.compress(w)
	n := &counter{w: zw}
	err := fill(n)
	size := n.n
	if pad := (blockSize - size%blockSize) % blockSize; err == nil {
		_, err = zw.Write(make([]byte, pad))
	}
	return size, errors.Join(err, zw.Close())
}

const blockSize = 512 // of tar

func (t *tarSink) header(path string, size int64) ([]byte, error) {
	var buf bytes.Buffer
	zw := t.compress(&buf)
	err := tar.NewWriter(zw).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: path, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0).UTC(),
	})
	err = errors.Join(err, zw.Close())
	return buf.Bytes(), err
}

func (t *tarSink) compress(w io.Writer) io.WriteCloser {
	if t.gzip {
		return gzip.NewWriter(w)
	}
	return nopCloser{w}
}

func (t *tarSink) finish(keep bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if keep && t.err == nil {
		var end bytes.Buffer
		zw := t.compress(&end)
		_, err := zw.Write(make([]byte, 2*blockSize))
		t.err = errors.Join(err, zw.Close())
		_ = t.put(&end)
	}
	return errors.Join(t.err, t.file.finish(keep && t.err == nil))
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
