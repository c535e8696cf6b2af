package truth

import (
	"archive/tar"
	"io/fs"
	"path"
)

type readDirFS interface {
	fs.FS
	fs.ReadFileFS
}

// addFolder adds all files of a folder, in order.
func addFolder(w *tar.Writer, prefix string, folder readDirFS) error {
	return fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := folder.ReadFile(name)
		if err != nil {
			return err
		}
		return add(w, path.Join(prefix, name), text)
	})
}
