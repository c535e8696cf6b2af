package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolInMemory is how much of a member is held in memory before it goes to a temporary file.
// It counts what is spooled, which for a tar.gz is compressed: a config dump of 40 MB is 3 MB.
const spoolInMemory = 4 << 20

// spool holds a member until its size is known, which a tar header needs first.
type spool struct {
	limit int
	mem   bytes.Buffer
	file  *os.File
}

// Write keeps p, in a file of mode 0600 as soon as it is much.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.mem.Len()+len(p) > s.limit {
		f, err := os.CreateTemp("", "mtls-doctor-*")
		if err != nil {
			return 0, fmt.Errorf("a temporary file for a large member: %w", err)
		}
		s.file = f
		if _, err := s.mem.WriteTo(f); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	return s.mem.Write(p)
}

// WriteTo copies what was kept.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	if s.file == nil {
		return s.mem.WriteTo(w)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return io.Copy(w, s.file)
}

// Close forgets what was kept.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
