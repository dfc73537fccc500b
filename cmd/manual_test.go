package cmd

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestTheManualNamesEveryCommandFlagAndExitCode(t *testing.T) {
	data, err := os.ReadFile("../docs/manual.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(string(data), func(r rune) bool {
		return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	names := func(word, of string) {
		if !slices.Contains(words, word) {
			t.Errorf("%s of %s is not in the manual", word, of)
		}
	}
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	e := processEnv(streams)
	e.program = "belay"
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" { // its flag is cobra's
			return
		}
		if c.HasParent() && c.Runnable() {
			names(c.Name(), "belay")
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { names("--"+f.Name, c.CommandPath()) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd(e, nil))
	for _, row := range exitMeanings {
		names(itoa(row.code), "the exit codes")
	}
	for _, name := range oneRun {
		if !strings.Contains(oneRunOf(string(data)), "`--"+name+"`") {
			t.Errorf("--%s, which is meant for one run, is not said to be", name)
		}
	}
}

// oneRunOf is what the manual says of flags that no variable may set.
func oneRunOf(manual string) string {
	_, after, _ := strings.Cut(manual, "meant for one run")
	list, _, _ := strings.Cut(after, "cannot be")
	return list
}
