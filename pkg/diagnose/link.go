package diagnose

import "strings"

// Link is the address of a reference of a Doc; one that is none of the known kinds stays as it is. References are
// issues (istio/istio#1), pages (istio.io/docs/…), security bulletins, and files of Istio's repository with what is
// meant there ("pilot/pkg/x.go: name").
func Link(ref string) string {
	repo, number, issue := strings.Cut(ref, "#")
	page, _, _ := strings.Cut(ref, " ")
	file, _, _ := strings.Cut(ref, ":")
	switch {
	case strings.HasPrefix(ref, "ISTIO-SECURITY-"):
		return "https://istio.io/latest/news/security/" + strings.ToLower(ref) + "/"
	case strings.HasPrefix(ref, "istio.io/docs/"):
		return "https://istio.io/latest/" + strings.TrimPrefix(page, "istio.io/")
	case strings.HasPrefix(ref, "envoyproxy.io/"):
		return "https://www." + page
	case issue && strings.Count(repo, "/") == 1:
		return "https://github.com/" + repo + "/issues/" + number
	case hasAnyPrefix(ref, "pilot/", "security/", "tools/", "pkg/"):
		return "https://github.com/istio/istio/tree/master/" + file
	}
	return ref
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
