package addons

import "testing"

func TestAddressesAreGivenOnce(t *testing.T) {
	b := &balancer{taken: map[string]string{}}
	take := func(key, want string) {
		t.Helper()
		if got, err := b.take(key); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", key, got, err, want)
		}
	}
	take("a/x", "192.0.2.1")
	take("a/y", "192.0.2.2")
	take("a/x", "192.0.2.1")
	b.release("a/x")
	take("a/z", "192.0.2.1")
	for range 252 {
		if _, err := b.take(string(rune('A' + len(b.taken)))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.take("one too many"); err == nil {
		t.Error("more addresses than there are")
	}
}
