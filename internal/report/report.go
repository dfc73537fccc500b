// Package report is the only package that formats what people and machines
// read: plans, progress, diagnoses, results, lists. It decides nothing and
// connects to nothing; cmd hands it what the stages returned.
//
// For people it writes lines; colour only adds to them. For machines it writes
// versioned documents (document.go). Text that comes from a cluster is cleaned
// of control characters before it is shown, and values of Secrets are masked
// unless the caller says otherwise.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/belay-sh/belay/diff"
)

// Format is how an answer is written.
type Format string

// The formats of -o.
const (
	Text Format = "text"
	JSON Format = "json"
	YAML Format = "yaml"
	Name Format = "name"
	// Events are JSON lines while a run goes, and its result as the last one.
	Events Format = "events"
	// Markdown is for comments on pull requests.
	Markdown Format = "markdown"
	// SavedPlan is a plan to be carried out later, in a file.
	SavedPlan Format = "plan"
)

// Flags are what commands in hints carry, so that they work when pasted.
type Flags struct {
	// Program is how people call us: "belay" or "kubectl belay".
	Program string
	// Namespace is always written; Context and Kubeconfig where the run was
	// given them.
	Namespace, Context, Kubeconfig string
}

// Command writes a command of ours: belay rollback shop -n shop --context prod.
func (f Flags) Command(args ...string) string {
	words := []string{f.Program}
	if f.Program == "" {
		words[0] = "belay"
	}
	for _, a := range args {
		words = append(words, Quote(a))
	}
	return strings.Join(f.add(words), " ")
}

// Kubectl writes a command of kubectl's: kubectl -n shop describe pod front-x.
func (f Flags) Kubectl(args ...string) string {
	words := f.add([]string{"kubectl"})
	for _, a := range args {
		words = append(words, Quote(a))
	}
	return strings.Join(words, " ")
}

// Cluster is what makes a command reach the same cluster: --context prod. It may be
// empty.
func (f Flags) Cluster() string {
	f.Namespace = ""
	return strings.Join(f.add(nil), " ")
}

func (f Flags) add(words []string) []string {
	for _, flag := range []struct{ name, value string }{
		{"-n", f.Namespace}, {"--context", f.Context}, {"--kubeconfig", f.Kubeconfig},
	} {
		if flag.value != "" {
			words = append(words, flag.name, Quote(flag.value))
		}
	}
	return words
}

// Quote makes a word safe to paste into a shell.
func Quote(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Sink is where an answer goes, and in what form.
type Sink struct {
	Writer io.Writer
	Format Format
	Color  bool
	// Limit bounds Markdown, in bytes; 0 means the default.
	Limit int
}

// Target writes the line that says what a run is about to touch.
func Target(w io.Writer, t diff.Target, color bool) {
	_, _ = fmt.Fprintln(w, paint(color).in(bold, TargetLine(t))) // there is nowhere to complain
}

// TargetLine says what a run is about to touch. It is printed first, always.
func TargetLine(t diff.Target) string {
	var parts []string
	if t.Context != "" || t.Server != "" {
		parts = append(parts, "context "+Clean(t.Context)+" ("+Clean(t.Server)+")")
	}
	if t.Namespace == "" {
		parts = append(parts, "all namespaces")
	} else {
		parts = append(parts, "namespace "+t.Namespace)
	}
	if t.Release != "" {
		revision := ", new"
		if t.Revision > 0 {
			revision = ", revision " + itoa(t.Revision)
		}
		parts = append(parts, "release "+t.Release+revision)
	}
	if t.Environment != "" {
		parts = append(parts, "environment "+t.Environment)
	}
	return strings.Join(parts, " · ")
}
