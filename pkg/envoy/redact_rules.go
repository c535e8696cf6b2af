package envoy

import (
	"bytes"
	"regexp"
	"strings"
)

// textRule drops one kind of secret from text. Nearly all text of a dump has no secret: it is told by
// the signs that are missing, and then by the marks of the rule, one of which every such secret shows.
type textRule struct {
	needs signs
	marks []string
	clean func(string) string
}

// signs are kinds of characters that a text has.
type signs uint8

const (
	hasUpper  signs = 1 << iota
	hasSpace        // white space, or an escape that could be some
	hasAssign       // ":" or "="
	hasUser         // "@"
	hasEscape       // a backslash
)

// signTable gives the sign of each byte.
var signTable = [256]signs{
	' ': hasSpace, '\n': hasSpace, '\t': hasSpace, '\r': hasSpace, '\\': hasEscape | hasSpace, ':': hasAssign, '=': hasAssign, '@': hasUser,
	'A': hasUpper, 'B': hasUpper, 'C': hasUpper, 'D': hasUpper, 'E': hasUpper, 'F': hasUpper, 'G': hasUpper, 'H': hasUpper, 'I': hasUpper,
	'J': hasUpper, 'K': hasUpper, 'L': hasUpper, 'M': hasUpper, 'N': hasUpper, 'O': hasUpper, 'P': hasUpper, 'Q': hasUpper, 'R': hasUpper,
	'S': hasUpper, 'T': hasUpper, 'U': hasUpper, 'V': hasUpper, 'W': hasUpper, 'X': hasUpper, 'Y': hasUpper, 'Z': hasUpper,
}

func signsOf(text []byte) signs {
	var has signs
	for _, c := range text {
		has |= signTable[c]
	}
	return has
}

// mayHit reports whether text with these signs shows one of the rule's marks.
func (r *textRule) mayHit(has signs, text []byte) bool {
	if has&r.needs != r.needs {
		return false
	}
	for _, m := range r.marks {
		if bytes.Contains(text, []byte(m)) {
			return true
		}
	}
	return false
}

var textRules = []textRule{
	{hasUpper | hasSpace, []string{keyMark}, cleanPEM},
	// The base64 of a BEGIN line may be wrapped behind its first words.
	{hasUpper, []string{keyMark64[0], keyMark64[1], keyMark64[2], "LS0tLS1CRUdJTi"}, cleanBase64},
	// RFC 7519: header and payload are JSON objects, and "eyJ" is `{"` in base64url.
	{hasUpper, []string{"eyJ"}, pattern(`eyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*`, redacted)},
	// A header in a log line, with or without its scheme.
	{hasAssign, []string{"uthorization", "UTHORIZATION"}, pattern(`(?i)\b(authorization(?:\\*["'])?\s*[=:]\s*(?:\\*["'])?)`+
		`(?:(?:bearer|basic|digest|token|negotiate)\s+)?[^\s"'%][^\s"']*`, "${1}"+redacted)},
	// RFC 6750; a word that only looks like a scheme is followed by a short word.
	{hasSpace, []string{"earer", "EARER"}, pattern(`(?i)\b(bearer)\s+[\w.~+/=-]{16,}`, "${1} "+redacted)},
	{hasSpace, []string{"asic", "ASIC"}, cleanBasic},
	// RFC 3986, 3.2.1: the password in a URL.
	{hasUser | hasAssign, []string{"://"}, pattern(`(://[^/\s:@"']*):[^/\s@"']+@`, "${1}:"+redacted+"@")},
	// A variable or a flag, its value in quotes or up to the next space.
	{hasAssign, variableMarks, pattern(`(?i)((?:`+secretVariables+`)(?:\\*["'])?\s*[=:]\s*)`+
		`(?:(\\*")[^"]*"?|(\\*')[^']*'?|[^\s"']+)`, "${1}${2}${3}"+redacted+"${2}${3}")},
}

const secretVariables = `password|passwd|private_?key|client_secret|access_token|refresh_token|id_token|` +
	`auth_token|api[_-]?token|api[_-]?key|secret_(?:access_)?key`

var variableMarks = []string{
	"assw", "ASSW", "_token", "_TOKEN", "pi-token", "pitoken", "t_secret", "T_SECRET",
	"pi_key", "PI_KEY", "pi-key", "pikey", "ate_key", "ATE_KEY", "atekey", "ret_key", "RET_KEY", "access_key", "ACCESS_KEY",
}

// pattern makes a rule of a regular expression and what stays of its match.
func pattern(expr, with string) func(string) string {
	re := regexp.MustCompile(expr)
	return func(s string) string { return re.ReplaceAllString(s, with) }
}

// cleanText drops the secrets that can be told by their looks.
func cleanText(s string) string {
	for i := range textRules {
		if containsAny(s, textRules[i].marks) {
			s = textRules[i].clean(s)
		}
	}
	return s
}

// basicAuth is RFC 7617's scheme with its credentials: user:password in base64.
var basicAuth = regexp.MustCompile(`(?i)\bbasic\s+[A-Za-z0-9+/]{4,}={0,2}`)

// cleanBasic spares "basic authentication".
func cleanBasic(s string) string {
	return basicAuth.ReplaceAllStringFunc(s, func(match string) string {
		scheme, credentials := match[:len("basic")], strings.TrimSpace(match[len("basic"):])
		if data, ok := decodeBase64(credentials); !ok || !strings.Contains(string(data), ":") || !isText(data) {
			return match
		}
		return scheme + " " + redacted
	})
}
