package container

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// base is where the new root is put together. It is hidden by a mount that only the
// container's mount namespace has.
const base = "/mnt"

// newRoot builds the root file system in memory and makes it the root of this mount namespace.
func newRoot(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", base, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount a root file system: %w", err)
	}
	steps := []func() error{
		system, devices,
		func() error { return volumes(spec.Mounts) },
		func() error { return files(spec.Files) },
		func() error { return unix.Sethostname([]byte(spec.Hostname)) },
		pivot,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// system shows the machine's programs and libraries, read-only, and this process namespace.
func system() error {
	// Debian's /usr/sbin/iptables leads through /etc/alternatives.
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives"} {
		if err := showSystem(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/proc", "/run", "/etc", "/var", "/tmp"} {
		if err := os.MkdirAll(base+dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(base+"/tmp", 0o1777); err != nil {
		return err
	}
	return unix.Mount("proc", base+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

// showSystem repeats a directory of the machine: a link as a link, a directory as a bind mount.
func showSystem(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(dir)
		if err != nil {
			return err
		}
		return os.Symlink(target, base+dir)
	default:
		return bind(Mount{Source: dir, Target: dir, ReadOnly: true})
	}
}

func devices() error {
	if err := os.MkdirAll(base+"/dev/shm", 0o1777); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		if err := bind(Mount{Source: "/dev/" + name, Target: "/dev/" + name}); err != nil {
			return err
		}
	}
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", i), base+"/dev/"+name); err != nil {
			return err
		}
	}
	return os.Symlink("/proc/self/fd", base+"/dev/fd")
}

func volumes(mounts []Mount) error {
	for _, m := range mounts {
		if err := bind(m); err != nil {
			return err
		}
	}
	return nil
}

func files(content map[string]string) error {
	for _, path := range slices.Sorted(maps.Keys(content)) {
		if err := os.MkdirAll(filepath.Dir(base+path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(base+path, []byte(content[path]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func bind(m Mount) error {
	target := base + m.Target
	if err := mountPoint(m.Source, target); err != nil {
		return fmt.Errorf("show %s: %w", m.Target, err)
	}
	if err := unix.Mount(m.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("show %s at %s: %w", m.Source, m.Target, err)
	}
	if !m.ReadOnly {
		return nil
	}
	return unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// mountPoint makes a directory or an empty file, as the source is one.
func mountPoint(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// pivot makes base the root and lets go of the machine's file system, as pivot_root(2)
// describes it for "." and ".".
func pivot() error {
	if err := unix.Chdir(base); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return unix.Unmount(".", unix.MNT_DETACH)
}
