package cmd

import (
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestKubectlsFlagsAreAllThere(t *testing.T) {
	kubectls := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	genericclioptions.NewConfigFlags(true).AddFlags(kubectls)
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	e := processEnv(streams)
	e.program = "belay"
	ours := newRootCmd(e, nil).PersistentFlags()
	kubectls.VisitAll(func(want *pflag.Flag) {
		if want.Name == "cache-dir" {
			return // $XDG_CACHE_HOME says where
		}
		got := ours.Lookup(want.Name)
		if got == nil || got.Shorthand != want.Shorthand || got.NoOptDefVal != want.NoOptDefVal {
			t.Errorf("kubectl has --%s (-%s), belay has %+v", want.Name, want.Shorthand, got)
		}
	})
}
