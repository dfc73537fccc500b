package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli/values"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
	belayvalues "github.com/belay-sh/belay/render/values"
)

func TestMain(m *testing.M) {
	// Helm talks to both; the tests print only what differs.
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

const kubeVersion = "v1.37.0"

// setting is what one rendering depends on besides the chart.
type setting struct {
	// files are values files: -f; flags are --set and its kin.
	files []string
	flags []flag
	// upgrade renders as for an upgrade.
	upgrade     bool
	kubeVersion string
	apis        []string
}

type flag struct {
	kind belayvalues.Kind
	text string
}

// rendering is what came out.
type rendering struct {
	objects, hooks []map[string]any
	notes          string
}

// helm renders with Helm.
func helm(dir string, s setting) (*rendering, error) {
	c, err := loader.Load(dir)
	if err != nil {
		return nil, err
	}
	if c.Metadata.Type == "library" {
		return nil, errors.New("library")
	}
	var reqs []string
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(sub *chartv2.Chart) bool { return sub.Name() == d.Name }) {
			reqs = append(reqs, d.Name)
		}
	}
	if len(reqs) > 0 {
		return nil, fmt.Errorf("missing: %v", reqs)
	}
	vals, err := helmValues(s)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(&action.Configuration{})
	install.ReleaseName, install.Namespace, install.IsUpgrade = "rel", "ns", s.upgrade
	install.DryRunStrategy, install.IncludeCRDs, install.Replace = action.DryRunClient, true, true
	install.APIVersions = s.apis
	if install.KubeVersion, err = common.ParseKubeVersion(s.version()); err != nil {
		return nil, err
	}
	out, err := install.RunWithContext(context.Background(), c, vals)
	if err != nil {
		return nil, err
	}
	rel, ok := out.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("a release of type %T", out)
	}
	r := &rendering{notes: rel.Info.Notes}
	objects, err := decode(rel.Manifest)
	if err != nil {
		return nil, err
	}
	r.objects = once(objects)
	for _, h := range rel.Hooks {
		one, err := decode(h.Manifest)
		if err != nil {
			return nil, err
		}
		r.hooks = append(r.hooks, one...)
	}
	return r, nil
}

func (s setting) version() string {
	if s.kubeVersion == "" {
		return kubeVersion
	}
	return s.kubeVersion
}

func helmValues(s setting) (map[string]any, error) {
	o := values.Options{ValueFiles: s.files}
	for _, f := range s.flags {
		switch f.kind {
		case belayvalues.Set:
			o.Values = append(o.Values, f.text)
		case belayvalues.SetString:
			o.StringValues = append(o.StringValues, f.text)
		case belayvalues.SetJSON:
			o.JSONValues = append(o.JSONValues, f.text)
		case belayvalues.SetFile:
			o.FileValues = append(o.FileValues, f.text)
		case belayvalues.SetLiteral:
			o.LiteralValues = append(o.LiteralValues, f.text)
		}
	}
	return o.MergeValues(nil)
}

var separator = regexp.MustCompile(`(?m)^---[ \t]*`)

// decode reads manifests as Helm hands them to Kubernetes, lists expanded.
func decode(text string) ([]map[string]any, error) {
	var all []map[string]any
	for _, document := range separator.Split(text, -1) {
		data, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return nil, err
		}
		var body map[string]any
		if err := json.Unmarshal(data, &body); err != nil {
			return nil, err
		}
		all = append(all, flat(body)...)
	}
	return all, nil
}

func flat(body map[string]any) []map[string]any {
	if body == nil {
		return nil
	}
	items, ok := body["items"].([]any)
	if kind, _ := body["kind"].(string); !ok || !strings.HasSuffix(kind, "List") {
		return []map[string]any{body}
	}
	var all []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			all = append(all, flat(m)...)
		}
	}
	return all
}

// belay renders with belay.
func belay(dir string, s setting) (*rendering, error) {
	b, err := bundle.Load(dir, nil)
	if err != nil {
		return nil, err
	}
	var layers []belayvalues.Layer
	for _, name := range s.files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, belayvalues.Layer{Kind: belayvalues.File, Name: name, Data: data})
	}
	for _, f := range s.flags {
		layer := belayvalues.Layer{Kind: f.kind, Name: f.text}
		if f.kind == belayvalues.SetFile {
			_, name, _ := strings.Cut(f.text, "=")
			if layer.Data, err = os.ReadFile(name); err != nil {
				return nil, err
			}
		}
		layers = append(layers, layer)
	}
	w, _, err := render.Render(b, render.Options{
		Release: render.Release{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: !s.upgrade},
		Layers:  layers, KubeVersion: s.version(), Now: time.Now(),
		Chart: render.ChartOptions{ExtraAPIs: s.apis},
	})
	if err != nil {
		return nil, err
	}
	return &rendering{objects: bodies(w.Objects), hooks: bodies(w.Hooks), notes: w.Notes}, nil
}

func bodies(objs []object.Object) []map[string]any {
	var all []map[string]any
	for _, o := range objs {
		all = append(all, o.Body.Object)
	}
	return all
}

// once drops definitions that two names of one subchart bring alike; Helm skips
// those that exist.
func once(objects []map[string]any) []map[string]any {
	var seen []map[string]any
	return slices.DeleteFunc(objects, func(o map[string]any) bool {
		if o["kind"] != "CustomResourceDefinition" {
			return false
		}
		if slices.ContainsFunc(seen, func(s map[string]any) bool { return reflect.DeepEqual(s, o) }) {
			return true
		}
		seen = append(seen, o)
		return false
	})
}

// differs renders a chart both ways and says how they differ; "" when they do
// not. Where Helm finds a mistake, belay must find one, too.
func differs(dir string, s setting) (rendered bool, difference string) {
	want, helmErr := helm(dir, s)
	got, err := belay(dir, s)
	switch {
	case helmErr != nil && err != nil:
		return false, ""
	case helmErr != nil:
		return false, "only Helm refuses it: " + helmErr.Error()
	case err != nil:
		return false, "only belay refuses it: " + err.Error()
	}
	d := compare(want, got)
	if d == "" {
		return true, ""
	}
	// What is random differs in Helm, too, and now and then Helm's answer depends on
	// the order in which Go walks a map: then any of its answers will do.
	for range 10 {
		again, err := helm(dir, s)
		if err != nil {
			return true, err.Error()
		}
		hide(want.objects, again.objects, got.objects)
		hide(want.hooks, again.hooks, got.hooks)
		if again.notes != want.notes {
			want.notes, got.notes = "", ""
		}
		if d = compare(want, got); d == "" {
			return true, ""
		}
		want = again
	}
	return true, d
}

// compare says how two renderings differ.
func compare(want, got *rendering) string {
	var b bytes.Buffer
	for _, part := range []struct {
		name      string
		want, got []map[string]any
	}{{"object", want.objects, got.objects}, {"hook", want.hooks, got.hooks}} {
		if len(part.want) != len(part.got) {
			fmt.Fprintf(&b, "%d %ss, Helm has %d\n", len(part.got), part.name, len(part.want))
		}
		for i := range min(len(part.want), len(part.got)) {
			if d := cmp.Diff(part.want[i], part.got[i]); d != "" {
				fmt.Fprintf(&b, "%s %d (-Helm +belay):\n%s\n", part.name, i, d)
				break
			}
		}
	}
	if d := cmp.Diff(want.notes, got.notes); d != "" {
		fmt.Fprintf(&b, "notes (-Helm +belay):\n%s\n", d)
	}
	return b.String()
}

// hide blanks the strings that differ between two renderings of Helm's.
func hide(want, again, got []map[string]any) {
	for i := range min(len(want), len(again), len(got)) {
		hideIn(want[i], again[i], got[i])
	}
}

func hideIn(want, again, got any) {
	switch w := want.(type) {
	case map[string]any:
		a, ok1 := again.(map[string]any)
		g, ok2 := got.(map[string]any)
		for key, v := range w {
			if !ok1 || !ok2 {
				return
			}
			if text, ok := v.(string); ok && a[key] != text {
				if _, isText := g[key].(string); isText {
					w[key], g[key] = "random", "random"
				}
				continue
			}
			hideIn(v, a[key], g[key])
		}
	case []any:
		a, ok1 := again.([]any)
		g, ok2 := got.([]any)
		for i, v := range w {
			if ok1 && ok2 && i < len(a) && i < len(g) {
				hideIn(v, a[i], g[i])
			}
		}
	}
}

// TestChartsOnDisk compares charts that are not part of the repository: every
// folder below $BELAY_CHARTS with a Chart.yaml that is not itself in a chart,
// alone and with every file of its ci folder.
func TestChartsOnDisk(t *testing.T) {
	root := os.Getenv("BELAY_CHARTS")
	if root == "" {
		t.Skip("BELAY_CHARTS names no folder")
	}
	equal, refused, all := 0, 0, 0
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if _, err := os.Stat(filepath.Join(path, "Chart.yaml")); err != nil {
			return nil
		}
		cases := []setting{{}}
		ci, _ := filepath.Glob(filepath.Join(path, "ci", "*.yaml"))
		for _, name := range ci {
			cases = append(cases, setting{files: []string{name}})
		}
		for _, s := range cases {
			all++
			if _, err := helm(path, s); err != nil {
				if _, d := differs(path, s); d != "" {
					t.Errorf("%s %v: %.600s", path, s.files, d)
				}
				t.Logf("refused by Helm: %s %v: %.200s", path, s.files, err)
				refused++
				continue
			}
			if _, d := differs(path, s); d != "" {
				t.Errorf("%s %v: %.3000s", path, s.files, d)
				continue
			}
			equal++
		}
		return filepath.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d renderings: %d equal, %d refused by Helm, %d differ", all, equal, refused, all-equal-refused)
}
