package apply

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// message is what writers and the tracker tell the loop.
type message struct {
	writer *node                      // nil for the tracker's
	live   *unstructured.Unstructured // the writer's; of a deletion, what still exists
	err    error

	id    object.ID
	state rollout.State

	retried *node // whose request is sent again, because of err; nil for others

	hook *node // whose result was gathered; nil for others
	run  release.HookRun
}

// inbox is a queue without bound, so that nobody who reports ever blocks.
type inbox struct {
	mu   sync.Mutex
	all  []message
	wake chan struct{}
}

func (b *inbox) put(m message) {
	b.mu.Lock()
	b.all = append(b.all, m)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *inbox) take() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.all
	b.all = nil
	return all
}
