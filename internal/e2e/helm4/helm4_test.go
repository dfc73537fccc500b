// Package helm4 takes over releases that Helm 4 installed. It is a module of its
// own, and has only tests.
package helm4

import (
	"os"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/belay-sh/belay/internal/e2e"
	"github.com/belay-sh/belay/internal/e2e/adoption"
)

func TestMain(m *testing.M) {
	os.Exit(e2e.Main(m)) // Helm goes by the name of this program: a name that no table knows
}

func TestAReleaseOfHelm4InConfigMapsIsTakenOver(t *testing.T) {
	adoption.Test(t, starter(true), "configmap")
}

func TestAReleaseOfHelm4IsTakenOver(t *testing.T) {
	adoption.Long(t)
	adoption.Test(t, starter(true), "secret")
}

func TestAReleaseThatHelm4AppliedClientSideIsTakenOver(t *testing.T) {
	adoption.Long(t)
	adoption.Test(t, starter(false), "secret")
}

func starter(serverSide bool) adoption.Start {
	return func(kubeconfig, namespace, driver string) (*adoption.Helm, error) {
		flags := genericclioptions.NewConfigFlags(true)
		flags.KubeConfig, flags.Namespace = &kubeconfig, &namespace
		c := action.NewConfiguration()
		if err := c.Init(flags, namespace, driver); err != nil {
			return nil, err
		}
		return &adoption.Helm{
			Install: func(release, path string, values map[string]any) error {
				chart, err := loader.Load(path)
				if err != nil {
					return err
				}
				install := action.NewInstall(c)
				install.ReleaseName, install.Namespace, install.ServerSideApply = release, namespace, serverSide
				install.WaitStrategy = kube.HookOnlyStrategy
				_, err = install.Run(chart, values)
				return err
			},
			Upgrade: func(release, path string, values map[string]any) error {
				chart, err := loader.Load(path)
				if err != nil {
					return err
				}
				upgrade := action.NewUpgrade(c)
				upgrade.Namespace, upgrade.ServerSideApply = namespace, "auto"
				upgrade.WaitStrategy = kube.HookOnlyStrategy
				_, err = upgrade.Run(release, chart, values)
				return err
			},
			Revisions: func(release string) (int, error) {
				all, err := action.NewHistory(c).Run(release)
				return len(all), err
			},
		}, nil
	}
}
