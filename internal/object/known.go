package object

import "sync"

// Known remembers what texts were read as, so that of what is rendered twice only
// what came out otherwise is read again. It may be used from several goroutines; a
// nil one remembers nothing.
type Known struct {
	mu    sync.Mutex
	texts map[string]any
}

// Read returns what a text was read as before, else what read makes of it. All who
// ask for a text share the answer, which nobody may change; they ask for the same
// type. Mistakes are not remembered.
func Read[T any](k *Known, text string, read func() (T, error)) (T, error) {
	if k == nil {
		return read()
	}
	k.mu.Lock()
	before, known := k.texts[text].(T)
	k.mu.Unlock()
	if known {
		return before, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.texts == nil {
		k.texts = map[string]any{}
	}
	k.texts[text] = v
	return v, nil
}
