package heal

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

func pair(client, server string, ok bool) truth.Pair {
	p := truth.Pair{OK: ok, Error: "reset"}
	p.From.Namespace, p.From.Workload = "shop", client
	p.To.Namespace, p.To.Workload, p.To.Service, p.To.Host, p.To.Port = "shop", server, server, server+".shop", 80
	return p
}

func TestCompare(t *testing.T) {
	workload := func(name string) *struct{ Namespace, Name string } {
		return &struct{ Namespace, Name string }{"shop", name}
	}
	said := []affected{{workload("client"), workload("server"), "server.shop", 80, "fails"}}
	before := truth.Truth{Pairs: []truth.Pair{
		pair("client", "server", false), pair("naked", "server", false), pair("client", "other", true), pair("client", "gone", true), pair("shut", "server", true),
	}}
	for _, tt := range []struct {
		name   string
		after  []truth.Pair
		mended int
		wrong  []string
	}{
		{
			"all is well", []truth.Pair{pair("client", "server", true), pair("naked", "server", false), pair("client", "other", true), pair("client", "gone", true), pair("shut", "server", false)}, 1, nil,
		},
		{
			"nothing is mended, one is broken and one not called",
			[]truth.Pair{pair("client", "server", false), pair("naked", "server", false), pair("client", "other", false), pair("shut", "server", true)},
			0,
			[]string{
				"not mended: shop/client -> server.shop:80 (): reset",
				"broken by the fix: shop/client -> other.shop:80 (): reset",
				"no longer called: shop/client -> gone.shop:80 ()",
				"not shut out, as the scenario says: shop/shut",
			},
		},
		{
			"one of two endpoints still fails",
			[]truth.Pair{pair("client", "server", false), pair("client", "server", true), pair("naked", "server", true), pair("client", "other", true), pair("client", "gone", true), pair("shut", "server", true)},
			0,
			[]string{"not mended: shop/client -> server.shop:80 (): reset", "not shut out, as the scenario says: shop/shut"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mended, wrong := compare(before, truth.Truth{Pairs: tt.after}, said, []string{"shop/shut"})
			if mended != tt.mended {
				t.Errorf("%d mended, want %d", mended, tt.mended)
			}
			if diff := cmp.Diff(tt.wrong, wrong); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFirst(t *testing.T) {
	a, b, c := fix{Title: "a", Risk: "x"}, fix{Title: "b", Risk: "y", Also: true}, fix{Title: "c"}
	for _, tt := range []struct {
		name  string
		fixes []fix
		want  string
	}{
		{"one", []fix{a}, "a"},
		{"alternatives", []fix{a, c, b}, "a"},
		{"two parts, and an alternative", []fix{a, b, c}, "a and b"},
		{"three parts", []fix{a, b, b}, "a and b and b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := joined(finding{Fixes: tt.fixes}.first(), " and ", func(f fix) string { return f.Title }); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
