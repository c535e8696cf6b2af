package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// version is set by the linker: -X …/internal/cli.version=v1.2.3.
var version string

// buildInfo is what a bug report should say about the binary.
type buildInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
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

func (i *buildInfo) add(noted *debug.BuildInfo) {
	if noted.Main.Version != "(devel)" {
		i.Version = cmp.Or(i.Version, noted.Main.Version)
	}
	for _, s := range noted.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value
		case "vcs.time":
			i.Date = s.Value
		}
	}
}

func newVersionCmd(env *Env) *cobra.Command {
	output := enum{allowed: []string{"text", "json", "yaml"}}
	cmd := &cobra.Command{
		Use:         "version",
		Short:       "The version of this program",
		Args:        usageChecked(cobra.NoArgs),
		Annotations: standalone(),
		RunE: func(*cobra.Command, []string) error {
			return printVersion(env, buildVersion(), output.value)
		},
	}
	addEnum(cmd, cmd.Flags(), &output, "output", "o", "form of the output")
	return cmd
}

func printVersion(env *Env, info buildInfo, format string) error {
	switch format {
	case "json":
		e := json.NewEncoder(env.Out)
		e.SetIndent("", "  ")
		return e.Encode(info)
	case "yaml":
		out, err := yaml.Marshal(info)
		if err != nil {
			return err
		}
		_, err = env.Out.Write(out)
		return err
	}
	_, err := fmt.Fprintf(env.Out, "kubectl mtls-doctor %s (%s, %s)\n", info.Version, info.GoVersion, info.Platform)
	return err
}
