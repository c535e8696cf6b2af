package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// version is set by the linker: -X …/internal/cli.version=v1.2.3.
var version string

// buildInfo is what a bug report should say about the binary.
type buildInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
	Modified  bool   `json:"modified,omitempty"` // built from files that were not committed
	Date      string `json:"date,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// buildVersion tells the version from the linker, else from what the go command noted.
func buildVersion() buildInfo {
	info := buildInfo{Version: version, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if noted, ok := debug.ReadBuildInfo(); ok {
		info.add(noted)
	}
	info.Version = cmp.Or(info.Version, "unknown")
	return info
}

// add takes over what the go command noted: the version of `go install PKG@v1.2.3`, or the commit
// of the folder that was built, of which go makes a version as well, with "+dirty" for what was not
// committed. Without a repository, or with -buildvcs=false, it is "devel".
func (i *buildInfo) add(noted *debug.BuildInfo) {
	for _, s := range noted.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value
		case "vcs.modified":
			i.Modified = s.Value == "true"
		case "vcs.time":
			i.Date = s.Value
		}
	}
	i.Version = cmp.Or(i.Version, strings.Trim(noted.Main.Version, "()"))
}

func newVersionCmd(env *Env) *cobra.Command {
	var output outputOptions
	cmd := &cobra.Command{
		Use:         "version",
		Short:       "The version of this program",
		Args:        usageChecked(cobra.NoArgs),
		Annotations: standalone(),
		RunE: func(*cobra.Command, []string) error {
			return output.write(env, report.Style{}, buildVersion().render)
		},
	}
	output.addFormFlag(cmd, []report.Format{versionText, report.JSON, report.YAML})
	return cmd
}

// versionText is the form of the version for people.
const versionText report.Format = "text"

func (i buildInfo) render(w io.Writer, style report.Style) error {
	switch style.Format {
	case report.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(i)
	case report.YAML:
		out, err := yaml.Marshal(i)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	_, err := fmt.Fprintf(w, "kubectl mtls-doctor %s (%s, %s)\n", i.Version, i.GoVersion, i.Platform)
	return err
}
