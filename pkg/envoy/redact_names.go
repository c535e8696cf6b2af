package envoy

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// nameRule is what the name of a member says about its value.
type nameRule struct {
	place place
	// plain: the name itself holds nothing.
	plain bool
	// label and content are the halves of a pair: the header's name and its value.
	label, content bool
	// inline: the content of a DataSource. harmless: stays readable inside a secret.
	inline, harmless bool
	// private: a private member of a JSON Web Key.
	private bool
	// anyType: "@type".
	anyType bool
}

// knownNames holds the names that decide by themselves, folded (see foldName).
var knownNames = map[string]nameRule{
	// Fields that hold key material: envoy/extensions/transport_sockets/tls/v3/{common,secret}.proto.
	"privatekey":        {place: all},
	"sessionticketkeys": {place: all},
	"password":          {place: all},
	"pkcs12":            {place: all},
	"genericsecret":     {place: all},
	// Credentials of google_grpc (config/core/v3/grpc_service.proto), of cloud providers, and what
	// free-form structs call them.
	"accesstoken":        {place: all},
	"googlerefreshtoken": {place: all},
	"authorizationtoken": {place: all},
	"refreshtoken":       {place: all},
	"sessiontoken":       {place: all},
	"bearertoken":        {place: all},
	"idtoken":            {place: all},
	"jsonkey":            {place: all},
	"secretaccesskey":    {place: all},
	"clientsecret":       {place: all},
	"clientkeydata":      {place: all},
	"authpassword":       {place: all},
	"passphrase":         {place: all},
	"passwd":             {place: all},
	"apikey":             {place: all},
	"apitoken":           {place: all},
	// basic_auth keeps its users in a DataSource, api_key_auth its keys in credentials[].key.
	"users":       {place: place{mode: source}},
	"credentials": {place: place{mode: shallow, credential: true}},
	// The members of a DataSource (config/core/v3/base.proto).
	"inlinebytes":         {place: place{bytes: true}, inline: true},
	"inlinestring":        {inline: true},
	"filename":            {place: place{keep: looksLikePath}, harmless: true},
	"environmentvariable": {place: place{keep: looksLikeVariable}, harmless: true},
	"watcheddirectory":    {harmless: true},
	// Where a secret comes from is none.
	"sdsconfig":    {harmless: true},
	"providername": {harmless: true},
	"@type":        {harmless: true, anyType: true},
	// HeaderValue, HeaderMatcher, QueryParameterMatcher, environment variables.
	"key":           {label: true},
	"name":          {label: true},
	"headername":    {label: true},
	"value":         {content: true},
	"rawvalue":      {place: place{bytes: true}, content: true},
	"exactmatch":    {content: true},
	"prefixmatch":   {content: true},
	"suffixmatch":   {content: true},
	"containsmatch": {content: true},
	"stringmatch":   {content: true},
	// jwt_authn's inline key sets are public, unless a symmetric or private key got in.
	"localjwks": {place: place{jwk: true}},
	"jwks":      {place: place{jwk: true}},
	"d":         {private: true},
	"p":         {private: true},
	"q":         {private: true},
	"dp":        {private: true},
	"dq":        {private: true},
	"qi":        {private: true},
	"k":         {private: true},
	// Names that people gave: labels of the workload, criteria of a socket match.
	"labels":                     {place: place{labels: true}},
	"match":                      {place: place{labels: true}},
	"envoy.transportsocketmatch": {place: place{labels: true}},
}

// all is the place below which nothing is kept.
var all = place{mode: deep, numbers: true}

// maxNames bounds the memory of names: a hostile dump has no two alike.
const maxNames = 4096

// rule looks a member's name up; most names have been seen before.
func (c *copier) rule(raw jsontext.Value) nameRule {
	if rule, ok := c.names[string(raw)]; ok {
		return rule
	}
	rule := ruleFor(unquote(raw))
	rule.plain = !suspicious(raw)
	if len(c.names) < maxNames {
		c.names[string(raw)] = rule
	}
	return rule
}

func ruleFor(name string) nameRule {
	if rule, ok := knownNames[foldName(name)]; ok {
		return rule
	}
	if namesSecret(name) {
		return nameRule{place: place{mode: shallow}}
	}
	return nameRule{}
}

// foldName makes snake_case, kebab-case and camelCase one: lower case without separators.
func foldName(name string) string {
	return strings.ToLower(nameSeparators.Replace(name))
}

var nameSeparators = strings.NewReplacer("_", "", "-", "")

// secretWords mark a name whose text is a secret wherever it stands: in node metadata (Istio
// copies ISTIO_META_* variables there), in the configuration of Wasm and Lua filters, in headers.
var secretWords = []string{
	"token", "secret", "password", "passwd", "passphrase", "apikey", "accesskey", "privatekey",
	"credential", "authorization", "cookie",
}

// harmlessEnds are what such a name ends in when it only speaks about a secret.
var harmlessEnds = []string{
	"path", "file", "filename", "dir", "name", "names", "type", "types", "url", "uri", "ttl", "audience", "audiences",
	"policy", "provider", "seconds", "lifetime", "period", "ratio", "duration", "interval", "format",
	"endpoint", "header", "keyid", "prefix", "claim", "claims", "mode", "enabled", "version",
}

// maxSecretName is longer than any name of a variable, field or header.
const maxSecretName = 128

// namesSecret reports whether a field, variable or header of this name holds a secret. Names of
// clusters, policies and routes, which hold a "|" or ":" or spaces, are not fields.
func namesSecret(name string) bool {
	if len(name) > maxSecretName || strings.ContainsAny(name, "|:[] ") {
		return false
	}
	folded := foldName(name)
	return containsAny(folded, secretWords) && !hasAnySuffix(folded, harmlessEnds)
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func hasAnySuffix(s string, ends []string) bool {
	for _, e := range ends {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}
