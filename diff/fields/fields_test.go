package fields

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The recordings are of one Deployment, on a real server: as its first apply
// answered; some seconds later, rolled out; after kubectl had restarted, scaled
// and changed it; and what a forced dry-run of another manifest then answered.
const recorder = "belay/rec/rec"

func recording(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOwnStaysWhileOnlyOthersWrite(t *testing.T) {
	applied, later := recording(t, "applied"), recording(t, "later")
	want := Own(applied, recorder)
	if want == 0 {
		t.Fatal("the manager's entry was not found")
	}
	if got := Own(later, recorder); got != want {
		t.Error("Own changed although only the status and a controller's annotation did")
	}
	restarted := later.DeepCopy()
	set(t, restarted, "now", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
	if got := Own(restarted, recorder); got != want {
		t.Error("Own changed by a restart annotation, which is not ours")
	}
}

func TestOwnChangesWithWhatWeOwn(t *testing.T) {
	applied := recording(t, "applied")
	want := Own(applied, recorder)
	tests := map[string]func(t *testing.T, u *unstructured.Unstructured){
		"a scalar is changed":        func(t *testing.T, u *unstructured.Unstructured) { set(t, u, int64(3), "spec", "replicas") },
		"a label is removed":         func(_ *testing.T, u *unstructured.Unstructured) { u.SetLabels(nil) },
		"an atomic list is changed":  func(t *testing.T, u *unstructured.Unstructured) { container(t, u, 0)["args"] = []any{"-v"} },
		"a list item is removed":     func(t *testing.T, u *unstructured.Unstructured) { container(t, u, 0)["env"] = []any{} },
		"an item's field is changed": func(t *testing.T, u *unstructured.Unstructured) { container(t, u, 1)["image"] = "x" },
		"our entry is gone":          func(_ *testing.T, u *unstructured.Unstructured) { u.SetManagedFields(nil) },
		"our entry has fewer fields": func(_ *testing.T, u *unstructured.Unstructured) {
			delete(entry(u)["f:spec"].(map[string]any), "f:replicas")
		},
		"our entry is of a version": func(_ *testing.T, u *unstructured.Unstructured) { raw(u)["apiVersion"] = "apps/v2" },
		"a number becomes a string": func(t *testing.T, u *unstructured.Unstructured) { set(t, u, "2", "spec", "replicas") },
		"an owned map becomes absent": func(_ *testing.T, u *unstructured.Unstructured) {
			unstructured.RemoveNestedField(u.Object, "spec", "selector")
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			u := applied.DeepCopy()
			change(t, u)
			if Own(u, recorder) == want {
				t.Error("Own is the same")
			}
		})
	}
	if Own(applied, "somebody") != 0 {
		t.Error("Own of a manager without an entry is not 0")
	}
}

func TestOwnDoesNotDependOnHowNumbersAreDecoded(t *testing.T) {
	applied := recording(t, "applied")
	floats := applied.DeepCopy()
	data, err := json.Marshal(applied.Object)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &floats.Object); err != nil {
		t.Fatal(err)
	}
	if Own(applied, recorder) != Own(floats, recorder) {
		t.Error("2 and 2.0 hash differently")
	}
}

func TestDiffNamesWhatAnApplyChanges(t *testing.T) {
	live, answer := recording(t, "meddled"), recording(t, "answer")
	before, _ := Applied(live, recorder)
	after, _ := Applied(answer, recorder)
	got := Diff(before.Fields, after.Fields, live.Object, answer.Object)
	want := []Difference{
		{Path: "metadata.annotations.note", From: "a"},
		{Path: "metadata.labels[app.kubernetes.io/version]", From: "1.4", To: "1.5"},
		{Path: "spec.replicas", From: int64(5), To: int64(2)},
		{Path: "spec.template.spec.containers[nginx].args", From: []any{"-v", "--fast"}, To: []any{"-v", "--slow"}},
		{Path: "spec.template.spec.containers[nginx].env[D]", To: map[string]any{"name": "D", "value": "4"}},
		{Path: "spec.template.spec.containers[nginx].env[B].value", From: "22", To: "2"},
		{Path: "spec.template.spec.containers[nginx].env[A]", From: map[string]any{"name": "A", "value": "1"}},
		{Path: "spec.template.spec.containers[nginx].image", From: "foo:2", To: "registry.example/front:1.5"},
		{Path: "spec.template.spec.containers[nginx].ports[53/UDP]", From: map[string]any{"containerPort": int64(53), "protocol": "UDP"}},
		{Path: "spec.template.spec.containers[side].resources.limits.cpu", From: "250m", To: "250m", Ownership: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLossesAreWhatTheServerWouldCallConflicts(t *testing.T) {
	live, answer := recording(t, "meddled"), recording(t, "answer")
	type loss struct {
		Path, Manager string
		Same          bool
	}
	var got []loss
	for _, l := range Losses(live, answer, recorder) {
		got = append(got, loss{l.Path, l.Entry.Manager, l.Same})
	}
	want := []loss{
		{"spec.replicas", "kubectl", false},
		{"spec.template.spec.containers[nginx].env[B].value", "kubectl-set", false},
		{"spec.template.spec.containers[nginx].image", "kubectl-set", false},
		{"spec.template.spec.containers[side].resources.limits.cpu", "kubectl-set", true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLossesOfAnObjectWithoutManagedFieldsAreDifferentValues(t *testing.T) {
	live, answer := recording(t, "applied"), recording(t, "answer")
	live.SetManagedFields(nil)
	for _, l := range Losses(live, answer, recorder) {
		if l.Entry.Manager != BeforeFirstApply {
			t.Errorf("%s is lost by %q", l.Path, l.Entry.Manager)
		}
		if Equal(l.A, l.B) {
			t.Errorf("%s is lost although it is equal", l.Path)
		}
	}
	if len(Losses(live, answer, recorder)) == 0 {
		t.Error("nothing is lost")
	}
}

func TestPutReplacesWhatIsThere(t *testing.T) {
	body := map[string]any{"spec": map[string]any{"ports": []any{
		map[string]any{"containerPort": int64(80), "name": "http"},
	}}}
	keys := []string{"f:spec", "f:ports", `k:{"containerPort":80,"protocol":"TCP"}`, "f:name"}
	if !Put(body, keys, "web") {
		t.Fatal("the path was not found: a protocol left out is TCP")
	}
	want := map[string]any{"spec": map[string]any{"ports": []any{
		map[string]any{"containerPort": int64(80), "name": "web"},
	}}}
	if d := cmp.Diff(want, body); d != "" {
		t.Error(d)
	}
	for name, keys := range map[string][]string{
		"a field that is not there": {"f:spec", "f:replicas"},
		"an item that is not there": {"f:spec", "f:ports", `k:{"containerPort":81,"protocol":"TCP"}`, "f:name"},
		"no path":                   nil,
	} {
		if Put(body, keys, "x") {
			t.Errorf("%s was put", name)
		}
	}
}

func TestTwinsAreListItemsUnderAnotherKey(t *testing.T) {
	live := parse(t, `{"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP"}]},"metadata":{"managedFields":[
	  {"manager":"kubectl-patch","operation":"Update","fieldsV1":{"f:spec":{"f:ports":{"k:{\"port\":8080,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}}}}}]}}`)
	tests := map[string]struct {
		body string
		want string
	}{
		"another number of the same name": {`{"spec":{"ports":[{"name":"http","port":80}]}}`, "spec.ports[http].port"},
		"the same number":                 {`{"spec":{"ports":[{"name":"http","port":8080}]}}`, ""},
		"another name":                    {`{"spec":{"ports":[{"name":"web","port":80}]}}`, ""},
		"no such list":                    {`{"spec":{}}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, twin := range Twins(parse(t, test.body), live) {
				got += twin.Path
				if twin.Entry.Manager != "kubectl-patch" {
					t.Errorf("owned by %q", twin.Entry.Manager)
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSetsUniteAndSubtract(t *testing.T) {
	tests := map[string]struct{ a, b, union, minus string }{
		"disjoint":                     {`{"f:a":{}}`, `{"f:b":{}}`, `{"f:a":{},"f:b":{}}`, `{"f:a":{}}`},
		"equal":                        {`{"f:a":{"f:b":{}}}`, `{"f:a":{"f:b":{}}}`, `{"f:a":{"f:b":{}}}`, `{}`},
		"a part":                       {`{"f:a":{"f:b":{},"f:c":{}}}`, `{"f:a":{"f:b":{}}}`, `{"f:a":{"f:b":{},"f:c":{}}}`, `{"f:a":{"f:c":{}}}`},
		"a whole and its parts":        {`{"f:a":{}}`, `{"f:a":{"f:b":{}}}`, `{"f:a":{".":{},"f:b":{}}}`, `{"f:a":{}}`},
		"a node that is a member":      {`{"f:a":{".":{},"f:b":{}}}`, `{"f:a":{"f:b":{}}}`, `{"f:a":{".":{},"f:b":{}}}`, `{"f:a":{".":{}}}`},
		"a leaf that is a member here": {`{"f:a":{}}`, `{"f:a":{".":{},"f:b":{}}}`, `{"f:a":{".":{},"f:b":{}}}`, `{}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := setOf(t, test.a), setOf(t, test.b)
			if d := cmp.Diff(test.union, written(t, Union(a, b))); d != "" {
				t.Error("union:", d)
			}
			if d := cmp.Diff(test.minus, written(t, Minus(a, b))); d != "" {
				t.Error("minus:", d)
			}
		})
	}
}

func TestOfGuessesWithTheShapeOfWhatIsLive(t *testing.T) {
	live := recording(t, "applied")
	e, _ := Applied(live, recorder)
	manifest := live.DeepCopy()
	for _, field := range []string{"apiVersion", "kind", "status"} {
		delete(manifest.Object, field)
	}
	guess := Of(manifest.Object, e.Fields)
	if rest := Minus(e.Fields, guess); len(rest) > 0 {
		t.Errorf("not in the guess: %s", written(t, rest))
	}
}

func BenchmarkOwn(b *testing.B) {
	u := recording(b, "meddled")
	b.ReportAllocs()
	for b.Loop() {
		Own(u, recorder)
	}
}

func BenchmarkDiff(b *testing.B) {
	live, answer := recording(b, "meddled"), recording(b, "answer")
	before, _ := Applied(live, recorder)
	after, _ := Applied(answer, recorder)
	b.ReportAllocs()
	for b.Loop() {
		Diff(before.Fields, after.Fields, live.Object, answer.Object)
	}
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func setOf(t *testing.T, text string) Set {
	t.Helper()
	var s Set
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func written(t *testing.T, s Set) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func set(t *testing.T, u *unstructured.Unstructured, v any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(u.Object, v, path...); err != nil {
		t.Fatal(err)
	}
}

func container(t *testing.T, u *unstructured.Unstructured, i int) map[string]any {
	t.Helper()
	list, ok := at(at(at(at(u.Object, "f:spec"), "f:template"), "f:spec"), "f:containers").([]any)
	if !ok {
		t.Fatal("no containers")
	}
	return list[i].(map[string]any)
}

// raw returns our entry of managedFields, and entry its fields.
func raw(u *unstructured.Unstructured) map[string]any {
	return u.Object["metadata"].(map[string]any)["managedFields"].([]any)[0].(map[string]any)
}

func entry(u *unstructured.Unstructured) map[string]any { return raw(u)["fieldsV1"].(map[string]any) }
