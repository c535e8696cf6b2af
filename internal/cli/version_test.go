package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	commit := setting("vcs.revision", "0123456789abcdef")
	tests := map[string]struct {
		linked string
		module string
		noted  []debug.BuildSetting
		want   buildInfo
	}{
		"make build":               {"v1.2.3", "v1.2.3+dirty", nil, buildInfo{Version: "v1.2.3"}},
		"go install PKG@v1.2.3":    {"", "v1.2.3", nil, buildInfo{Version: "v1.2.3"}},
		"go build of a tag":        {"", "v1.2.3", []debug.BuildSetting{commit}, buildInfo{Version: "v1.2.3", Commit: commit.Value}},
		"go build of changed code": {"", "v1.2.3+dirty", []debug.BuildSetting{commit, setting("vcs.modified", "true")}, buildInfo{Version: "v1.2.3+dirty", Commit: commit.Value, Modified: true}},
		"without a repository":     {"", "(devel)", nil, buildInfo{Version: "devel"}},
	}
	for name, test := range tests {
		got := buildInfo{Version: test.linked}
		got.add(&debug.BuildInfo{Main: debug.Module{Version: test.module}, Settings: test.noted})
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
