// Package fields reads managedFields: what a manager owns, whether an object is
// still as our last apply left it, and which fields others would lose by an
// apply. It is pure; diff plans with it, apply records with it.
package fields

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// Own hashes what a manager owns of a live object: the fields of its apply entry
// and the live values at their leaves. Equal hashes mean that the same apply
// would change nothing. It is 0 when the manager has no such entry.
func Own(live *unstructured.Unstructured, manager string) uint64 { return 0 }
