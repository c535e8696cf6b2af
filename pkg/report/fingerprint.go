package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// fingerprint names a cause for ticket tools. It is made of what does not change between runs:
// the code, the subject, the field, and the port and group that keep findings with the same ones apart.
// Pods stand for their workload: their own names change.
func fingerprint(f *diagnose.Finding) string {
	name := f.Subject.Name
	if f.Subject.Kind == "Pod" {
		name = withoutHash(name)
	}
	parts := []string{string(f.Check.Code), f.Subject.Kind, f.Subject.Namespace, name, f.Field, f.Group}
	if f.Port != 0 {
		parts = append(parts, strconv.Itoa(int(f.Port)))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

func refTo(f *diagnose.Finding) FindingRef {
	return FindingRef{Code: string(f.Check.Code), Fingerprint: fingerprint(f)}
}

func refs(list []*diagnose.Finding) []FindingRef {
	out := make([]FindingRef, 0, len(list))
	for _, f := range list {
		out = append(out, refTo(f))
	}
	return out
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
