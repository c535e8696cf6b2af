package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// maxNesting bounds gzip within gzip: some tools compress twice.
const maxNesting = 3

// stream reads an archive or a lone file.
func (r *reader) stream(ctx context.Context, in io.Reader, modified time.Time) (*mesh.Evidence, error) {
	br, err := r.unpacked(ctx, in)
	if err != nil {
		return nil, r.early(ctx, err)
	}
	head, err := br.Peek(blockSize)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return nil, &Error{Path: r.name, Problem: Empty, Detail: "it is empty", Next: giveEvidence}
	case len(head) == 0:
		return nil, r.early(ctx, err)
	case isTar(head):
		return r.archive(ctx, br)
	}
	if what := unsupported(head); what != "" {
		return nil, &Error{Path: r.name, Problem: Unsupported, Detail: "it is " + what + ", which is not read", Next: "unpack it, and give the folder or a tar.gz of it"}
	}
	return r.lone(ctx, br, modified)
}

// unpacked takes gzip off. Each layer is counted: one that unpacks to a lot may hold little.
func (r *reader) unpacked(ctx context.Context, in io.Reader) (*bufio.Reader, error) {
	br := bufio.NewReaderSize(&counted{ctx, in, r}, 64<<10)
	for range maxNesting {
		if !isGzip(br) {
			break
		}
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, err
		}
		br = bufio.NewReaderSize(&counted{ctx, zr, r}, 64<<10)
	}
	return br, nil
}

// early is an error of the first bytes.
func (r *reader) early(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errTooMuch):
		return r.stopped(err)
	}
	return r.cut(err)
}

// cut words an error of the first bytes.
func (r *reader) cut(err error) *Error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &Error{Path: r.name, Problem: Truncated, Detail: "it is cut before anything useful", Next: "copy or make it again", Err: err}
	}
	return &Error{Path: r.name, Problem: Unreadable, Detail: "it can not be read: " + reason(err), Next: "copy or make it again", Err: err}
}

// archive reads a tar archive.
func (r *reader) archive(ctx context.Context, in io.Reader) (*mesh.Evidence, error) {
	tr := tar.NewReader(in)
	for {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && head.Typeflag == tar.TypeReg {
			err = r.member(ctx, head.Name, head.ModTime, tr)
		}
		if err != nil {
			if err = r.stopped(err); err != nil {
				return nil, err
			}
			break
		}
	}
	return r.result()
}

// lone reads one file that is the admin output of one proxy.
func (r *reader) lone(ctx context.Context, in *bufio.Reader, modified time.Time) (*mesh.Evidence, error) {
	head, _ := in.Peek(blockSize)
	proxy, kind, err := envoy.DecodeAny(withoutStatus(&limited{r: in, limit: r.limits.member, left: r.limits.member}), r.a.interner)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if proxy == nil || !readable(proxy) {
		return nil, r.notADump(head, kind, err)
	}
	file := path.Base(r.name) // the folder of a lone file means nothing
	r.a.dumps = append(r.a.dumps, dumpPart{path: file, key: dumpKey(file, proxy), proxy: proxy, err: err})
	r.a.clock.modified(modified)
	return r.a.Evidence()
}

// notADump says what a file is instead of evidence.
func (r *reader) notADump(head []byte, kind envoy.Kind, err error) *Error {
	e := &Error{Path: r.name, Problem: NotEvidence, Next: giveEvidence, Err: err}
	notRead, recognised := errors.AsType[*envoy.NotReadError](err)
	switch {
	case recognised && kind != envoy.KindOther:
		e.Detail, e.Next = "it is "+notRead.What+": "+notRead.Why, notRead.Next
	case errors.Is(err, envoy.ErrTextTooLarge):
		e.Problem, e.Detail, e.Next = TooLarge, err.Error(), "give the dump in JSON, as Envoy prints it"
	case isBinary(head):
		e.Detail = "it is neither an archive nor JSON"
	case !looksLikeJSON(head):
		e.Detail = "it is a text file, not an archive or JSON"
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Problem, e.Detail, e.Next = Truncated, "its JSON is cut before anything useful", "copy or make it again"
	case recognised:
		e.Detail, e.Next = "it is "+notRead.What+": "+notRead.Why, notRead.Next
	case err != nil:
		e.Detail = "it is not JSON of Envoy: " + reason(err)
	default:
		e.Detail = "it is JSON, but not of Envoy's admin interface"
	}
	return e
}

func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("200\n")), " \t\r\n\ufeff")
	return len(head) > 0 && strings.IndexByte(`{["`, head[0]) >= 0
}

func isBinary(head []byte) bool { return bytes.IndexByte(head, 0) >= 0 }

func isGzip(br *bufio.Reader) bool {
	head, _ := br.Peek(2)
	return bytes.Equal(head, []byte{0x1f, 0x8b})
}

// isTar lets the tar package judge the first header, which has a checksum.
func isTar(head []byte) bool {
	if len(head) < blockSize || bytes.Count(head, []byte{0}) == blockSize {
		return false
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return !errors.Is(err, tar.ErrHeader) // a long header ends beyond the first block, which is another error
}

// unsupported names forms that people wrap archives in, by their first bytes.
func unsupported(head []byte) string {
	for _, f := range foreignForms {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	return ""
}

var foreignForms = []struct{ magic, name string }{
	{"PK\x03\x04", "a zip archive"},
	{"PK\x05\x06", "an empty zip archive"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd"},
	{"\xfd7zXZ\x00", "compressed with xz"},
	{"BZh", "compressed with bzip2"},
	{"\x04\x22\x4d\x18", "compressed with lz4"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!", "a rar archive"},
	{"age-encryption.org/", "encrypted with age"},
	{"-----BEGIN AGE ENCRYPTED FILE", "encrypted with age"},
	{"-----BEGIN PGP MESSAGE", "encrypted with PGP"},
	{"Salted__", "encrypted with OpenSSL"},
}

// unzipped opens a member that is compressed on its own (<pod>.json.gz).
func (r *reader) unzipped(ctx context.Context, name string, in io.Reader) (string, io.Reader, error) {
	plain, ok := strings.CutSuffix(name, ".gz")
	if !ok || classify(plain).part == unknown {
		return name, in, nil
	}
	zr, err := gzip.NewReader(in)
	if err != nil {
		return plain, nil, err
	}
	return plain, &counted{ctx, zr, r}, nil
}
