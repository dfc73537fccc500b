package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
)

// hashConfigs writes on pod templates what their ConfigMaps and Secrets hold, as a
// hash, so that pods restart when that changes. Only those of the bundle count:
// what others write must not restart anything here.
func (p *planner) hashConfigs() error {
	for _, it := range p.items {
		if !it.Policy.RestartOnConfigChange {
			continue
		}
		if it.configs = p.configsOf(it); len(it.configs) == 0 {
			continue
		}
		hash, err := p.configHash(it.configs)
		if err != nil {
			return err
		}
		body := it.body.DeepCopy() // what is wanted stays as it was rendered
		// Where the manifest has something else than a map there, the server says so.
		if SetConfigHash(body, hash) == nil {
			it.body, it.wanted = body, body
			it.Manifest = object.Hash(body.Object)
		}
	}
	return nil
}

func configHashPath() []string {
	return []string{"spec", "template", "metadata", "annotations", object.ConfigHashAnnotation}
}

// configsOf are the ConfigMaps and Secrets of the bundle that a pod template reads
// into its environment or its volumes.
func (p *planner) configsOf(it *item) []*item {
	var found []*item
	for _, ref := range refs.Scan([]object.Object{{Body: it.body}}) {
		to := p.byID[ref.To]
		isConfig := ref.To.Group == "" && (ref.To.Kind == "ConfigMap" || ref.To.Kind == "Secret")
		if to != nil && isConfig && readsConfig(ref.Path) && !slices.Contains(found, to) {
			found = append(found, to)
		}
	}
	slices.SortFunc(found, func(a, b *item) int { return a.ID.Compare(b.ID) })
	return found
}

// readsConfig tells a reference to configuration from others to Secrets, such as
// those that pull images.
func readsConfig(path string) bool {
	for _, end := range []string{
		".configMapKeyRef.name", ".secretKeyRef.name", ".configMapRef.name", ".configMap.name", ".secret.secretName", ".secret.name",
	} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return strings.HasSuffix(path, ".secretRef.name") && strings.Contains(path, ".envFrom")
}

// configHash is keyed with a value that only the release knows: it tells nothing of
// a Secret.
func (p *planner) configHash(configs []*item) (string, error) {
	key := p.s.Key
	if key == "" {
		key = p.o.Key
	}
	sum := hmac.New(sha256.New, []byte(key))
	for _, c := range configs {
		data, err := json.Marshal([]any{c.ID, c.body.Object["data"], c.body.Object["binaryData"]})
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", c.ID, err)
		}
		_, _ = sum.Write(data) // it cannot fail
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// rereads says that an update restarts pods because of what they read, or because
// they follow it no more.
func rereads(it *item) bool {
	return it.Action == Update && it.Live != nil && it.Merged != nil && ConfigHash(it.Live) != ConfigHash(it.Merged)
}

// ConfigHash is what a workload's pod template says of the configuration that it
// reads; empty when it does not follow it.
func ConfigHash(u *unstructured.Unstructured) string {
	hash, _, _ := unstructured.NestedString(u.Object, configHashPath()...)
	return hash
}

// SetConfigHash writes the hash of configuration on a pod template. The error says
// that there is something else than a map in its place.
func SetConfigHash(u *unstructured.Unstructured, hash string) error {
	return unstructured.SetNestedField(u.Object, hash, configHashPath()...)
}

// tellRestart says on a workload why its pods restart, and on what it reads that
// they do.
func (p *planner) tellRestart(it *item) {
	if !rereads(it) {
		return
	}
	var changed []string
	for _, c := range it.configs {
		if len(c.Steps) > 0 {
			changed = append(changed, p.name(c.ID))
			c.Impact = append(c.Impact, p.name(it.ID)+" restarts to read it")
		}
	}
	why := strings.Join(changed, ", ") + " changed"
	switch {
	case len(it.configs) == 0:
		why = "they follow their configuration no more"
	case len(changed) == 0:
		why = "from now on they follow their configuration (belay.sh/restart-on)"
	}
	running, _ := podCount(it.ID.Kind, it.Live)
	text := "restarts " + plural(int(running), "pod", "pods")
	it.Impact = slices.DeleteFunc(it.Impact, func(said string) bool { return said == text })
	if running > 0 {
		it.Impact = append(it.Impact, text+": "+why)
	}
}
