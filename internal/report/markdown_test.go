package report

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

func manyChanges(n int) *diff.Plan {
	p := &diff.Plan{Op: diff.OpApply, Target: diff.Target{Namespace: "shop", Release: "shop", Context: "a|b<c>@me"}}
	for i := range n {
		p.Changes = append(p.Changes, diff.Change{
			ID: object.ID{Kind: "ConfigMap", Namespace: "shop", Name: fmt.Sprintf("c%04d", i)}, Action: diff.Update,
			Paths: []diff.PathChange{{Path: "data.x", From: "a\n```\nb", To: fmt.Sprint("b\n", i)}},
			Live:  &unstructured.Unstructured{},
		})
	}
	return p
}

func TestMarkdownStaysBelowItsSizeAndIsCutBetweenObjects(t *testing.T) {
	for _, n := range []int{1, 10, 400, 5000} {
		for _, limit := range []int{0, 3000, 60_000} {
			var b strings.Builder
			if err := WriteMarkdown(&b, manyChanges(n), PlanOptions{}, limit); err != nil {
				t.Fatal(err)
			}
			text, most := b.String(), limit
			if most == 0 {
				most = DefaultMarkdown
			}
			if len(text) > most {
				t.Errorf("%d objects in %d bytes, of %d", n, len(text), most)
			}
			if strings.Count(text, "<details") != strings.Count(text, "</details>") || strings.Count(text, "````diff")*2 != strings.Count(text, "````") {
				t.Errorf("%d objects: something is left open:\n%s", n, text)
			}
			if n >= 5000 && !strings.Contains(text, "objects more, too long to show here") {
				t.Errorf("%d objects: it does not say what is left out", n)
			}
		}
	}
}

func TestMarkdownTakesNamesForText(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b, manyChanges(1), PlanOptions{}, 0); err != nil {
		t.Fatal(err)
	}
	if head, _, _ := strings.Cut(b.String(), "\n"); strings.ContainsAny(head, "<>@") || !strings.Contains(head, `a\|b&lt;c&gt;`) {
		t.Error(head)
	}
}

func TestTheOrderNamesWhatWaitsForWhat(t *testing.T) {
	p := manyChanges(3)
	for i := range p.Changes {
		p.Changes[i].Steps = []diff.Step{{Verb: diff.VerbApply}}
	}
	p.Changes[2].Action = diff.Delete
	p.Order = []diff.Edge{{Before: 0, After: 1, Need: "ready", Why: "belay.sh/depends-on"}}
	var b strings.Builder
	if err := Graph(&b, p, false); err != nil {
		t.Fatal(err)
	}
	want := "step 1\n  ~ ConfigMap/c0000\nstep 2\n  ~ ConfigMap/c0001\n      when ConfigMap/c0000 is ready (belay.sh/depends-on)\nstep 3\n  - ConfigMap/c0002\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

func TestACircleHasNoSteps(t *testing.T) {
	p := manyChanges(3)
	for i := range p.Changes {
		p.Changes[i].Steps = []diff.Step{{Verb: diff.VerbApply}}
	}
	p.Circular = true
	var b strings.Builder
	if err := Graph(&b, p, false); err != nil {
		t.Fatal(err)
	}
	if want := "no steps: objects wait for each other in a circle\n"; b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
