package certs_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestParseID(t *testing.T) {
	tests := []struct{ in, domain, path, namespace, account string }{
		{"spiffe://cluster.local/ns/shop/sa/server", "cluster.local", "/ns/shop/sa/server", "shop", "server"},
		{"spiffe://td/ns/shop/sa/a.b-c_D", "td", "/ns/shop/sa/a.b-c_D", "shop", "a.b-c_D"},
		{"spiffe://td_1.x-y", "td_1.x-y", "", "", ""},
		{"spiffe://td/spire/server", "td", "/spire/server", "", ""},
		{"spiffe://td/ns/shop/sa/server/more", "td", "/ns/shop/sa/server/more", "", ""},
		{"spiffe://td/sa/shop/ns/server", "td", "/sa/shop/ns/server", "", ""},
		{"spiffe://td/...", "td", "/...", "", ""},
		{"spiffe://" + strings.Repeat("a", 255), strings.Repeat("a", 255), "", "", ""},
	}
	for _, test := range tests {
		id, err := certs.ParseID(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		got := [...]string{id.String(), id.TrustDomain(), id.Path(), id.Namespace(), id.ServiceAccount()}
		want := [...]string{test.in, test.domain, test.path, test.namespace, test.account}
		if got != want || id.IsZero() {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParseIDErrors(t *testing.T) {
	tests := []struct {
		in   string
		want error
	}{
		{"", certs.ErrEmptyID},
		{"spiffe://td/" + strings.Repeat("a", 2048), certs.ErrIDTooLong},
		{"https://td/x", certs.ErrWrongScheme},
		{"SPIFFE://td/x", certs.ErrWrongScheme},
		{"spiffe:/td/x", certs.ErrWrongScheme},
		{"cluster.local/ns/shop/sa/server", certs.ErrWrongScheme},
		{"spiffe://", certs.ErrMissingTrustDomain},
		{"spiffe:///ns/shop", certs.ErrMissingTrustDomain},
		{"spiffe://" + strings.Repeat("a", 256), certs.ErrTrustDomainTooLong},
		{"spiffe://Cluster.local/x", certs.ErrBadTrustDomainChar},
		{"spiffe://td:8080/x", certs.ErrBadTrustDomainChar},
		{"spiffe://user@td/x", certs.ErrBadTrustDomainChar},
		{"spiffe://td%2e/x", certs.ErrBadTrustDomainChar},
		{"spiffe://td?q=1", certs.ErrBadTrustDomainChar},
		{"spiffe://tд/x", certs.ErrBadTrustDomainChar},
		{"spiffe://td/a%2fb", certs.ErrBadPathChar},
		{"spiffe://td/a?q", certs.ErrBadPathChar},
		{"spiffe://td/a#f", certs.ErrBadPathChar},
		{"spiffe://td/a b", certs.ErrBadPathChar},
		{"spiffe://td/\xff", certs.ErrBadPathChar},
		{"spiffe://td/", certs.ErrTrailingSlash},
		{"spiffe://td/a/", certs.ErrTrailingSlash},
		{"spiffe://td//a", certs.ErrEmptySegment},
		{"spiffe://td/a//b", certs.ErrEmptySegment},
		{"spiffe://td/./a", certs.ErrDotSegment},
		{"spiffe://td/a/..", certs.ErrDotSegment},
	}
	for _, test := range tests {
		id, err := certs.ParseID(test.in)
		if !errors.Is(err, test.want) {
			t.Errorf("%.80q: error %v, want %v", test.in, err, test.want)
		}
		if !id.IsZero() {
			t.Errorf("%.80q: gives %v with an error", test.in, id)
		}
	}
}

func TestIDErrorIsShort(t *testing.T) {
	_, err := certs.ParseID("http://" + strings.Repeat("x", 100_000))
	if len(err.Error()) > 1000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func TestZeroID(t *testing.T) {
	var id certs.ID
	if !id.IsZero() || id.String()+id.TrustDomain()+id.Path()+id.Namespace()+id.ServiceAccount() != "" {
		t.Errorf("the zero ID is %#v", id)
	}
}

func TestIDIsAKeyAndJSONText(t *testing.T) {
	a, _ := certs.ParseID("spiffe://td/ns/a/sa/b")
	b, _ := certs.ParseID("spiffe://td/ns/a/sa/b")
	if !map[certs.ID]bool{a: true}[b] {
		t.Error("equal IDs are different keys")
	}
	data, err := json.Marshal(a)
	if err != nil || string(data) != `"spiffe://td/ns/a/sa/b"` {
		t.Errorf("JSON %s, %v", data, err)
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"spiffe://cluster.local/ns/shop/sa/server", "spiffe://td", "spiffe://td/", "", "spiffe://td/a/../b", "http://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := certs.ParseID(s)
		if (err == nil) == id.IsZero() {
			t.Fatalf("error %v with %#v", err, id)
		}
		if err != nil {
			return
		}
		if got := "spiffe://" + id.TrustDomain() + id.Path(); got != s || id.String() != s {
			t.Errorf("parts give %q, text %q, want %q", got, id, s)
		}
		if strings.ContainsAny(s, "%?#:@ \x00") && strings.ContainsAny(strings.TrimPrefix(s, "spiffe:"), "%?#:@ \x00") {
			t.Errorf("accepts %q", s)
		}
	})
}
