package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	mountDelayFirst = 500 * time.Millisecond
	mountDelayMax   = 15 * time.Second // two minutes in a real kubelet, which nobody wants to wait for
)

// mount reports whether all volumes are there, and says which is not.
func (p *Pod) mount(now time.Time) bool {
	if p.mounted {
		return true
	}
	if now.Before(p.mountDue) {
		return false
	}
	if s := p.setup(); s != nil {
		p.warn(nil, s.Reason, s.Message)
		p.mountDelay = min(max(2*p.mountDelay, mountDelayFirst), mountDelayMax)
		p.mountDue = now.Add(p.mountDelay)
		return false
	}
	for _, v := range p.object.Spec.Volumes {
		message := p.volume(&v)
		if message == "" {
			continue
		}
		p.warn(nil, "FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", v.Name, message))
		p.mountDelay = min(max(2*p.mountDelay, mountDelayFirst), mountDelayMax)
		p.mountDue = now.Add(p.mountDelay)
		return false
	}
	p.mounted, p.mountDue = true, time.Time{}
	return true
}

// volume returns what a volume lacks, "" for nothing.
func (p *Pod) volume(v *corev1.Volume) string {
	switch {
	case v.ConfigMap != nil:
		return p.files("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.Secret != nil:
		return p.files("Secret", v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.Projected == nil:
		return ""
	}
	for _, s := range v.Projected.Sources {
		message := ""
		switch {
		case s.ConfigMap != nil:
			message = p.files("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional)
		case s.Secret != nil:
			message = p.files("Secret", s.Secret.Name, s.Secret.Items, s.Secret.Optional)
		}
		if message != "" {
			return message
		}
	}
	return ""
}

// files returns what is wrong with mounting items of an object.
func (p *Pod) files(kind, name string, items []corev1.KeyToPath, optional *bool) string {
	if optional != nil && *optional {
		return ""
	}
	keys, exists, err := p.lookup(kind, name)
	switch {
	case err != nil:
		return err.Error()
	case !exists:
		return fmt.Sprintf("%s %q not found", strings.ToLower(kind), name)
	}
	for _, item := range items {
		if !keys[item.Key] {
			return "references non-existent " + strings.ToLower(kind) + " key: " + item.Key
		}
	}
	return ""
}

// configure returns why a container cannot be created, "" if it can.
func (p *Pod) configure(c *container) string {
	if c.invalid != nil {
		return c.invalid.Error()
	}
	if message := p.asRoot(c); message != "" {
		return message
	}
	for _, from := range c.spec.EnvFrom {
		message := ""
		switch {
		case from.ConfigMapRef != nil:
			message = p.lacks("ConfigMap", from.ConfigMapRef.Name, "", from.ConfigMapRef.Optional)
		case from.SecretRef != nil:
			message = p.lacks("Secret", from.SecretRef.Name, "", from.SecretRef.Optional)
		}
		if message != "" {
			return message
		}
	}
	for _, env := range c.spec.Env {
		message := ""
		switch from := env.ValueFrom; {
		case from == nil:
		case from.ConfigMapKeyRef != nil:
			message = p.lacks("ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional)
		case from.SecretKeyRef != nil:
			message = p.lacks("Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key, from.SecretKeyRef.Optional)
		}
		if message != "" {
			return message
		}
	}
	return ""
}

// lacks returns what is wrong with taking a variable, or with key "" all of them, from an object.
func (p *Pod) lacks(kind, name, key string, optional *bool) string {
	if optional != nil && *optional {
		return ""
	}
	keys, exists, err := p.lookup(kind, name)
	switch {
	case err != nil:
		return err.Error()
	case !exists:
		return fmt.Sprintf("%s %q not found", strings.ToLower(kind), name)
	case key != "" && !keys[key]:
		return fmt.Sprintf("couldn't find key %s in %s %s/%s", key, kind, p.object.Namespace, name)
	}
	return ""
}
