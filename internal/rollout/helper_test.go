package rollout

import (
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

func unmarshal(raw []byte, into *map[string]any) error { return utiljson.Unmarshal(raw, into) }
