package mesh

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/pki"
)

const (
	meshConfigMap = "istio"
	meshKey       = "mesh"
	istiodName    = "istiod"
	pluggedCA     = "cacerts" // the Secret that Istio's documentation, "Plug in CA Certificates", names
)

// EditMeshConfig changes the mesh config and returns when istiod uses it. A change that means
// nothing to istiod never shows; it is then an error of time.
func (m Mesh) EditMeshConfig(ctx context.Context, edit func(config map[string]any)) error {
	before, err := m.meshConfigs(ctx)
	if err != nil {
		return err
	}
	changed := false
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		changed, err = m.editConfigMap(ctx, edit)
		return err
	})
	if err != nil || !changed {
		return err
	}
	return until(ctx, patience, "istiod uses the mesh config", func(ctx context.Context) (bool, error) {
		after, err := m.meshConfigs(ctx)
		return !bytes.Equal(before, after), err
	})
}

func (m Mesh) editConfigMap(ctx context.Context, edit func(map[string]any)) (changed bool, err error) {
	maps := m.Kube.CoreV1().ConfigMaps(Namespace)
	object, err := maps.Get(ctx, meshConfigMap, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	config := map[string]any{}
	if err := yaml.Unmarshal([]byte(object.Data[meshKey]), &config); err != nil {
		return false, fmt.Errorf("read the mesh config: %w", err)
	}
	old, err := yaml.Marshal(config)
	if err != nil {
		return false, err
	}
	edit(config)
	text, err := yaml.Marshal(config)
	if err != nil || bytes.Equal(old, text) {
		return false, err
	}
	object.Data[meshKey] = string(text)
	_, err = maps.Update(ctx, object, metav1.UpdateOptions{})
	return err == nil, err
}

// SetMeshConfig makes the mesh config the one in the manifests with the fields of extra on top.
func (m Mesh) SetMeshConfig(ctx context.Context, manifests string, extra map[string]any) error {
	base, err := originalMeshConfig(manifests)
	if err != nil {
		return err
	}
	return m.EditMeshConfig(ctx, func(config map[string]any) {
		clear(config)
		for _, layer := range []map[string]any{base, extra} {
			for k, v := range layer {
				config[k] = v
			}
		}
	})
}

// meshConfigs is what every istiod uses now.
func (m Mesh) meshConfigs(ctx context.Context) ([]byte, error) {
	istiods, err := m.Istiods(ctx)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, i := range istiods {
		text, err := m.Lab.Get(ctx, i, debugPort, "debug/mesh")
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, nil
}

// Resend makes istiod send every proxy all of its clusters and not only what it thinks has changed, by a change of the mesh
// config that means nothing to them. The next SetMeshConfig takes it back.
func (m Mesh) Resend(ctx context.Context) error {
	return m.EditMeshConfig(ctx, func(config map[string]any) { config["dnsRefreshRate"] = "61s" })
}

// SetIstiodEnv sets variables of istiod ("" removes one) and returns when the new istiod injects.
func (m Mesh) SetIstiodEnv(ctx context.Context, variables map[string]string) error {
	return m.changeIstiod(ctx, func(d *appsv1.Deployment) {
		c := &d.Spec.Template.Spec.Containers[0]
		var env []corev1.EnvVar
		for _, v := range c.Env {
			if _, mine := variables[v.Name]; !mine {
				env = append(env, v)
			}
		}
		for name, value := range variables {
			if value != "" {
				env = append(env, corev1.EnvVar{Name: name, Value: value})
			}
		}
		c.Env = env
	})
}

// RestartIstiod replaces istiod by a new one.
func (m Mesh) RestartIstiod(ctx context.Context) error {
	return m.changeIstiod(ctx, func(d *appsv1.Deployment) {
		if d.Spec.Template.Annotations == nil {
			d.Spec.Template.Annotations = map[string]string{}
		}
		d.Spec.Template.Annotations["lab.mtls-doctor/restarted"] = time.Now().Format(time.RFC3339Nano)
	})
}

func (m Mesh) changeIstiod(ctx context.Context, change func(*appsv1.Deployment)) error {
	deployments := m.Kube.AppsV1().Deployments(Namespace)
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d, err := deployments.Get(ctx, istiodName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(d)
		_, err = deployments.Update(ctx, d, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("change istiod: %w", err)
	}
	if err := until(ctx, patience, "istiod is replaced", func(ctx context.Context) (bool, error) {
		d, err := deployments.Get(ctx, istiodName, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		s := d.Status
		return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == 1 && s.Replicas == 1 && s.ReadyReplicas == 1, nil
	}); err != nil {
		return err
	}
	return waitInjection(ctx, m.Kube, "")
}

// RotateCA gives istiod a new root, as Istio's documentation does it, without a bundle that
// holds both: proxies that have started before keep what they had, those that start later get
// the new one.
func (m Mesh) RotateCA(ctx context.Context, name string) error {
	now := time.Now()
	root, err := pki.New(name, now)
	if err != nil {
		return err
	}
	key, err := root.Key()
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: pluggedCA, Namespace: Namespace},
		Data:       map[string][]byte{"ca-cert.pem": root.PEM(), "ca-key.pem": key, "root-cert.pem": root.PEM(), "cert-chain.pem": root.PEM()},
	}
	secrets := m.Kube.CoreV1().Secrets(Namespace)
	_ = secrets.Delete(ctx, pluggedCA, metav1.DeleteOptions{}) // there is none the first time; Create says the rest
	if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("plug in the authority %s: %w", name, err)
	}
	return m.RestartIstiod(ctx)
}

func originalMeshConfig(manifests string) (map[string]any, error) {
	text, err := os.ReadFile(manifests)
	if err != nil {
		return nil, err
	}
	objects, err := kube.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.GetKind() != "ConfigMap" || o.GetName() != meshConfigMap {
			continue
		}
		data, _ := o.Object["data"].(map[string]any)
		text, _ := data[meshKey].(string)
		config := map[string]any{}
		return config, yaml.Unmarshal([]byte(text), &config)
	}
	return nil, fmt.Errorf("%s has no mesh config", manifests)
}
