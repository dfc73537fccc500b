package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
)

// reader is a Deployment that reads configuration, with annotations of its own.
func reader(annotations, spec string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, annotations: {%s}},
 spec: {replicas: 2, template: {metadata: {labels: {app: d}}, spec: {%s}}}}`, annotations, spec)
}

const envFromConfig = "containers: [{name: m, envFrom: [{configMapRef: {name: c}}]}]"

func configMapOf(data string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {k: " + data + "}}"
}

func TestPodsRestartWhenWhatTheyReadChanges(t *testing.T) {
	const on = "belay.sh/restart-on: config"
	secret := func(data string) string {
		return "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: " + data + "}}"
	}
	for name, test := range map[string]struct {
		before, after string
		want          bool
	}{
		"from its environment":          {bundleOf(reader(on, envFromConfig), configMapOf("a")), bundleOf(reader(on, envFromConfig), configMapOf("b")), true},
		"a single key":                  {bundleOf(reader(on, "containers: [{name: m, env: [{name: X, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]"), configMapOf("a")), bundleOf(reader(on, "containers: [{name: m, env: [{name: X, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]"), configMapOf("b")), true},
		"from a volume":                 {bundleOf(reader(on, "volumes: [{name: v, configMap: {name: c}}]"), configMapOf("a")), bundleOf(reader(on, "volumes: [{name: v, configMap: {name: c}}]"), configMapOf("b")), true},
		"from a projected volume":       {bundleOf(reader(on, "volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]"), configMapOf("a")), bundleOf(reader(on, "volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]"), configMapOf("b")), true},
		"a Secret from a volume":        {bundleOf(reader(on, "volumes: [{name: v, secret: {secretName: s}}]"), secret("YQ==")), bundleOf(reader(on, "volumes: [{name: v, secret: {secretName: s}}]"), secret("Yg==")), true},
		"a Secret that pulls images":    {bundleOf(reader(on, "imagePullSecrets: [{name: s}]"), secret("YQ==")), bundleOf(reader(on, "imagePullSecrets: [{name: s}]"), secret("Yg==")), false},
		"nothing that it reads":         {bundleOf(reader(on, "containers: [{name: m}]"), configMapOf("a")), bundleOf(reader(on, "containers: [{name: m}]"), configMapOf("b")), false},
		"it says nothing":               {bundleOf(reader("", envFromConfig), configMapOf("a")), bundleOf(reader("", envFromConfig), configMapOf("b")), false},
		"only a label of what it reads": {bundleOf(reader(on, envFromConfig), configMapOf("a")), bundleOf(reader(on, envFromConfig), strings.Replace(configMapOf("a"), "name: c}", "name: c, labels: {x: y}}", 1)), false},
		"it does not want it any more":  {bundleOf(reader(on, envFromConfig), configMapOf("a")), bundleOf(reader("belay.sh/restart-on: none", envFromConfig), configMapOf("a")), true},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.before)
			s.Key = "key"
			w.carryOut(compute(t, w, s, test.before, apply()), s) // with the key that is remembered
			was := ConfigHash(w.objects[object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "d"}])
			p := compute(t, w, s, test.after, apply())
			c := change(t, p, "Deployment.apps/d")
			now := was
			if c.Merged != nil {
				now = ConfigHash(c.Merged)
			}
			if (now != was) != test.want {
				t.Errorf("the hash went from %q to %q", was, now)
			}
		})
	}
}

func TestTheHashOfAConfigurationTellsNothingOfIt(t *testing.T) {
	yaml := bundleOf(reader("belay.sh/restart-on: config", envFromConfig), configMapOf("a"))
	hash := func(key string) string {
		w, s := newWorld(t), newState()
		w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
		s.Key = key
		return ConfigHash(change(t, compute(t, w, s, yaml, apply()), "Deployment.apps/d").Merged)
	}
	first, again := hash("one"), hash("one")
	if first == "" || first != again {
		t.Error("equal configurations of one release have different hashes")
	}
	if hash("one") == hash("two") {
		t.Error("the hash does not depend on the release's key")
	}
}

func TestWhyPodsRestartIsSaid(t *testing.T) {
	const on = "belay.sh/restart-on: config"
	for name, test := range map[string]struct {
		before, after       string
		deployment, configs []string
	}{
		"what they read changed": {
			bundleOf(reader(on, envFromConfig), configMapOf("a")), bundleOf(reader(on, envFromConfig), configMapOf("b")),
			[]string{"restarts 2 pods: ConfigMap/c changed"}, []string{"Deployment.apps/d restarts to read it"},
		},
		"they follow it from now on": {
			bundleOf(reader("", envFromConfig), configMapOf("a")), bundleOf(reader(on, envFromConfig), configMapOf("a")),
			[]string{"restarts 2 pods: from now on they follow their configuration (belay.sh/restart-on)"}, nil,
		},
		"they follow it no more": {
			bundleOf(reader(on, envFromConfig), configMapOf("a")), bundleOf(reader("", envFromConfig), configMapOf("a")),
			[]string{"restarts 2 pods: they follow their configuration no more"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newState()
			s.Key = "key"
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			w.carryOut(compute(t, w, s, test.before, apply()), s)
			p := compute(t, w, s, test.after, apply())
			if d := cmp.Diff(test.deployment, change(t, p, "Deployment.apps/d").Impact); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(test.configs, change(t, p, "ConfigMap/c").Impact); d != "" {
				t.Error(d)
			}
		})
	}
}
