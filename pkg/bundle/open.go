package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Open reads evidence from a path: a folder, a tar or tar.gz archive or a lone file, told apart
// by their content; "-" reads stdin. It takes our own bundles, istioctl bug-report and OpenShift
// must-gather archives, folders of config dumps, and one config dump. Archives are read as a
// stream and never extracted. An error is an *Error or that of ctx; evidence that has holes is
// not an error.
func Open(ctx context.Context, path string, stdin io.Reader) (*mesh.Evidence, error) {
	r := newReader(path, defaultLimits)
	if path == "-" {
		r.name = "standard input"
		return r.stream(ctx, stdin, time.Time{})
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if info.IsDir() {
		return r.folder(ctx, os.DirFS(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer closeRead(f)
	return r.stream(ctx, f, info.ModTime())
}

// closeRead closes what was only read: an error of that changes nothing.
func closeRead(c io.Closer) { _ = c.Close() }

// OpenReader reads evidence from a stream: an archive or a lone file. The name stands in errors.
func OpenReader(ctx context.Context, name string, in io.Reader) (*mesh.Evidence, error) {
	return newReader(name, defaultLimits).stream(ctx, in, time.Time{})
}

// limits guard against archives that unpack to more than any cluster has.
type limits struct {
	member, total int64
	members       int
}

var defaultLimits = limits{member: 1 << 30, total: 64 << 30, members: 2_000_000}

// reader reads one path.
type reader struct {
	name   string // the path as the user gave it
	a      *Assembler
	limits limits
	total  int64 // bytes unpacked so far, of members that are not read as well
	count  int   // members so far
}

func newReader(name string, l limits) *reader {
	return &reader{name: filepath.ToSlash(strings.ToValidUTF8(name, "\uFFFD")), a: NewAssembler(), limits: l}
}

// errMemberTooLarge and errTooMuch are limits that were met.
var (
	errMemberTooLarge = errors.New("the member is larger than the limit")
	errTooMuch        = errors.New("the archive unpacks to more than the limit")
)

// member hands one member to the assembler. The only errors that it returns are those that end
// the whole reading; others are gaps already.
func (r *reader) member(ctx context.Context, path string, modified time.Time, in io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.count++; r.count > r.limits.members {
		return errTooMuch
	}
	path, in, err := r.unzipped(ctx, path, in)
	if err != nil {
		return r.cutMember(path, err)
	}
	l := &limited{r: in, limit: r.limits.member, left: r.limits.member}
	err = r.a.add(path, modified, l)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(l.err, errTooMuch):
		return l.err
	case l.err != nil && err == nil:
		return r.cutMember(path, l.err)
	}
	return nil
}

func (r *reader) cutMember(path string, err error) error {
	gap := mesh.Gap{Subject: bundleRef(path), Stage: StageBundle, Hint: "make the archive again"}
	_ = r.a.lost(gap, err) // the gap is the answer
	return nil
}

// counted is a stream as it is unpacked. What nobody reads is unpacked as well, to be skipped, so
// that the limit and the deadline hold here and not where members are read.
type counted struct {
	ctx    context.Context
	r      io.Reader
	reader *reader
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.reader.total += int64(n); c.reader.total > c.reader.limits.total {
		return 0, errTooMuch
	}
	return n, err
}

// limited ends a member at a limit.
type limited struct {
	r           io.Reader
	limit, left int64
	err         error // what ended it, nil for its proper end
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		err = fmt.Errorf("%w of %d MB", errMemberTooLarge, l.limit>>20)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// result is the evidence, or why there is none.
func (r *reader) result() (*mesh.Evidence, error) {
	ev, err := r.a.Evidence()
	if err != nil {
		return nil, err
	}
	if len(ev.Proxies) > 0 || r.a.hasResources() {
		return ev, nil
	}
	return nil, r.nothing(ev)
}

// nothing says why a path without any evidence is none.
func (r *reader) nothing(ev *mesh.Evidence) *Error {
	e := &Error{Path: r.name, Problem: NotEvidence, Next: giveEvidence}
	for _, g := range ev.Gaps {
		if g.Subject.Kind != "Pod" && g.Stage != StageBundle {
			continue
		}
		e.Problem, e.Detail = Unreadable, "nothing in it could be read: "+g.Subject.String()+": "+g.Message
		if g.Subject == bundleRef(cutArchive) {
			e.Problem, e.Detail = Truncated, g.Message+", before anything useful"
		}
		if g.Hint != "" {
			e.Next = g.Hint
		}
		return e
	}
	switch {
	case r.count == 0:
		e.Problem, e.Detail = Empty, "it is empty"
	default:
		e.Detail = fmt.Sprintf("none of its %d files is a capture, a resource list or a config dump", r.count)
	}
	return e
}

// hasResources reports whether any member held resources of the cluster.
func (a *Assembler) hasResources() bool { return len(a.resources) > 0 || a.manifest != nil }

// folder reads a folder, its files in the order of their names.
func (r *reader) folder(ctx context.Context, dir fs.FS) (*mesh.Evidence, error) {
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == ".":
			return fileError(r.name, err)
		case err != nil:
			return r.cutMember(path, errors.New(reason(err)))
		case !d.Type().IsRegular():
			return nil
		}
		return r.file(ctx, dir, path, d)
	})
	if err != nil {
		if err = r.stopped(err); err != nil {
			return nil, err
		}
	}
	return r.result()
}

func (r *reader) file(ctx context.Context, dir fs.FS, path string, d fs.DirEntry) error {
	f, err := dir.Open(path)
	if err != nil {
		if classify(path).part == unknown {
			return nil
		}
		return r.cutMember(path, errors.New(reason(err)))
	}
	defer closeRead(f)
	var modified time.Time
	if info, err := d.Info(); err == nil {
		modified = info.ModTime()
	}
	return r.member(ctx, path, modified, &counted{ctx, f, r})
}

// cutArchive is the name under which an archive that ends too early is a gap.
const cutArchive = "archive"

// stopped turns what ended the reading early into a gap, or returns it when nothing can be said.
func (r *reader) stopped(err error) error {
	if _, ok := errors.AsType[*Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, errTooMuch) {
		return &Error{
			Path: r.name, Problem: TooLarge, Err: err,
			Detail: fmt.Sprintf("it unpacks to more than %d GB or %d files", r.limits.total>>30, r.limits.members),
			Next:   "give an archive of one cluster",
		}
	}
	gap := mesh.Gap{Subject: bundleRef(cutArchive), Stage: StageBundle, Hint: "copy or make the archive again"}
	_ = r.a.lost(gap, fmt.Errorf("the archive is cut or damaged after %d files: %w", r.count, err)) // the gap is the answer
	return nil
}
