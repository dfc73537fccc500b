package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

func deployment(name string) object.ID {
	return object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: name}
}

func core(kind, name string) object.ID {
	return object.ID{Kind: kind, Namespace: "shop", Name: name}
}

func manifest(id object.ID, more map[string]any) *unstructured.Unstructured {
	version := "v1"
	if id.Group != "" {
		version = id.Group + "/v1"
	}
	body := map[string]any{
		"apiVersion": version, "kind": id.Kind,
		"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace},
	}
	for key, value := range more {
		body[key] = value
	}
	return &unstructured.Unstructured{Object: body}
}

func steps(id object.ID, more map[string]any) []diff.Step {
	return []diff.Step{{Verb: diff.VerbApply, Body: manifest(id, more)}}
}

var shop = diff.Target{
	Context: "prod-eu", Server: "https://prod.example:6443", Namespace: "shop",
	Release: "shop", Revision: 7, Environment: "prod",
}

// shopPlan is the plan of the manual: a bit of everything.
func shopPlan() *diff.Plan {
	p := &diff.Plan{Op: diff.OpApply, Target: shop}
	p.Changes = []diff.Change{
		{
			ID: core("ConfigMap", "front-config"), Action: diff.Update,
			Impact: []string{"Deployment/front restarts to read it"},
			Paths: []diff.PathChange{{
				Path: "data.upstream.conf",
				From: "upstream api {\n  server api:8080;\n}\n",
				To:   "upstream api {\n  server api:8080 max_fails=2;\n}\n",
			}},
			Steps: steps(core("ConfigMap", "front-config"), nil),
		},
		{
			ID: deployment("front"), Action: diff.Update, Impact: []string{"restarts 3 pods"},
			Warnings: []string{"spec.replicas is left to HorizontalPodAutoscaler/front (live 5, bundle 3)"},
			Paths: []diff.PathChange{
				{Path: "spec.template.spec.containers[nginx].image", From: "registry.example/front:1.4", To: "registry.example/front:1.5"},
				{Path: "spec.template.spec.containers[nginx].imagePullPolicy", From: "Always", To: nil},
				{Path: "metadata.annotations[team]", To: "yes: 1"},
				{Path: "metadata.finalizers[a/b]", To: "a/b"},
				{
					Path: "spec.template.spec.containers[side]",
					To:   map[string]any{"name": "side", "image": "side:1", "args": []any{"-v", "2"}},
				},
				{Path: "spec.paused", From: true, To: true, Ownership: true},
			},
			Conflicts: []diff.Conflict{{Path: "spec.minReadySeconds", Manager: "kubectl-edit", Ours: "5", Theirs: "9", Forced: true}},
			Steps:     steps(deployment("front"), nil),
		},
		{
			ID: core("Secret", "front-tls"), Action: diff.Update,
			Paths: []diff.PathChange{
				{Path: "data.tls.key", From: "c2VjcmV0LW9uZQ==", To: "c2VjcmV0LXR3bw=="},
				{Path: "data.new", To: "c2VjcmV0LXR3bw=="},
			},
			Steps: steps(core("Secret", "front-tls"), nil),
		},
		{
			ID: object.ID{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"}, Action: diff.Recreate,
			Reason: "spec.template is immutable",
			Steps:  steps(object.ID{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"}, nil),
		},
		{
			ID:     object.ID{Group: "networking.k8s.io", Kind: "Ingress", Namespace: "shop", Name: "old"},
			Action: diff.Delete, Reason: "removed from the bundle", Steps: []diff.Step{{Verb: diff.VerbDelete}},
		},
		{
			ID: core("PersistentVolumeClaim", "data-0"), Action: diff.Keep,
			Reason: "a claim's data is never deleted unasked",
		},
		{
			ID: core("Service", "metrics"), Action: diff.Create,
			Source: object.Source{File: "templates/metrics.yaml", Line: 1},
			Steps:  steps(core("Service", "metrics"), map[string]any{"spec": map[string]any{"clusterIP": "None"}}),
		},
		{
			ID: core("Secret", "fresh"), Action: diff.Create, Unchecked: "namespace shop is created by this plan",
			Steps: steps(core("Secret", "fresh"), map[string]any{"data": map[string]any{"password": "c2VjcmV0LW9uZQ=="}}),
		},
	}
	for i := range 12 {
		p.Changes = append(p.Changes, diff.Change{ID: core("ConfigMap", fmt.Sprint("same-", i)), Action: diff.Unchanged})
	}
	return p
}

func TestAPlanIsShownAsInTheManual(t *testing.T) {
	for name, o := range map[string]PlanOptions{
		"plan.txt":         {},
		"plan-full.txt":    {Full: true},
		"plan-color.txt":   {Color: true},
		"plan-cut.txt":     {MaxLines: 6},
		"plan-secrets.txt": {ShowSecrets: true},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, written(t, func(b *bytes.Buffer) error { return Plan(b, shopPlan(), o) }))
		})
	}
}

func TestAPlanAsDocument(t *testing.T) {
	for _, format := range []Format{JSON, YAML, Name} {
		t.Run(string(format), func(t *testing.T) {
			golden(t, "plan."+string(format), written(t, func(b *bytes.Buffer) error {
				return PlanTo(Sink{Writer: b, Format: format}, shopPlan(), PlanOptions{})
			}))
		})
	}
}

func TestSecretValuesAreInNoReport(t *testing.T) {
	p := shopPlan()
	for _, format := range []Format{Text, JSON, YAML, Name} {
		for _, full := range []bool{false, true} {
			got := string(written(t, func(b *bytes.Buffer) error {
				return PlanTo(Sink{Writer: b, Format: format}, p, PlanOptions{Full: full})
			}))
			for _, secret := range []string{"c2VjcmV0", "secret-one", "secret-two"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s, full %v: shows %s", format, full, secret)
				}
			}
		}
	}
	shown := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{ShowSecrets: true}) }))
	if !strings.Contains(shown, "c2VjcmV0LXR3bw==") {
		t.Error("--show-secrets shows nothing: the test above cannot fail")
	}
}

func TestChangesThatManyObjectsShareAreShownOnce(t *testing.T) {
	p := &diff.Plan{Op: diff.OpApply, Target: shop}
	label := diff.PathChange{Path: "metadata.labels[app.kubernetes.io/version]", From: "1.4", To: "1.5"}
	for i := range 57 {
		p.Changes = append(p.Changes, diff.Change{
			ID: core("ConfigMap", fmt.Sprintf("c-%02d", i)), Action: diff.Update, Paths: []diff.PathChange{label},
			Steps: steps(core("ConfigMap", "c"), nil),
		})
	}
	p.Changes[3].Paths = append(p.Changes[3].Paths, diff.PathChange{Path: "data.a", From: "1", To: "2"})
	p.Changes = append(p.Changes, diff.Change{
		ID: deployment("front"), Action: diff.Update, Paths: []diff.PathChange{label}, Impact: []string{"restarts 3 pods"},
	})
	golden(t, "plan-alike.txt", written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
	full := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{Full: true}) }))
	if n := strings.Count(full, "1.5"); n != 58 {
		t.Errorf("--full shows the change %d times, not 58", n)
	}
}

func TestADeletionIsShownInOneLine(t *testing.T) {
	p := &diff.Plan{Op: diff.OpDelete, Target: shop}
	for i := range 15 {
		p.Changes = append(p.Changes, diff.Change{ID: deployment(fmt.Sprintf("d-%02d", i)), Action: diff.Delete})
	}
	p.Changes = append(p.Changes, diff.Change{
		ID: core("PersistentVolumeClaim", "data-0"), Action: diff.Keep, Reason: "a claim's data is never deleted unasked",
	})
	golden(t, "plan-delete.txt", written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
	golden(t, "plan-delete-full.txt", written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{Full: true}) }))
}

func TestAFirstInstallationIntoANewNamespace(t *testing.T) {
	target := shop
	target.Revision = 0
	p := &diff.Plan{Op: diff.OpApply, Target: target}
	p.Changes = append(p.Changes, diff.Change{ID: object.ID{Kind: "Namespace", Name: "shop"}, Action: diff.Create, Shared: true})
	for _, name := range []string{"a", "b", "c", "d"} {
		p.Changes = append(p.Changes, diff.Change{
			ID: core("ConfigMap", name), Action: diff.Create, Unchecked: "namespace shop is created by this plan",
		})
	}
	golden(t, "plan-new.txt", written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
}

func TestNoChangesAreSaidInOneLine(t *testing.T) {
	p := &diff.Plan{Op: diff.OpApply, Target: shop, Changes: []diff.Change{
		{ID: deployment("a"), Action: diff.Unchanged}, {ID: deployment("b"), Action: diff.Unchanged},
	}}
	got := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
	if got != "no changes: 2 objects\n" {
		t.Errorf("got %q", got)
	}
}

func TestHugeValuesAreShownInFewLinesAndLittleTime(t *testing.T) {
	line := strings.Repeat("x", 20)
	var from, to, other strings.Builder
	for i := range 40000 {
		fmt.Fprintln(&from, line, i)
		fmt.Fprintln(&to, line, i+i%20000/19999)
		fmt.Fprintln(&other, i, line)
	}
	for name, change := range map[string]diff.PathChange{
		"a few lines":       {Path: "data.a", From: from.String(), To: to.String()},
		"everything":        {Path: "data.a", From: from.String(), To: other.String()},
		"one line, no ends": {Path: "data.a", From: strings.Repeat("a", 900<<10), To: strings.Repeat("a", 900<<10) + "b"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &diff.Plan{Target: shop, Changes: []diff.Change{
				{ID: core("ConfigMap", "big"), Action: diff.Update, Paths: []diff.PathChange{change}},
			}}
			got := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
			if n := strings.Count(got, "\n"); n > maxValueLines+10 {
				t.Errorf("%d lines", n)
			}
			if len(got) > 10000 {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

func TestAFieldAtTheTopIsNotReadAsOneOfThePathAbove(t *testing.T) {
	p := &diff.Plan{Target: shop, Changes: []diff.Change{{
		ID: core("ConfigMap", "c"), Action: diff.Update,
		Paths: []diff.PathChange{{Path: "data.x", From: "one", To: "two"}, {Path: "immutable", To: true}, {Path: "data.y", To: "three"}},
	}}}
	got := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
	if want := "    data\n  -   x: one\n  +   x: two\n  + immutable: true\n    data\n  +   y: three\n"; !strings.Contains(got, want) {
		t.Errorf("want\n%s\nin\n%s", want, got)
	}
}

func TestTextOfAClusterCannotActOnTheTerminal(t *testing.T) {
	evil := "\x1b[2Jgone\rover\u202ertl\x00"
	p := &diff.Plan{Target: shop, Changes: []diff.Change{{
		ID: core("ConfigMap", "c"), Action: diff.Update, Warnings: []string{evil}, Impact: []string{evil}, Reason: evil,
		Paths: []diff.PathChange{
			{Path: "data.a", From: evil, To: evil + "\n" + evil}, {Path: "data.b", From: evil, To: "x"},
			{Path: evil, From: "a", To: map[string]any{"k": evil}},
		},
	}}}
	got := string(written(t, func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) }))
	if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && harmful(r) }) {
		t.Errorf("%q", got)
	}
}

func TestScalarsAreWrittenAsYAMLReadsThemBack(t *testing.T) {
	for want, value := range map[string]any{
		"plain": "plain", `"1.4"`: "1.4", "1.4": 1.4, `"true"`: "true", "true": true, `"null"`: "null", "null": nil,
		`""`: "", `"a: b"`: "a: b", `" a"`: " a", "a b": "a b", `"it's"`: "it's", "5": int64(5), `"- a"`: "- a",
		"registry.example/front:1.5": "registry.example/front:1.5", `"a #b"`: "a #b", "{}": map[string]any{},
	} {
		if got := scalarText(value); got != want {
			t.Errorf("%#v is written %s, not %s", value, got, want)
		}
	}
}

func TestPathsAreSplitAtTheirLastElement(t *testing.T) {
	config, crd := core("ConfigMap", "c"), object.ID{Group: "x.y", Kind: "Z", Name: "z"}
	for _, c := range []struct {
		id           object.ID
		path         string
		parent, leaf string
	}{
		{config, "data.upstream.conf", "data", "upstream.conf"},
		{crd, "data.upstream.conf", "data.upstream", "conf"},
		{crd, "spec.containers[nginx].image", "spec.containers[nginx]", "image"},
		{crd, "metadata.labels[a.b/c]", "metadata.labels", "a.b/c"},
		{crd, "spec.x[a[b]]", "spec.x", "a[b]"},
		{crd, "type", "", "type"},
	} {
		parent, leaf := splitPath(c.id, c.path)
		if parent != c.parent || leaf != c.leaf {
			t.Errorf("%s: %q, %q", c.path, parent, leaf)
		}
	}
}

func FuzzDiffLines(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nx\nc\n")
	f.Add("a", "a\n")
	f.Add("", "\n")
	f.Fuzz(func(t *testing.T, from, to string) {
		var minus, plus int
		for _, l := range diffLines(from, to, 0) {
			switch l.sign {
			case "-":
				minus++
			case "+":
				plus++
			}
		}
		if from == to && (minus > 0 || plus > 0) && from != "" {
			t.Errorf("equal texts differ")
		}
		if from != to && minus+plus == 0 {
			t.Errorf("different texts do not")
		}
	})
}

func TestDocumentsCanBeReadBack(t *testing.T) {
	got := written(t, func(b *bytes.Buffer) error {
		return PlanTo(Sink{Writer: b, Format: JSON}, shopPlan(), PlanOptions{})
	})
	var d map[string]any
	if err := json.Unmarshal(got, &d); err != nil {
		t.Fatal(err)
	}
	if d["kind"] != "Plan" || d["apiVersion"] != "belay.sh/v1alpha1" {
		t.Errorf("kind %v, apiVersion %v", d["kind"], d["apiVersion"])
	}
}
