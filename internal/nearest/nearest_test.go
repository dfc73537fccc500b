package nearest_test

import (
	"testing"

	"github.com/belay-sh/belay/internal/nearest"
)

func TestTheNearestNameIsOfferedOrNone(t *testing.T) {
	known := []string{"replicas", "image", "resources"}
	for name, want := range map[string]string{"imgae": "image", "Replica": "replicas", "ports": "", "zzz": "", "resource": "resources"} {
		if got := nearest.Name(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
