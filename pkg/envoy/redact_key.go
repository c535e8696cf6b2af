package envoy

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// keyMark is in the BEGIN line of every PEM private key: PKCS #8, RSA, EC, DSA, ENCRYPTED,
// OPENSSH and PGP ones.
const keyMark = "PRIVATE KEY"

// keyMark64 are what base64 makes of keyMark at each of the three offsets, in both alphabets.
var keyMark64 = [3]string{"UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW"}

var (
	keyBegin = regexp.MustCompile(`-+ ?BEGIN [A-Z0-9 ]*PRIVATE KEY`)
	keyEnd   = regexp.MustCompile(`END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-*`)
)

// cleanPEM drops private key blocks and keeps what stands around them, such as the certificates
// of a file that holds both. A block without an end goes on to the end of the text.
func cleanPEM(s string) string {
	if !strings.Contains(s, keyMark) {
		return s
	}
	var out strings.Builder
	for {
		begin := keyBegin.FindStringIndex(s)
		if begin == nil {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:begin[0]])
		out.WriteString(redacted)
		end := keyEnd.FindStringIndex(s[begin[1]:])
		if end == nil {
			return out.String()
		}
		s = s[begin[1]+end[1]:]
	}
}

// base64Run is text that may be base64 of a PEM block, wrapped or not.
var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{16}[A-Za-z0-9+/_\r\n-]*={0,2}`)

// cleanBase64 drops private keys whose PEM was encoded once more, as Kubernetes secrets and
// kubeconfig files do.
func cleanBase64(s string) string {
	return base64Run.ReplaceAllStringFunc(s, cleanRun)
}

func cleanRun(run string) string {
	data, ok := decodeBase64(run)
	switch {
	case ok && strings.Contains(string(data), keyMark) && isText(data):
		return base64.StdEncoding.EncodeToString([]byte(cleanPEM(string(data))))
	case ok && strings.Contains(string(data), keyMark), containsAny(run, keyMark64[:]):
		return redactedBytes
	}
	return run
}

// decodeBase64 reads either alphabet, with or without padding and line breaks.
func decodeBase64(s string) ([]byte, bool) {
	data, err := base64.RawStdEncoding.DecodeString(plainBase64.Replace(s))
	return data, err == nil && len(data) > 0
}

var plainBase64 = strings.NewReplacer("-", "+", "_", "/", "=", "", "\n", "", "\r", "", " ", "")
