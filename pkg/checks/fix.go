package checks

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// kubectl begins a command about a resource: "kubectl -n shop patch destinationrule server".
func kubectl(verb string, r kube.Ref) string {
	if r.Namespace == "" {
		return fmt.Sprintf("kubectl %s %s %s", verb, strings.ToLower(r.Kind), r.Name)
	}
	return fmt.Sprintf("kubectl -n %s %s %s %s", r.Namespace, verb, strings.ToLower(r.Kind), r.Name)
}

// removeField is a command that removes one field, given as a JSON pointer.
func removeField(r kube.Ref, pointer string) string {
	return fmt.Sprintf(`%s --type=json -p '[{"op":"remove","path":%q}]'`, kubectl("patch", r), pointer)
}

// setField is a command that sets one field, given as a JSON pointer, to a value in JSON.
func setField(r kube.Ref, pointer, value string) string {
	return fmt.Sprintf(`%s --type=json -p '[{"op":"add","path":%q,"value":%s}]'`, kubectl("patch", r), pointer, value)
}

// tlsFixes are the remedies for a tls block that does not fit: no block at all, so that auto
// mTLS decides per endpoint; where that does not heal, ISTIO_MUTUAL. Neither is offered unless
// it heals every broken edge on paper and breaks none that works.
func tlsFixes(p *diagnose.Pass, rule *kube.DestinationRule, field string, broken []*handshake.Edge) []diagnose.Fix {
	ref := ruleRef(rule)
	if edited, pointer, ok := withoutTLS(rule, field); ok && heals(p, rule, edited, broken) {
		return []diagnose.Fix{{
			Title:   "remove the tls block of " + ref.String() + ", so that auto mTLS decides per endpoint",
			Command: removeField(ref, pointer),
		}}
	}
	if edited, pointer, ok := withMode(rule, field, "ISTIO_MUTUAL"); ok && heals(p, rule, edited, broken) {
		return []diagnose.Fix{{
			Title:   "set tls.mode of " + ref.String() + " to ISTIO_MUTUAL: removing the block is not enough here",
			Command: setField(ref, pointer, `{"mode":"ISTIO_MUTUAL"}`),
			Risk:    "ISTIO_MUTUAL goes to every endpoint; one without a proxy would then fail",
		}}
	}
	return nil
}
