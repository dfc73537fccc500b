package cmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// elsewhere maps words of Helm, kubectl and their like to ours.
var elsewhere = map[string]string{
	"install":   "apply BUNDLE",
	"upgrade":   "apply BUNDLE",
	"deploy":    "apply BUNDLE",
	"up":        "apply BUNDLE",
	"sync":      "apply BUNDLE",
	"template":  "render BUNDLE",
	"build":     "render BUNDLE",
	"kustomize": "render BUNDLE",
	"plan":      "diff BUNDLE",
	"preview":   "diff BUNDLE",
	"uninstall": "delete RELEASE",
	"destroy":   "delete RELEASE",
	"remove":    "delete RELEASE",
	"rm":        "delete RELEASE",
	"down":      "delete RELEASE",
	"undo":      "rollback RELEASE",
	"revisions": "history RELEASE",
	"show":      "get manifest RELEASE",
	"describe":  "status RELEASE",
	"init":      "create NAME",
	"new":       "create NAME",
}

// foreignFlags maps flags of Helm and kubectl to what is said about them.
var foreignFlags = map[string]string{
	"install":           "belay apply installs and upgrades alike",
	"wait":              "belay always waits, unless --no-wait",
	"atomic":            "--on-failure rollback goes back; or, after a failure: belay rollback RELEASE",
	"no-wait":           "a release is deleted when all is gone, and its records last; after a time-out the same command goes on",
	"create-namespace":  "belay creates the release's namespace when it is missing",
	"prune":             "belay always prunes, unless --no-prune",
	"server-side":       "belay always applies server-side",
	"filename":          "the bundle is an argument: belay apply FILE -r NAME",
	"version":           "belay version",
	"debug":             "-v says more",
	"force":             "--force-conflicts takes over fields of other managers",
	"all-namespaces":    "belay list -A",
	"revision":          "belay rollback RELEASE REVISION",
	"include-crds":      "definitions in crds/ are always included, unless --skip-crds",
	"is-upgrade":        "belay diff BUNDLE renders what the next apply would, for an installation or an upgrade",
	"name-template":     "-r NAME names the release",
	"generate-name":     "-r NAME names the release",
	"validate":          "belay diff BUNDLE asks the server about everything",
	"post-renderer":     "--overlay DIR applies a kustomization to what is rendered",
	"load-restrictor":   "files of a kustomization must be in its folder or a base",
	"enable-helm":       "make the chart the bundle, and the kustomization its overlay",
	"reuse-values":      "belay get values RELEASE > values.yaml, and -f values.yaml",
	"dependency-update": "helm dependency build CHART, before",
}

// unknownCommand is the error for a word that is no verb of ours.
func unknownCommand(c *cobra.Command, word string) error {
	f := inputError(fmt.Sprintf("%s has no %q", c.CommandPath(), word))
	if ours, ok := elsewhere[word]; ok && !c.HasParent() {
		return f.hint(c.CommandPath() + " " + ours)
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if near := nearest(word, names); near != "" {
		return f.hint(c.CommandPath() + " " + near)
	}
	if near := nearest(word, slices.Sorted(maps.Keys(elsewhere))); near != "" && !c.HasParent() {
		return f.hint(c.CommandPath() + " " + elsewhere[near])
	}
	return f.hint(c.CommandPath() + " --help lists the commands")
}

// flagError turns pflag's errors into the user's mistakes, with the nearest
// flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &missing):
		return inputError(fmt.Sprintf("--%s needs a value", missing.GetFlag().Name)).
			hint(flagUsage(missing.GetFlag()))
	case errors.As(err, &invalid):
		return inputError(fmt.Sprintf("--%s: %v", invalid.GetFlag().Name, plainValueError(invalid)))
	default:
		return inputError(err.Error())
	}
}

func unknownFlag(c *cobra.Command, unknown *pflag.NotExistError) error {
	if shorts := unknown.GetSpecifiedShortnames(); shorts != "" {
		return inputError(fmt.Sprintf("%s has no flag -%s", c.CommandPath(), unknown.GetSpecifiedName())).
			hint(c.CommandPath() + " --help")
	}
	name := unknown.GetSpecifiedName()
	f := inputError(fmt.Sprintf("%s has no flag --%s", c.CommandPath(), name))
	if said, ok := foreignFlags[name]; ok {
		return f.hint(strings.ReplaceAll(said, "belay ", c.Root().CommandPath()+" "))
	}
	var names []string
	c.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	if near := nearest(name, names); near != "" {
		return f.hint("--" + near)
	}
	return f.hint(c.CommandPath() + " --help")
}

// plainValueError drops the wrapping of strconv and pflag.
func plainValueError(err *pflag.InvalidValueError) string {
	cause := err.Unwrap()
	for errors.Unwrap(cause) != nil {
		cause = errors.Unwrap(cause)
	}
	if text := cause.Error(); strings.Contains(text, err.GetValue()) && err.GetValue() != "" {
		return text
	}
	return fmt.Sprintf("%q: %v", err.GetValue(), cause)
}

func flagUsage(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	return fmt.Sprintf("--%s %s: %s", f.Name, name, usage)
}

// nearest finds the name that word was probably meant to be, or "".
func nearest(word string, names []string) string {
	best, distance := "", 1+max(1, len(word)/3)
	for _, name := range names {
		if d := editDistance(word, name); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours between two words.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
