package diff

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

func TestOnlyOfChartsIsSaidWhatHelmWouldDo(t *testing.T) {
	for name, c := range map[string]struct {
		chart bool
		want  []string
	}{
		"a chart": {true, []string{"Helm would leave it as it is"}}, "a bundle of belay's": {false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			crd := manifests(t, widgets)[0]
			it := &item{Change: Change{
				ID: object.IDOf(crd.Body), Action: Update, Live: crd.Body, Merged: crd.Body,
				Source: object.Source{File: "crds/widgets.yaml", Line: 1},
			}}
			p := &planner{w: &render.Wanted{Origin: render.Origin{Chart: c.chart}}, items: []*item{it}}
			if err := p.weighDefinitions(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range it.Impact {
				got = append(got, string(s))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
