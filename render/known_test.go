package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// same has the same text at every revision, from other lines and for another reason.
const same = `{{ if eq .Release.Revision 3 }}{{ $x := .Values.first }}
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
{{ else }}{{ $x := .Values.second }}
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
{{ end }}`

const numbered = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: numbered}\ndata: {revision: \"{{ .Release.Revision }}\"}\n"

func TestWhatIsRenderedAgainIsAsIfItWasRenderedAlone(t *testing.T) {
	own := shop("values.yaml", "first: 1\nsecond: 2\n", "templates/numbered.yaml", numbered, "templates/same.yaml", same)
	chart := &bundle.Bundle{Type: bundle.Chart, Path: "shop", Files: []bundle.File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 1.0.0\n")},
		{Name: "values.yaml", Data: []byte("first: 1\nsecond: 2\n")},
		{Name: "templates/numbered.yaml", Data: []byte(numbered)},
		{Name: "templates/same.yaml", Data: []byte(same)},
	}}
	for name, b := range map[string]*bundle.Bundle{"bundle": own, "chart": chart} {
		t.Run(name, func(t *testing.T) {
			known := &object.Known{}
			for revision := 3; revision <= 5; revision++ {
				o := options(set("first=7"), set("second=8"))
				o.Release.Revision = revision
				alone, _, err := render.Render(b, o)
				if err != nil {
					t.Fatal(err)
				}
				o.Known = known
				again, _, err := render.Render(b, o)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(alone, again); d != "" {
					t.Errorf("revision %d (-alone +again):\n%s", revision, d)
				}
			}
		})
	}
}

func TestATextThatIsKnownIsNotReadAgain(t *testing.T) {
	b := shop("values.yaml", defaults, "templates/front.yaml", front)
	o := options()
	o.Known = &object.Known{}
	first, _, err := render.Render(b, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Release.Revision++
	second, _, err := render.Render(b, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first.Objects {
		if first.Objects[i].Body != second.Objects[i].Body {
			t.Errorf("%s was read again", first.Objects[i].ID())
		}
	}
}
