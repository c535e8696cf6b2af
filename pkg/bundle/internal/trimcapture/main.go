// Command trimcapture makes the recorded meshes in testdata/captures from full captures: it
// leaves out what would give the answers away, what nobody reads and what is large.
//
//	go run ./pkg/bundle/internal/trimcapture -o testdata/captures FULL.tar.gz...
//
// The same input gives the same bytes. With -bundle only the bundle itself is written, with its
// members at the root of the archive, as `capture` writes it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // a command of its own, for maintainers
}

// run trims every capture and says how large it became. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("trimcapture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", ".", "folder to write to")
	only := flags.Bool("bundle", false, "write the bundle alone, without README.md and truth.json")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	total := int64(0)
	for _, path := range flags.Args() {
		size, err := trimFile(path, filepath.Join(*out, filepath.Base(path)), *only)
		if err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", path, err)
			return 1
		}
		fmt.Fprintf(stdout, "%8d %s\n", size, filepath.Base(path))
		total += size
	}
	fmt.Fprintf(stdout, "%8d total\n", total)
	return 0
}

func trimFile(from, to string, bundleOnly bool) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()                                   // it was only read
	out, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+"-*") // to may be from
	if err != nil {
		return 0, err
	}
	size, err := trimInto(out, in, bundleOnly)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		return 0, errors.Join(err, os.Remove(out.Name()))
	}
	return size, nil
}

func trimInto(out *os.File, in io.Reader, bundleOnly bool) (int64, error) {
	if err := errors.Join(out.Chmod(0o644), trim(out, in, bundleOnly)); err != nil {
		return 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
