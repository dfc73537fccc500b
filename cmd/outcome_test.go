package cmd

import (
	"errors"
	"testing"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/internal/object"
)

func TestARevisionKeepsAllErrorsInTheOrderOfTheirObjects(t *testing.T) {
	id := func(name string) object.ID { return object.ID{Kind: "ConfigMap", Namespace: "shop", Name: name} }
	r := &apply.Result{Outcome: apply.Failed, Errs: map[object.ID]error{
		id("c"): errors.New("three"), id("a"): errors.New("one"), id("b"): errors.New("two"),
	}}
	want := "ConfigMap/shop/a: one; ConfigMap/shop/b: two; ConfigMap/shop/c: three"
	if got := resultOf(r).Error; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
