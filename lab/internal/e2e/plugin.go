package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

const (
	pluginProgram = "kubectl-mtls_doctor"
	shimProgram   = "kubectl_complete-mtls_doctor"
	// faulty is the scenario that the plugin is shown: a DestinationRule DISABLE against STRICT.
	faulty = "03-dr-disable-vs-strict"
	// exitFindings is the product's exit code for findings at or above the threshold.
	exitFindings = 3
)

// look is one command line of kubectl and what it has to give.
type look struct {
	args []string
	code int
	says []string
}

// plugin has kubectl find the product in PATH, run it on a faulty mesh as the user with the
// rights of deploy/rbac.yaml, and complete its words by the shim that the product prints.
func (s Suite) plugin(ctx context.Context) error {
	if err := s.lab(ctx, "score", faulty); err != nil { // builds the product, and leaves the mesh faulty
		return err
	}
	if err := s.shim(ctx); err != nil {
		return err
	}
	reader := "--kubeconfig=" + s.Dir.ReaderKubeconfig()
	for _, l := range []look{
		{[]string{"plugin", "list"}, 0, []string{s.Dir.Bin(pluginProgram)}},
		{[]string{"mtls-doctor", "version"}, 0, []string{"mtls-doctor"}},
		{[]string{"mtls-doctor", "ns/shop", reader}, exitFindings, []string{"DestinationRule shop/", "kubectl "}},
		{[]string{"mtls-doctor", "edges", "ns/shop", reader}, 0, []string{"plaintext-refused"}},
		{[]string{"mtls-doctor", "explain", "MTD301"}, 0, []string{"MTD301"}},
		{[]string{"__complete", "mtls-doctor", "explain", "MTD30"}, 0, []string{"MTD301", "MTD302"}},
		{[]string{"__complete", "mtls-doctor", "n"}, 0, []string{"ns/"}},
		{[]string{"__complete", "mtls-doctor", "--col"}, 0, []string{"--color"}},
	} {
		if err := s.look(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// shim does what `kubectl mtls-doctor completion --help` says.
func (s Suite) shim(ctx context.Context) error {
	script, err := s.succeed(ctx, s.Dir, "mtls-doctor", "completion", "kubectl")
	if err != nil {
		return err
	}
	return os.WriteFile(s.Dir.Bin(shimProgram), []byte(script), 0o755)
}

func (s Suite) look(ctx context.Context, l look) error {
	out, errs, code, err := s.kubectl(ctx, s.Dir, l.args...)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(l.says), func(w string) bool { return strings.Contains(out, w) })
	if code == l.code && len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("kubectl %s: exit code %d (want %d), lacks %q in\n%s%s", strings.Join(l.args, " "), code, l.code, missing, out, errs)
}
