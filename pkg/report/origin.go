package report

import (
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Origin says where a resource comes from: since when it is as it is, and who keeps it so.
type Origin struct {
	// Created and Written are when the resource was made, and when it was last written, its status
	// aside. Written is absent when the evidence does not tell, as kubectl get leaves managedFields out.
	Created time.Time `json:"created,omitzero"`
	Written time.Time `json:"written,omitzero"`
	// Writer is the field manager of the last write: "kubectl-client-side-apply", "helm".
	Writer string `json:"writer,omitempty"`
	// ManagedBy is the tool that has the resource's source: "Helm release shop/web". It undoes a
	// patch sooner or later, so the change belongs there.
	ManagedBy string `json:"managedBy,omitempty"`
}

// originOf is the origin of a resource, nil when the evidence says nothing.
func originOf(m *kube.Meta) *Origin {
	if m == nil {
		return nil
	}
	o := Origin{Created: m.CreationTimestamp.UTC(), ManagedBy: managerOf(m)}
	if m.Generation == 1 { // the API server counts every change of a spec
		o.Written = o.Created
	}
	for _, f := range m.ManagedFields {
		if at := writtenAt(&f, m.CreationTimestamp); f.Subresource == "" && !at.Before(o.Written) {
			o.Written, o.Writer = at.UTC(), f.Manager
		}
	}
	if o == (Origin{}) {
		return nil
	}
	return &o
}

// making is how long the API server may take to make a resource. It notes the manager first and the creation after that,
// both in whole seconds (k8s.io/apiserver, pkg/endpoints/handlers/create.go and pkg/registry/rest/create.go).
const making = 2 * time.Second

// writtenAt is when a manager wrote a resource: at its creation, if that came right after.
func writtenAt(f *kube.ManagedField, created time.Time) time.Time {
	if f.Time.Before(created) && created.Sub(f.Time) <= making {
		return created
	}
	return f.Time
}

// managerOf finds the tool that keeps a resource as its source says, by the marks that these leave
// (helm.sh/docs/chart_best_practices/labels, argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking,
// fluxcd.io/flux/components); "" when there is none.
func managerOf(m *kube.Meta) string {
	switch owner := m.Controller(); {
	case m.Annotations["argocd.argoproj.io/tracking-id"] != "":
		app, _, _ := strings.Cut(m.Annotations["argocd.argoproj.io/tracking-id"], ":")
		return "Argo CD application " + app
	case m.Labels["argocd.argoproj.io/instance"] != "":
		return "Argo CD application " + m.Labels["argocd.argoproj.io/instance"]
	case m.Labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux HelmRelease " + kube.Key{Namespace: m.Labels["helm.toolkit.fluxcd.io/namespace"], Name: m.Labels["helm.toolkit.fluxcd.io/name"]}.String()
	case m.Labels["kustomize.toolkit.fluxcd.io/name"] != "":
		return "Flux Kustomization " + kube.Key{Namespace: m.Labels["kustomize.toolkit.fluxcd.io/namespace"], Name: m.Labels["kustomize.toolkit.fluxcd.io/name"]}.String()
	case m.Annotations["meta.helm.sh/release-name"] != "":
		return "Helm release " + kube.Key{Namespace: m.Annotations["meta.helm.sh/release-namespace"], Name: m.Annotations["meta.helm.sh/release-name"]}.String()
	case owner != nil:
		return owner.Kind + " " + kube.Key{Namespace: m.Namespace, Name: owner.Name}.String()
	}
	return ""
}

// since is the moment since when the resource is as it is, and who wrote it; "" when it is not known.
func (o *Origin) since() string {
	if o.Written.IsZero() {
		return ""
	}
	text := o.Written.Format(time.DateTime) + "Z"
	if o.Writer != "" {
		text += ", written by " + Clean(o.Writer)
	}
	if !o.Created.Equal(o.Written) && !o.Created.IsZero() {
		text += "; created " + o.Created.Format(time.DateTime) + "Z"
	}
	return text
}

// managed says where a change has to be made; "" when nobody keeps the resource.
func (o *Origin) managed() string {
	if o.ManagedBy == "" {
		return ""
	}
	return "by " + Clean(o.ManagedBy) + ": it undoes a patch, so make the change there"
}

func (p *page) origin(o *Origin) {
	if o == nil {
		return
	}
	if since := o.since(); since != "" {
		p.line("since", since)
	} else if !o.Created.IsZero() {
		p.line("created", o.Created.Format(time.DateTime)+"Z")
	}
	if managed := o.managed(); managed != "" {
		p.line("managed", managed)
	}
}
