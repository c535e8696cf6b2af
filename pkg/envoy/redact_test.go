package envoy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// hidden is what must not survive. It is long enough that no part of it occurs by chance.
const hidden = "Zm9vYmFyLXBsYW50ZWQtc2VjcmV0"

// plant writes the secrets of a test into its JSON:
// $S the secret as text, $B in base64, $PEM a private key, $CERT a certificate that stays.
func plant(t testing.TB, text string) string {
	t.Helper()
	key, cert := testKey(t), testCert(t)
	return strings.NewReplacer(
		"$PEM64", encode(key),
		"$PEM", escape(t, key),
		"$BOTH64", encode(cert+key),
		"$BOTH", escape(t, cert+key),
		"$CERT64", encode(cert),
		"$CERT", escape(t, cert),
		"$GONE", redacted,
		"$EMPTY64", redactedBytes,
		"$REST64", encode(cert+redacted+"\n"),
		"$REST", escape(t, cert+redacted+"\n"),
		"$S", hidden,
		"$B", encode(hidden),
	).Replace(text)
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// escape gives the inside of a JSON string.
func escape(t testing.TB, s string) string {
	t.Helper()
	quoted, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted[1 : len(quoted)-1])
}

func TestRedactDropsSecrets(t *testing.T) {
	for _, tt := range redactCases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := redactString(plant(t, tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plant(t, tt.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			assertNoSecret(t, got)
		})
	}
}

func TestRedactIsIdempotent(t *testing.T) {
	for _, tt := range redactCases {
		once, err := redactString(plant(t, tt.in))
		if err != nil {
			t.Fatal(err)
		}
		twice, err := redactString(once)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Errorf("%s: -once +twice:\n%s", tt.name, diff)
		}
	}
}

func TestRedactKeepsTheRest(t *testing.T) {
	for _, text := range keptCases {
		in := plant(t, text)
		got, err := redactString(in)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(in, got); diff != "" {
			t.Errorf("changed (-was +is):\n%s", diff)
		}
	}
}

func TestRedactRefusesWhatIsNotJSON(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "redact: admin JSON at byte 0: unexpected EOF"},
		{"cut in a secret", `{"private_key":{"inline_string":"` + hidden, "redact: admin JSON at byte 61: unexpected EOF"},
		{"cut behind a secret", `{"value":"` + hidden + `","na`, "redact: admin JSON at byte 43: unexpected EOF"},
		{"not JSON", "<html>" + hidden, "redact: admin JSON at byte 0: invalid character '<' at start of value"},
		{"missing colon", `{"a" "` + hidden + `"}`, `redact: admin JSON at byte 5: invalid character '"' after object name (expecting ':')`},
		{"bad escape", `{"password":"\q` + hidden + `"}`, `redact: admin JSON at byte 13: invalid escape sequence ` + "`\\q`" + ` in string`},
		{"two documents", `{} {"password":"` + hidden + `"}`, "redact: admin JSON at byte 4: " + errTrailing.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := redactString(tt.in)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			assertNoSecret(t, out)
		})
	}
}

func TestRedactReportsBothEnds(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := Redact(io.Discard, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("reader's error is lost: %v", err)
	}
	if err := Redact(failingWriter{broken}, strings.NewReader(`{"a":1}`)); !errors.Is(err, broken) {
		t.Errorf("writer's error is lost: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestRedactHoldsLittle copies a dump that is far larger than what may be held.
func TestRedactHoldsLittle(t *testing.T) {
	const members = 40_000
	in := io.MultiReader(
		strings.NewReader(`{"list":[`),
		&repeated{text: `{"name":"outbound|80||a.shop","value":"x","private_key":{"inline_string":"` + hidden + `"}},`, times: members},
		strings.NewReader(`0]}`))
	var out largest
	if err := Redact(&out, in); err != nil {
		t.Fatal(err)
	}
	if out.total < 2<<20 || out.max > 256<<10 {
		t.Errorf("wrote %d bytes, the largest piece %d", out.total, out.max)
	}
}

// repeated yields a text a number of times.
type repeated struct {
	text  string
	rest  string
	times int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.rest, r.times = r.text, r.times-1
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// largest measures what it is given.
type largest struct{ total, max int }

func (l *largest) Write(p []byte) (int, error) {
	l.total += len(p)
	l.max = max(l.max, len(p))
	return len(p), nil
}

func redactString(in string) (string, error) {
	var out bytes.Buffer
	err := Redact(&out, strings.NewReader(in))
	return strings.TrimSuffix(out.String(), "\n"), err
}

// assertNoSecret looks for the planted secret and for private keys, plain and in base64.
func assertNoSecret(t *testing.T, out string) {
	t.Helper()
	for _, needle := range append(offsets(hidden), offsets(keyMark)...) {
		if strings.Contains(out, needle) {
			t.Errorf("%q survived in %s", needle, out)
		}
	}
}

// offsets gives a text and what base64 makes of its middle at each offset.
func offsets(s string) []string {
	all := []string{s}
	for pad := range 3 {
		b := base64.RawStdEncoding.EncodeToString([]byte("xx"[:pad] + s))
		all = append(all, b[(pad*8+5)/6:len(b)-1])
	}
	return all
}
