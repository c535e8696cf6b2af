package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// file is one member of a capture, as it is kept.
type file struct {
	name string
	data []byte
}

// trim copies a tar.gz capture, trimmed, with its members in order of their names.
func trim(w io.Writer, r io.Reader, bundleOnly bool) error {
	files, err := readFiles(r)
	if err != nil {
		return err
	}
	kept, err := trimAll(files, bundleOnly)
	if err != nil {
		return err
	}
	return writeFiles(w, kept)
}

func readFiles(r io.Reader) ([]file, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var files []file
	for tr := tar.NewReader(zr); ; {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", head.Name, err)
		}
		files = append(files, file{path.Clean(head.Name), data})
	}
}

func trimAll(files []file, bundleOnly bool) ([]file, error) {
	var kept []file
	for _, f := range files {
		name, wanted := keepName(f.name, bundleOnly)
		if !wanted {
			continue
		}
		data, err := trimData(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		kept = append(kept, file{name, data})
	}
	slices.SortFunc(kept, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return kept, nil
}

// dropped are the members that stay out, by the name of the file: access logs, which hold what
// happened, and what the product does not ask a proxy or a cluster for.
var dropped = []string{
	"proxy.log", "listeners.json", "syncz.json",
	"nodes.core.json", "serviceaccounts.core.json",
	"mutatingwebhookconfigurations.admissionregistration.k8s.io.json",
	"validatingwebhookconfigurations.admissionregistration.k8s.io.json",
	"deployments.apps.json", "daemonsets.apps.json", "statefulsets.apps.json",
}

// keepName returns the name under which a member is kept, and whether it is.
func keepName(name string, bundleOnly bool) (string, bool) {
	if slices.Contains(dropped, path.Base(name)) {
		return "", false
	}
	if !bundleOnly {
		return name, true
	}
	_, below, inBundle := strings.Cut("/"+name, "/bundle/")
	return below, inBundle
}

// trimData leaves out the large parts of a member that nobody reads.
func trimData(f file) ([]byte, error) {
	if path.Ext(f.name) != ".json" || path.Base(f.name) == "truth.json" {
		return f.data, nil
	}
	var out bytes.Buffer
	err := filterJSON(&out, bytes.NewReader(f.data), unread)
	return out.Bytes(), err
}

// unread knows the members of JSON objects that stay out, by their path.
func unread(names []string) bool {
	switch strings.Join(names, ".") {
	case "node", // of server_info; it stands in the config dump too
		"configs.bootstrap.node.extensions", // every extension in the binary
		"configs.bootstrap.static_resources", "configs.bootstrap.stats_config", "configs.bootstrap.overload_manager",
		"cluster_statuses.circuit_breakers",
		"items.metadata.managedFields.fieldsV1",
		"items.spec.template": // of controllers, whose pods are there
		return true
	}
	if len(names) == 2 && names[0] == "command_line_options" {
		return true // the empty object stays: it tells that this is server_info
	}
	return names[len(names)-1] == "kubectl.kubernetes.io/last-applied-configuration"
}

// writeFiles writes the files so that equal files make equal archives.
func writeFiles(w io.Writer, files []file) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, f := range files {
		head := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, ModTime: time.Unix(0, 0)}
		if err := tw.WriteHeader(head); err != nil {
			return err
		}
		if _, err := tw.Write(f.data); err != nil {
			return err
		}
	}
	return errors.Join(tw.Close(), zw.Close())
}
