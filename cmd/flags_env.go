package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// oneRun are flags that are meant for one run: the environment must not set
// them for all.
var oneRun = []string{
	"force-conflicts", "adopt", "max-delete", "allow-empty", "replace-bundle", "change-environment",
	"regenerate", "delete-crds", "delete-namespace",
}

// flagsFromEnvironment sets the flags that the command line left alone from
// BELAY_* variables.
func flagsFromEnvironment(c *cobra.Command, lookup func(string) (string, bool)) error {
	var mistakes []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		name := "BELAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookup(name)
		switch {
		case !ok || value == "":
		case slices.Contains(oneRun, f.Name):
			mistakes = append(mistakes, name+" is set, but --"+f.Name+" is meant for one run: give it on the command line")
		case f.Changed:
		default:
			if err := setFromEnvironment(c.Flags(), f, value); err != nil {
				mistakes = append(mistakes, fmt.Sprintf("%s=%q: %v", name, value, err))
			}
		}
	})
	if len(mistakes) == 0 {
		return nil
	}
	f := inputError(mistakes[0])
	f.lines = mistakes[1:]
	return f
}

// setFromEnvironment sets one flag. Layers of values from the environment
// come before all of the command line.
func setFromEnvironment(fs *pflag.FlagSet, f *pflag.Flag, value string) error {
	layer, ok := f.Value.(layerFlag)
	if !ok {
		return fs.Set(f.Name, value)
	}
	var own layerFlags
	if err := (layerFlag{kind: layer.kind, all: &own}).Set(value); err != nil {
		return err
	}
	layer.all.environment = append(layer.all.environment, own.given...)
	return nil
}
