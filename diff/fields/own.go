package fields

import (
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Own hashes what a manager owns of a live object: the version and the fields of
// its apply entry and the live values at their leaves. Equal hashes of an apply's
// answer and of a later copy mean that the same apply would change nothing. It is
// 0 when the manager has no such entry.
func Own(live *unstructured.Unstructured, manager string) uint64 {
	e, ok := Applied(live, manager)
	if !ok {
		return 0
	}
	return ownHash(e.APIVersion, e.Fields, live)
}

func ownHash(apiVersion string, s Set, live *unstructured.Unstructured) uint64 {
	h := offset64
	h.text(apiVersion)
	h.owned(s, live.Object)
	if h == 0 {
		return 1
	}
	return uint64(h)
}

// hash is FNV-1a, without the allocations of hash/fnv.
type hash uint64

const (
	offset64 hash = 14695981039346656037
	prime64  hash = 1099511628211
)

func (h *hash) byte(b byte) { *h = (*h ^ hash(b)) * prime64 }

func (h *hash) text(s string) {
	x := *h
	for i := 0; i < len(s); i++ {
		x = (x ^ hash(s[i])) * prime64
	}
	*h = x
	h.byte(0xff) // never part of UTF-8, so it ends the string
}

func (h *hash) number(tag byte, n uint64) {
	h.byte(tag)
	for range 8 {
		h.byte(byte(n))
		n >>= 8
	}
}

// owned hashes a set and the values at its leaves.
func (h *hash) owned(s Set, v any) {
	if s.leaf() {
		h.byte('=')
		h.value(v)
		return
	}
	if s.self() {
		h.byte('.')
	}
	if v == nil {
		h.byte('-')
	}
	for _, key := range s.keys() {
		sub, _ := s.node(key)
		h.text(key)
		h.owned(sub, at(v, key))
	}
	h.byte(';')
}

// value hashes a JSON value; map keys in their order, integral floats as integers.
func (h *hash) value(v any) {
	switch v := v.(type) {
	case nil:
		h.byte('0')
	case bool:
		if v {
			h.byte('t')
		} else {
			h.byte('f')
		}
	case string:
		h.byte('s')
		h.text(v)
	case int64:
		h.number('i', uint64(v))
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			h.number('i', uint64(int64(v)))
		} else {
			h.number('d', math.Float64bits(v))
		}
	case []any:
		h.number('l', uint64(len(v)))
		for _, item := range v {
			h.value(item)
		}
	case map[string]any:
		h.number('m', uint64(len(v)))
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			h.text(key)
			h.value(v[key])
		}
	}
}
