package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// needed are the commands that the lab runs, or shows to its pods, and the Debian packages that
// have them.
var needed = []struct{ command, pkg string }{
	{"iptables-restore", "iptables"},
	{"curl", "curl"},
	{"python3", "python3-pip"},
}

// commands installs what is missing, where that can be done.
func (b Builder) commands(ctx context.Context) error {
	var missing []string
	for _, n := range needed {
		if _, err := exec.LookPath(n.command); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("install %s first", strings.Join(missing, ", "))
	}
	return b.run(ctx, "apt-get", append([]string{"install", "--yes", "--quiet", "--no-install-recommends"}, missing...)...)
}
