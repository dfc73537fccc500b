package release

import (
	"strings"
	"testing"
)

func BenchmarkPackSmall(b *testing.B) {
	data := []byte(strings.Repeat("some text ", 100))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pack(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnpackSmall(b *testing.B) {
	packed, err := pack([]byte(strings.Repeat("some text ", 100)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad400(b *testing.B)   { benchmarkLoad(b, 400) }
func BenchmarkLoad10000(b *testing.B) { benchmarkLoad(b, 10000) }

func benchmarkLoad(b *testing.B, n int) {
	store, _ := newRun(newSecrets(), "alice")
	if _, err := deploy(b.Context(), store, wanted(n, "some text that makes it longer"), Revision{}, Deployed); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Load(b.Context(), "shop"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeploy400(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		store, _ := newRun(newSecrets(), "alice")
		if _, err := deploy(b.Context(), store, wanted(400, "some text that makes it longer"), Revision{}, Deployed); err != nil {
			b.Fatal(err)
		}
	}
}
