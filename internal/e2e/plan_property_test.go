package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// TestRandomEditsAreShownAsTheyHappen edits objects of all built-in kinds at random
// and holds every apply to its plan: the next plan is empty, and what was shown is
// what changed.
func TestRandomEditsAreShownAsTheyHappen(t *testing.T) {
	t.Parallel()
	runs, cases := 2, 250
	if soaking() {
		runs, cases = 20, 500
	}
	for seed := range runs {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			z := newZoo(t, uint64(seed))
			for round := 0; z.cases < cases; round++ {
				if round > cases {
					t.Fatalf("only %d edits went through in %d rounds", z.cases, round)
				}
				z.round()
			}
			t.Logf("%d edits, %d refused", z.cases, z.refused)
		})
	}
}

// zooTest is a run of random edits.
type zooTest struct {
	*Env
	schemas *schemas
	now     []object.Object // as applied last
	after   Objects         // and as they were then
	cases   int
	refused int
}

// animal defines a kind with a list of every sort, a union and defaults.
const animal = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: animals.NS.example}, spec: {group: NS.example, scope: Namespaced,
  names: {kind: Animal, plural: animals}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {
    legs: {type: integer, default: 4}, size: {type: string}, port: {x-kubernetes-int-or-string: true}, free: {type: object, x-kubernetes-preserve-unknown-fields: true},
    names: {type: array, x-kubernetes-list-type: set, items: {type: string}},
    food: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, amount: {type: integer, default: 1}}}},
    ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: string, default: TCP}, note: {type: string}}}},
    tags: {type: object, additionalProperties: {type: string}},
    likes: {type: object, maxProperties: 1, properties: {sun: {type: object, properties: {hours: {type: integer}}}, rain: {type: object, properties: {often: {type: boolean, default: true}}}}}}}}}}}]}}`

func newZoo(t *testing.T, seed uint64) *zooTest {
	e := New(t)
	data, err := os.ReadFile(filepath.Join("testdata", "zoo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := object.Decode(bytes.ReplaceAll(data, []byte("NS"), []byte(e.NS)), "zoo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	if err := e.API.Create(crds, []byte(strings.ReplaceAll(animal, "NS", e.NS))); err != nil {
		t.Fatal(err)
	}
	e.Until("animals have a schema", func() (bool, error) {
		err := e.API.Do(http.MethodGet, "/openapi/v3/apis/"+e.NS+".example/v1", "", nil, nil)
		return err == nil, nil
	})
	z := &zooTest{Env: e, schemas: newSchemas(e.API, seed), now: objects}
	t.Cleanup(z.empty)
	z.apply(objects)
	z.after = z.live()
	return z
}

// empty deletes what is not in the test's namespace.
func (z *zooTest) empty() {
	paths := []string{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/animals." + z.NS + ".example"}
	for _, o := range z.now {
		if !z.namespaced(o.Body) {
			paths = append(paths, z.path(o.Body))
		}
	}
	for _, path := range paths {
		if err := z.API.Delete(path); err != nil {
			z.t.Logf("cleaning up: %v", err)
		}
	}
}

// namespaced says whether an object of the zoo lives in a namespace: names of the
// others begin with the test's own, or are those of definitions.
func (z *zooTest) namespaced(u *unstructured.Unstructured) bool {
	return !strings.Contains(u.GetName(), z.NS)
}

// path is that of an object of the zoo.
func (z *zooTest) path(u *unstructured.Unstructured) string {
	plural := strings.ToLower(u.GetKind()) + "s"
	switch {
	case strings.HasSuffix(plural, "ys"):
		plural = strings.TrimSuffix(plural, "ys") + "ies"
	case strings.HasSuffix(plural, "ss") && u.GetKind() != "Endpoints":
		plural = strings.TrimSuffix(plural, "s") + "es"
	case u.GetKind() == "Endpoints":
		plural = "endpoints"
	}
	path := "/apis/" + u.GetAPIVersion()
	if !strings.Contains(u.GetAPIVersion(), "/") {
		path = "/api/" + u.GetAPIVersion()
	}
	if z.namespaced(u) {
		path += "/namespaces/" + z.NS
	}
	return path + "/" + plural + "/" + u.GetName()
}

// live reads the objects of the zoo, in the versions that its manifests use.
func (z *zooTest) live() Objects {
	z.t.Helper()
	found := make([]*unstructured.Unstructured, len(z.now))
	var g errgroup.Group
	g.SetLimit(8)
	for i, o := range z.now {
		g.Go(func() (err error) {
			found[i], err = z.API.Get(z.path(o.Body))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		z.t.Fatal(err)
	}
	all := Objects{}
	for _, u := range found {
		all[object.IDOf(u)] = u
	}
	return all
}

func (z *zooTest) file(objects []object.Object) string {
	var docs []string
	for _, o := range objects {
		docs = append(docs, text(o.Body.Object))
	}
	return z.Write("zoo.yaml", strings.Join(docs, "\n---\n"))
}

func (z *zooTest) apply(objects []object.Object) {
	z.t.Helper()
	r := z.start(Run{Args: []string{"apply", z.file(objects), "-r", "zoo", "-n", z.NS, "--no-wait", "-q"}})
	if r.Exit != 0 {
		z.t.Fatalf("the plan was fine, the apply was not:\n%v", r)
	}
}

var kindAndName = regexp.MustCompile(`\b([A-Z]\w+)[-\w.]*/([-\w.]*\w)`)

// lineOf finds the line of a mistake in a document; objects have one line each,
// and one between them.
var lineOf = regexp.MustCompile(`"line": (\d+)`)

// round edits every object once or twice, takes back what the server refuses,
// and applies the rest.
func (z *zooTest) round() {
	z.t.Helper()
	wanted := make([]object.Object, len(z.now))
	edits := make([]string, len(z.now))
	for i, o := range z.now {
		wanted[i] = object.Object{Body: o.Body.DeepCopy()}
		for range 1 + z.schemas.dice.IntN(2) {
			what, err := z.schemas.edit(wanted[i].Body)
			if err != nil {
				z.t.Fatal(err)
			}
			edits[i] += what + "; "
		}
	}
	var plan *Result
	for range len(z.now) + 2 {
		plan = z.start(Run{Args: []string{"diff", z.file(wanted), "-r", "zoo", "-n", z.NS, "-o", "json"}})
		z.check(Run{Args: plan.Args}, plan)
		if plan.Exit == 0 || plan.Exit == 2 {
			break
		}
		back := 0
		for _, m := range kindAndName.FindAllStringSubmatch(plan.Stderr, -1) {
			for i := range wanted {
				if wanted[i].Body.GetKind() == m[1] && wanted[i].Body.GetName() == m[2] && edits[i] != "" {
					wanted[i], edits[i] = z.now[i], ""
					back++
				}
			}
		}
		var mistakes [][]string
		if strings.Contains(plan.Stdout, `"kind": "Error"`) { // a plan has lines, too
			mistakes = lineOf.FindAllStringSubmatch(plan.Stdout, -1)
		}
		for _, m := range mistakes {
			if line, err := strconv.Atoi(m[1]); err == nil && edits[(line-1)/2] != "" {
				wanted[(line-1)/2], edits[(line-1)/2] = z.now[(line-1)/2], ""
				back++
			}
		}
		if z.refused += back; back == 0 {
			z.t.Fatalf("refused, and nothing to take back:\n%v", plan)
		}
	}
	if plan.Exit != 2 {
		return
	}
	before := z.after
	z.apply(wanted)
	z.after = z.live()
	z.compare(plan, before, z.after, wanted, edits)
	again := z.start(Run{Args: []string{"diff", z.file(wanted), "-r", "zoo", "-n", z.NS, "--fresh"}})
	if again.Exit != 0 {
		z.t.Fatalf("the next plan is not empty, after %q:\n%v\n%v", edits, again, plan)
	}
	z.now = wanted
}

// compare holds the fields that a plan showed to what changed at the release's
// fields.
func (z *zooTest) compare(plan *Result, before, after Objects, wanted []object.Object, edits []string) {
	z.t.Helper()
	var doc struct {
		Changes []struct {
			object.ID
			Action string
			Fields []struct {
				Path      string
				From, To  any
				Masked    bool
				Ownership bool
			}
		}
	}
	if err := json.Unmarshal([]byte(plan.Stdout), &doc); err != nil {
		z.t.Fatal(err)
	}
	manager := "belay/" + z.NS + "/zoo"
	for _, c := range doc.Changes {
		if c.Action != "update" {
			continue
		}
		was, is := before[c.ID], after[c.ID]
		if was == nil || is == nil {
			z.t.Errorf("%s is shown, and not in the zoo", c.ID)
			continue
		}
		z.cases++
		shown := map[string]string{}
		for _, f := range c.Fields {
			if !f.Masked {
				shown[f.Path] = text([]any{f.From, f.To, f.Ownership})
			}
		}
		happened := differences(was, is, manager)
		for path, change := range shown {
			if strings.Contains(change, `"assigned by the server"`) && happened[path] != "" {
				happened[path] = change // a dry-run does not know which
			}
		}
		if text(shown) != text(happened) {
			// What nobody owned was claimed first, so that the apply could remove it.
			for _, o := range wanted {
				if o.Body.GetKind() != c.Kind || o.Body.GetName() != c.Name {
					continue
				}
				if claimed := fields.Claim(was, o.Body, manager); claimed != nil {
					happened = differences(claimed, is, manager)
				}
			}
		}
		if text(shown) != text(happened) {
			z.t.Errorf("%s: shown  %s\nhappened %s\nafter %q", c.ID, text(shown), text(happened), edits)
		}
	}
}

// differences are those of two states of an object, at what the release owns.
func differences(was, is *unstructured.Unstructured, manager string) map[string]string {
	found := map[string]string{}
	for _, d := range fields.Diff(applied(was, manager), applied(is, manager), was.Object, is.Object) {
		if !strings.Contains(d.Path, "belay.sh/") && !object.IsSecretPath(object.IDOf(is), d.Path) {
			found[d.Path] = text([]any{d.From, d.To, d.Ownership})
		}
	}
	return found
}

func applied(u *unstructured.Unstructured, manager string) fields.Set {
	e, _ := fields.Applied(u, manager)
	return e.Fields
}
