package overlay

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
)

// patch is an entry of a kustomization that patches something.
type patch struct {
	// at is where its text is: its own file, or the kustomization.
	at object.Source
	// entry is where the kustomization names it.
	entry object.Source
	// targets are what it patches by the identity that it claims; none where it
	// has a selector.
	targets  []target
	selector *selector
	// text and file are as the entry has them, one of them empty.
	text, file string
	// top says that it is in the kustomization itself, not in a base.
	top bool
}

// target is an object that a patch means.
type target struct {
	id      object.ID
	version string
	line    int
}

// selector is what a patch applies to; empty fields select everything.
type selector struct {
	group, version, kind, namespace, name string
	labels, annotations                   string
}

// readPatches lists the patches of all kustomizations.
func (b *builder) readPatches() ([]patch, error) {
	var all []patch
	var errs []error
	for _, f := range b.tree.Files {
		if f.Name != b.kustomization(path.Dir(f.Name)) {
			continue
		}
		shown := b.tree.Shown(f.Name)
		lines := map[string]int{}
		v, err := object.DecodeMap(object.Input{
			File: shown, Data: f.Data, Hide: true,
			Visit: func(path string, line int, _ any) { lines[path] = line },
		})
		if err != nil {
			return nil, err
		}
		b.note(v, shown, lines)
		errs = append(errs, unknownFields(v, shown, lines)...)
		for _, field := range []string{"patches", "patchesStrategicMerge", "patchesJson6902"} {
			list, _ := v[field].([]any)
			for i, item := range list {
				at := fmt.Sprintf("%s[%d]", field, i)
				p := b.readPatch(item, path.Dir(f.Name), object.Source{File: shown, Line: lines[at]}, lines[at+".patch"])
				p.top = f.Name == b.root
				all = append(all, p)
			}
		}
	}
	return all, errors.Join(errs...)
}

// unknownFields finds fields that no kustomization has.
func unknownFields(fields map[string]any, shown string, lines map[string]int) []error {
	var known []string
	t := reflect.TypeFor[types.Kustomization]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known = append(known, name)
	}
	known = append(known, "apiVersion", "kind")
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			continue
		}
		message := fmt.Sprintf("there is no field %q", name)
		if like := nearest.Name(name, known); like != "" {
			message += fmt.Sprintf("; the nearest is %q", like)
		}
		errs = append(errs, &object.Error{File: shown, Line: lines[name], Message: message})
	}
	return errs
}

// readPatch reads an entry: a mapping, or the name or text of a patch.
func (b *builder) readPatch(item any, dir string, entry object.Source, inline int) patch {
	p := patch{at: entry, entry: entry}
	text, _ := item.(string)
	file := text
	if m, ok := item.(map[string]any); ok {
		p.selector = readSelector(m["target"])
		file, _ = m["path"].(string)
		text, _ = m["patch"].(string)
		p.text, p.file = text, file
	}
	if data, ok := b.files[path.Join(dir, file)]; ok && file != "" {
		p.at = object.Source{File: b.tree.Shown(path.Join(dir, file))}
		text, inline = string(data), 0
	}
	objs, err := object.Decode([]byte(text), p.at.File)
	if err != nil {
		return p // a JSON patch, or one that kustomize will say what is wrong with
	}
	for _, o := range objs {
		t := target{id: o.ID(), version: o.Body.GroupVersionKind().Version, line: o.Source.Line}
		if inline > 0 {
			t.line += inline
		}
		if p.at.File == entry.File && inline == 0 {
			t.line = entry.Line
		}
		p.targets = append(p.targets, t)
	}
	return p
}

func readSelector(v any) *selector {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	text := func(key string) string {
		s, _ := m[key].(string)
		return s
	}
	return &selector{
		group: text("group"), version: text("version"), kind: text("kind"), namespace: text("namespace"), name: text("name"),
		labels: text("labelSelector"), annotations: text("annotationSelector"),
	}
}

// String writes what a selector looks for.
func (s *selector) String() string {
	var parts []string
	for _, f := range [][2]string{
		{"group", s.group}, {"version", s.version}, {"kind", s.kind}, {"name", s.name},
		{"namespace", s.namespace}, {"labels", s.labels}, {"annotations", s.annotations},
	} {
		if f[1] != "" {
			parts = append(parts, f[0]+" "+f[1])
		}
	}
	return strings.Join(parts, ", ")
}

// literal says whether the name is one object's, not a pattern.
func (s *selector) literal() bool {
	return s.name != "" && regexp.QuoteMeta(s.name) == strings.ReplaceAll(s.name, ".", `\.`)
}

// selects says whether an object is selected. Patterns that do not compile
// select everything here: kustomize says what is wrong with them.
func (s *selector) selects(id object.ID, o object.Object) bool {
	version := ""
	if o.Body != nil {
		version = o.Body.GroupVersionKind().Version
	}
	for _, f := range [][2]string{{s.group, id.Group}, {s.version, version}, {s.kind, id.Kind}, {s.name, id.Name}} {
		if f[0] != "" && f[1] != "" && !matches(f[0], f[1]) {
			return false
		}
	}
	if s.group != "" && id.Group == "" && !matches(s.group, "") {
		return false
	}
	if s.namespace != "" && id.Namespace != "" && !matches(s.namespace, id.Namespace) {
		return false
	}
	return o.Body == nil || agrees(s.labels, o.Body.GetLabels()) && agrees(s.annotations, o.Body.GetAnnotations())
}

func matches(pattern, text string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err != nil || re.MatchString(text)
}

func agrees(selector string, set map[string]string) bool {
	parsed, err := labels.Parse(selector)
	return err != nil || parsed.Matches(labels.Set(set))
}

// unmatched finds patches whose selectors found nothing, which kustomize passes
// over in silence. In an overlay, one that names an object is a mistake.
func (b *builder) unmatched(built []object.Object, strict bool) ([]Notice, error) {
	var notices []Notice
	var errs []error
	if b.renamed() {
		return nil, nil // names at the time of the patch are not known
	}
	for _, p := range b.patches {
		if !p.top || p.selector == nil || b.found(p.selector, built) {
			continue
		}
		message := fmt.Sprintf("the patch finds nothing: no object with %s%s", p.selector, b.nearest(object.ID{
			Group: p.selector.group, Kind: p.selector.kind, Namespace: p.selector.namespace, Name: p.selector.name,
		}))
		if strict && p.selector.literal() {
			errs = append(errs, &object.Error{File: p.entry.File, Line: p.entry.Line, Message: message})
			continue
		}
		notices = append(notices, Notice{Source: p.entry, Message: message})
	}
	return notices, errors.Join(errs...)
}

// renamed says whether a base may have renamed what it holds.
func (b *builder) renamed() bool {
	re := regexp.MustCompile(`(?m)^(namePrefix|nameSuffix|replacements|transformers|components)\s*:`)
	for _, f := range b.tree.Files {
		if f.Name != b.root && f.Name == b.kustomization(path.Dir(f.Name)) && re.Match(f.Data) {
			return true
		}
	}
	return false
}

func (b *builder) found(s *selector, built []object.Object) bool {
	for id, o := range b.sources.exact {
		if s.selects(id, o) {
			return true
		}
	}
	return slices.ContainsFunc(built, func(o object.Object) bool { return s.selects(o.ID(), o) })
}

// explain makes what kustomize says a mistake in a file of the user's.
func (b *builder) explain(err error) error {
	missing := regexp.MustCompile(`no matches for (?:Id|Current) ([^./\s]+)\.[^/\s]*/(\S+?)\.[^.\s;:]+(?:;|:|$|\s)`)
	m := missing.FindStringSubmatch(err.Error())
	if m == nil {
		if f := b.failed; f != nil && strings.Contains(err.Error(), "operation does not apply") {
			message, _ := plainly(err.Error())
			if f.id.Kind != "" {
				message = fmt.Sprintf("%s: the %s", f.id, message)
			}
			return &object.Error{File: f.at.File, Line: f.at.Line, Message: message}
		}
		return b.mistake(err)
	}
	if found := b.noTargets(m[1], m[2]); found != nil {
		return found
	}
	return b.mistake(err)
}

// noTargets names all patches that find nothing. kind and name are those of the
// one that kustomize met; nil is returned where no patch is for them.
func (b *builder) noTargets(kind, name string) error {
	var errs []error
	met, renamed := false, b.renamed()
	for _, p := range b.patches {
		for _, t := range p.targets {
			this := t.id.Kind == kind && t.id.Name == name
			anywhere := t.id
			anywhere.Namespace = ""
			if p.selector == nil && (this || p.top && !renamed && len(b.sources.named[anywhere]) == 0) {
				met = met || this
				errs = append(errs, b.noTarget(p, t))
			}
		}
	}
	if !met {
		return nil
	}
	_, err := b.unmatched(nil, len(b.base) > 0)
	return errors.Join(append(errs, err)...)
}

// noTarget says that the object a patch claims to be is not there.
func (b *builder) noTarget(p patch, t target) error {
	return &object.Error{
		File: p.at.File, Line: t.line,
		Message: fmt.Sprintf("the patch finds nothing: there is no %s%s", wanted(t), b.nearest(t.id)),
	}
}

func wanted(t target) string {
	version := t.version
	if t.id.Group != "" {
		version = t.id.Group + "/" + version
	}
	return fmt.Sprintf("%s (apiVersion %s)", t.id, version)
}

// nearest names the candidates that come closest, and how they differ.
func (b *builder) nearest(want object.ID) string {
	ids := b.sources.ids()
	var same, kinds []string
	for _, id := range ids {
		switch {
		case id.Name == want.Name && id.Kind == want.Kind && id.Namespace != want.Namespace:
			same = append(same, id.String()+" (another namespace)")
		case id.Name == want.Name && id.Kind == want.Kind:
			same = append(same, id.String()+" (another group or version)")
		case id.Name == want.Name && want.Name != "":
			same = append(same, id.String()+" (another kind)")
		case id.Kind == want.Kind:
			kinds = append(kinds, id.Name)
		}
	}
	if like := nearest.Name(want.Name, kinds); like != "" {
		near := want
		near.Name = like
		for _, id := range ids {
			if id.Kind == want.Kind && id.Name == like {
				near = id
			}
		}
		same = append([]string{near.String()}, same...)
	}
	switch {
	case len(same) > 0:
		return "; the nearest: " + strings.Join(same[:min(3, len(same))], ", ")
	case len(kinds) > 0:
		more := ""
		if len(kinds) > 3 {
			more = " …"
		}
		return fmt.Sprintf("; of kind %s there are %s%s", want.Kind, strings.Join(kinds[:min(3, len(kinds))], ", "), more)
	case len(ids) > 0 && want.Kind != "" && want.Name != "":
		return fmt.Sprintf("; there is nothing of kind %s%s", want.Kind, likeKind(want.Kind, ids))
	}
	return ""
}

// likeKind suggests a kind that is there.
func likeKind(kind string, ids []object.ID) string {
	var kinds []string
	for _, id := range ids {
		kinds = append(kinds, id.Kind)
	}
	slices.Sort(kinds)
	if like := nearest.Name(kind, slices.Compact(kinds)); like != "" {
		return "; the nearest kind is " + like
	}
	return ""
}
