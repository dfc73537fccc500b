package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// List writes releases, by namespace and name. namespace is where was looked;
// empty means in all.
func List(s Sink, found []release.Summary, namespace string, now time.Time) error {
	found = slices.SortedFunc(slices.Values(found), func(a, b release.Summary) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	switch s.Format {
	case JSON, YAML:
		return WriteDocument(s.Writer, s.Format, listDocument(found))
	case Name:
		for _, r := range found {
			name := r.Name
			if namespace == "" {
				name = r.Namespace + "/" + r.Name
			}
			if _, err := fmt.Fprintln(s.Writer, name); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) == 0 {
		return nil // NoReleases says it, elsewhere
	}
	rows := [][]string{{"NAMESPACE", "RELEASE", "REVISION", "STATUS", "WHEN", "BUNDLE", "ENVIRONMENT"}}
	for _, r := range found {
		rows = append(rows, []string{
			r.Namespace, r.Name, itoa(r.Revision), string(r.Status), ago(now, r.When),
			orDash(bundleWords(r.Bundle, r.Version)), orDash(Clean(r.Environment)),
		})
	}
	return table(s.Writer, rows)
}

// NoReleases says, beside an empty list, that nothing was found. namespace is
// where was looked; empty means in all.
func NoReleases(w io.Writer, namespace string) {
	where := "in namespace " + namespace
	if namespace == "" {
		where = "in any namespace"
	}
	_, _ = fmt.Fprintf(w, "no releases %s\n", where) // there is nowhere to complain
}

func ago(now, then time.Time) string {
	if then.IsZero() {
		return "–"
	}
	return Age(now, then) + " ago"
}

func bundleWords(name, version string) string {
	return Clean(strings.TrimSpace(name + " " + version))
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func listDocument(found []release.Summary) any {
	type item struct {
		Namespace   string         `json:"namespace"`
		Name        string         `json:"name"`
		Revision    int            `json:"revision"`
		Status      release.Status `json:"status"`
		When        time.Time      `json:"when"`
		Bundle      string         `json:"bundle,omitempty"`
		Version     string         `json:"version,omitempty"`
		Environment string         `json:"environment,omitempty"`
	}
	items := make([]item, len(found))
	for i, r := range found {
		items[i] = item{r.Namespace, r.Name, r.Revision, r.Status, r.When, r.Bundle, r.Version, r.Environment}
	}
	return struct {
		header
		Items []item `json:"items"`
	}{headerOf("List"), items}
}

// History writes a release's revisions, oldest first.
func History(s Sink, name, namespace string, state *release.State, now time.Time) error {
	if s.Format != Text {
		items := make([]revisionItem, len(state.Revisions))
		for i, r := range state.Revisions {
			items[i] = itemOf(r)
		}
		return WriteDocument(s.Writer, s.Format, struct {
			header
			Namespace string         `json:"namespace"`
			Release   string         `json:"release"`
			Items     []revisionItem `json:"items"`
		}{headerOf("History"), namespace, name, items})
	}
	rows := [][]string{{"REVISION", "STATUS", "WHEN", "BY", "BUNDLE", "CHANGES", "TOOK", "NOTE"}}
	jobs := slices.ContainsFunc(state.Revisions, func(r release.Revision) bool { return r.Job != "" })
	if jobs {
		rows[0] = append(rows[0], "CI JOB")
	}
	for _, r := range state.Revisions {
		took := "–"
		if r.Took > 0 {
			took = Duration(r.Took)
		}
		rows = append(rows, []string{
			itoa(r.Number), string(r.Status), ago(now, r.When), orDash(Clean(r.By)),
			orDash(bundleWords(r.Origin.Bundle, r.Origin.Version)), orDash(countsWords(r.Counts)), took, noteWords(r),
		})
		if last := &rows[len(rows)-1]; jobs {
			*last = append(*last, orDash(Clean(r.Job)))
		}
	}
	return table(s.Writer, rows)
}

// countsWords writes counts with the plan's signs: +1 ~2 ±1 -1.
func countsWords(c release.Counts) string {
	var parts []string
	for _, one := range []struct {
		sign string
		n    int
	}{{"+", c.Create}, {"~", c.Update}, {"±", c.Recreate}, {"-", c.Delete}, {">", c.Run}} {
		if one.n > 0 {
			parts = append(parts, one.sign+itoa(one.n))
		}
	}
	return strings.Join(parts, " ")
}

func noteWords(r release.Revision) string {
	var parts []string
	if r.RollbackTo > 0 {
		parts = append(parts, fmt.Sprintf("rollback to %d", r.RollbackTo))
	}
	if r.Note != "" {
		parts = append(parts, Clean(r.Note))
	}
	if r.NotWaited {
		parts = append(parts, "not waited for")
	}
	text := strings.Join(parts, ", ")
	if r.Git != "" {
		text = strings.TrimSpace(text + " (" + shortCommit(r.Git) + ")")
	}
	return text
}

// shortCommit keeps seven digits of a commit, and a mark that follows it.
func shortCommit(commit string) string {
	commit = Clean(commit)
	mark := ""
	if strings.HasSuffix(commit, "+") {
		mark = "+"
	}
	commit = strings.TrimSuffix(commit, "+")
	return commit[:min(7, len(commit))] + mark
}

// Manifests writes objects: as YAML documents with the place each comes from,
// as one JSON list, or by name.
func Manifests(w io.Writer, format Format, objects []object.Object, namespace string) error {
	switch format {
	case JSON:
		list := make([]any, len(objects))
		for i, o := range objects {
			list[i] = o.Body.Object
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": list})
	case Name:
		for _, o := range objects {
			if _, err := fmt.Fprintln(w, o.ID().In(namespace)); err != nil {
				return err
			}
		}
		return nil
	default:
		return object.Encode(w, objects)
	}
}

// Values writes values as YAML or JSON.
func Values(s Sink, values map[string]any) error {
	if values == nil {
		values = map[string]any{}
	}
	if s.Format == YAML {
		return object.EncodeValue(s.Writer, spelled(values))
	}
	return WriteDocument(s.Writer, s.Format, values)
}

// spelled copies values so that YAML shows numbers as they were written: 1.10, 1e3.
func spelled(v any) any {
	switch v := v.(type) {
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = spelled(item)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = spelled(item)
		}
		return l
	}
	return v
}

// Notes writes a bundle's notes.
func Notes(w io.Writer, notes string) error {
	if notes == "" {
		return nil
	}
	_, err := io.WriteString(w, strings.Join(CleanLines(notes), "\n")+"\n")
	return err
}

// Created says what to do with a new bundle.
func Created(w io.Writer, dir string, flags Flags) error {
	_, err := fmt.Fprintf(w, `created %s
  look at it:   %s
  see changes:  %s
  deploy it:    %s
`, Quote(dir), flags.Command("render", dir), flags.Command("diff", dir), flags.Command("apply", dir))
	return err
}
