package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// fingerprint names a cause for ticket tools. It is made of what does not change between runs:
// the code, the subject and the field. Pods stand for their workload: their own names change.
func fingerprint(f *Finding) string {
	name := f.Subject.Name
	if f.Subject.Kind == "Pod" {
		name = withoutHash(name)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Code, f.Subject.Kind, f.Subject.Namespace, name, f.Field}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// withoutHash drops the parts of a pod's name that Kubernetes generates: "-dfcbd866f-78kcw" of
// a Deployment's, "-78kcw" of a DaemonSet's. A StatefulSet's ordinal stays.
func withoutHash(name string) string {
	parts := strings.Split(name, "-")
	for n := 0; n < 2 && len(parts) > 1 && generated(parts[len(parts)-1]); n++ {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "-")
}

// generated reports whether a part looks like Kubernetes' safe random alphabet
// (k8s.io/apimachinery/pkg/util/rand), which has no vowels and no 0, 1, 3.
func generated(part string) bool {
	return len(part) >= 5 && len(part) <= 10 && strings.Trim(part, "bcdfghjklmnpqrstvwxz2456789") == ""
}
