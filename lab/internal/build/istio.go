package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// istioSettings make istiod's configuration acceptable to the stock Envoy, which has neither
// Istio's metadata exchange and ALPN filters nor istio_stats, and small enough for one machine.
var istioSettings = []string{
	"profile=minimal",
	"values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false",
	"values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false",
	"values.pilot.autoscaleEnabled=false",
	"values.telemetry.v2.enabled=false",
	"meshConfig.accessLogFile=/dev/stdout",
	"meshConfig.defaultConfig.concurrency=1",
}

// Manifests is what a control plane of the given revision ("" for the default) is installed from.
func (b Builder) Manifests(ctx context.Context, revision string, extra ...string) ([]byte, error) {
	args := []string{"manifest", "generate"}
	for _, s := range append(istioSettings, extra...) {
		args = append(args, "--set", s)
	}
	if revision != "" {
		args = append(args, "--revision", revision)
	}
	return b.output(ctx, b.Dir.Bin("istioctl"), args...)
}

// istioFiles are the manifests of the default revision and what the image proxyv2 holds.
func (b Builder) istioFiles(ctx context.Context) error {
	return b.once("istio-files", b.versions(filepath.Join(b.Source, "tools", "istio"))+strings.Join(istioSettings, "\n"), func() error {
		module, err := b.output(ctx, "go", "list", "-C", filepath.Join(b.Source, "tools", "istio"), "-m", "-f", "{{.Dir}}", "istio.io/istio")
		if err != nil {
			return err
		}
		bootstrap, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "tools", "packaging", "common", "envoy_bootstrap.json"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.Dir.Share("envoy_bootstrap.json"), bootstrap, 0o644); err != nil {
			return err
		}
		manifests, err := b.Manifests(ctx, "")
		if err != nil {
			return err
		}
		return os.WriteFile(b.Dir.Share("istio.yaml"), manifests, 0o644)
	})
}
