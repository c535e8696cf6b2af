package checks

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// shell is a command whose arguments, each for a %s, come from the cluster and are quoted.
func shell(format string, args ...string) string {
	quoted := make([]any, len(args))
	for i, a := range args {
		quoted[i] = diagnose.ShellWord(a)
	}
	return fmt.Sprintf(format, quoted...)
}

// kubectl begins a command about a resource: "kubectl -n shop patch destinationrule server". A
// name that would be taken for an option is written with its kind.
func kubectl(verb string, r kube.Ref) string {
	kind := strings.ToLower(r.Kind)
	what := shell("%s %s", kind, r.Name)
	if strings.HasPrefix(r.Name, "-") || strings.HasPrefix(kind, "-") {
		what = diagnose.ShellWord(strings.TrimLeft(kind, "-") + "/" + r.Name)
	}
	if r.Namespace == "" {
		return fmt.Sprintf("kubectl %s %s", verb, what)
	}
	return fmt.Sprintf("kubectl -n %s %s %s", diagnose.ShellWord(r.Namespace), verb, what)
}

// jsonPatch is a command that applies a JSON patch of these operations.
func jsonPatch(r kube.Ref, operations ...string) string {
	return kubectl("patch", r) + " --type=json -p " + diagnose.ShellWord("["+strings.Join(operations, ",")+"]")
}

// deleting is a command that deletes a resource, and keeps it in a file first. Run again, when there is
// nothing to get any more, it leaves that file as it is.
func deleting(r kube.Ref) string {
	file := strings.ReplaceAll(strings.ToLower(r.Kind)+"-"+r.Name, "/", "_") + ".yaml"
	get := kubectl("get", r)
	return get + " && " + get + " -o yaml > " + diagnose.ShellWord(file) + " && " + kubectl("delete", r)
}

// remove, set and move are operations of a JSON patch; the value is JSON.
func remove(pointer string) string { return `{"op":"remove","path":` + jsonText(pointer) + `}` }

// same stops a patch where something else stands by now.
func same(pointer, text string) string {
	return fmt.Sprintf(`{"op":"test","path":%s,"value":%s}`, jsonText(pointer), jsonText(text))
}

func set(pointer, value string) string {
	return fmt.Sprintf(`{"op":"add","path":%s,"value":%s}`, jsonText(pointer), value)
}

func move(from, to string) string {
	return fmt.Sprintf(`{"op":"move","from":%s,"path":%s}`, jsonText(from), jsonText(to))
}

// jsonText is a text as a JSON string.
func jsonText(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// jsonTexts encodes a list of strings.
func jsonTexts(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, jsonText(s))
	}
	return "[" + strings.Join(out, ",") + "]"
}
