package truth

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Record writes DIR/NAME.tar.gz: NAME/truth.json, NAME/README.md and the bundle, a folder, as
// NAME/bundle; NAME is the scenario's FileName. The same input gives the same bytes.
func Record(dir string, s scenario.Scenario, t Truth, bundle string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	w := tar.NewWriter(zip)
	if err := errors.Join(
		add(w, path.Join(s.FileName(), "README.md"), []byte(Readme(s, t))),
		add(w, path.Join(s.FileName(), "truth.json"), append(text, '\n')),
		addFolder(w, path.Join(s.FileName(), "bundle"), os.DirFS(bundle).(readDirFS)),
		w.Close(), zip.Close()); err != nil {
		return fmt.Errorf("record %s: %w", s.Name, err)
	}
	return os.WriteFile(filepath.Join(dir, s.FileName()+".tar.gz"), archive.Bytes(), 0o644)
}

func add(w *tar.Writer, name string, text []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

// Readme says what was done and what was seen.
func Readme(s scenario.Scenario, t Truth) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", s.Name, strings.TrimSpace(s.Description))
	if s.Why != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(s.Why))
	}
	ok, secure := 0, 0
	for _, p := range t.Pairs {
		if p.OK {
			ok++
		}
		if p.MTLS != nil && *p.MTLS {
			secure++
		}
	}
	fmt.Fprintf(&b, "Observed: %d pairs, %d ok (%d with mutual TLS), %d failing.\n", len(t.Pairs), ok, secure, len(t.Pairs)-ok)
	writeFailures(&b, t.Pairs)
	return b.String()
}

func writeFailures(b io.Writer, pairs []Pair) {
	var order []string
	calls := map[string][]string{}
	for _, p := range pairs {
		if p.OK {
			continue
		}
		kind := fmt.Sprintf("%.160s\n  client proxy: %s; server proxy: %s", p.cause(), said(p.Client), said(p.Server))
		if calls[kind] == nil {
			order = append(order, kind)
		}
		calls[kind] = append(calls[kind], p.String())
	}
	for _, kind := range order {
		fmt.Fprintf(b, "\n* %s\n", kind)
		for _, c := range calls[kind] {
			fmt.Fprintf(b, "    %s\n", c)
		}
	}
}

// cause is the error without the addresses of the connection.
func (p Pair) cause() string {
	if i := strings.LastIndex(p.Error, ": "); i >= 0 && strings.Contains(p.Error[:i], "->") {
		return p.Error[i+2:]
	}
	return p.Error
}

func said(flags string) string {
	if flags == "" {
		return "no line"
	}
	return flags
}

// String is the pair as people write it.
func (p Pair) String() string {
	s := fmt.Sprintf("%s/%s -> %s:%d (%s", p.From.Namespace, p.From.Workload, p.To.Host, p.To.Port, p.Protocol)
	if p.To.Subset != "" {
		s += ", /" + p.To.Subset
	}
	if p.To.Workload != "" && p.To.Workload != p.To.Service {
		s += ", endpoint " + p.To.Workload
	}
	return s + ")"
}
