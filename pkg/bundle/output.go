package bundle

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// fileOutput is written beside its place and renamed when it is whole. Temporary files have
// mode 0600.
type fileOutput struct {
	*os.File
	place string
}

func newFileOutput(place string) (*fileOutput, error) {
	f, err := os.CreateTemp(filepath.Dir(place), "."+filepath.Base(place)+"-*")
	if err != nil {
		return nil, err
	}
	return &fileOutput{f, place}, nil
}

func (f *fileOutput) finish(keep bool) error {
	err := f.Close()
	if keep && err == nil {
		if err = os.Rename(f.Name(), f.place); err == nil {
			return nil
		}
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// streamOutput is standard output: what was written can not be taken back.
type streamOutput struct{ io.Writer }

func (streamOutput) finish(bool) error { return nil }

// dirSink writes a folder, beside its place as well.
type dirSink struct {
	work, place string
}

func newDirSink(place string) (*dirSink, error) {
	place = filepath.Clean(place)
	if entries, err := os.ReadDir(place); err == nil && len(entries) > 0 {
		return nil, &Error{Path: place, Problem: Unreadable, Detail: "the folder is not empty", Next: "name one that does not exist"}
	}
	work, err := os.MkdirTemp(filepath.Dir(place), "."+filepath.Base(place)+"-*")
	if err != nil {
		return nil, err
	}
	return &dirSink{work: work, place: place}, nil
}

func (d *dirSink) add(path string, fill func(io.Writer) error) error {
	name := filepath.Join(d.work, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

func (d *dirSink) finish(keep bool) error {
	if !keep {
		return os.RemoveAll(d.work)
	}
	if err := os.Remove(d.place); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.RemoveAll(d.work))
	}
	return os.Rename(d.work, d.place)
}
