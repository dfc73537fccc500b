// Package helm3 takes over releases that Helm 3 installed. It is a module of its
// own, and has only tests.
package helm3

import (
	"os"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/belay-sh/belay/internal/e2e"
	"github.com/belay-sh/belay/internal/e2e/adoption"
)

func TestMain(m *testing.M) {
	kube.ManagedFieldsManager = "helm" // as the program helm
	os.Exit(e2e.Main(m))
}

func TestAReleaseOfHelm3IsTakenOver(t *testing.T) { adoption.Test(t, start, "secret") }

func TestAReleaseOfHelm3InConfigMapsIsTakenOver(t *testing.T) {
	adoption.Long(t)
	adoption.Test(t, start, "configmap")
}

func TestATakeoverThatIsKilledIsFinishedByTheSameCommand(t *testing.T) { adoption.Killed(t, start) }

func start(kubeconfig, namespace, driver string) (*adoption.Helm, error) {
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Namespace = &kubeconfig, &namespace
	var c action.Configuration
	if err := c.Init(flags, namespace, driver, func(string, ...any) {}); err != nil {
		return nil, err
	}
	return &adoption.Helm{
		Install: func(release, path string, values map[string]any) error {
			chart, err := loader.Load(path)
			if err != nil {
				return err
			}
			install := action.NewInstall(&c)
			install.ReleaseName, install.Namespace = release, namespace
			_, err = install.Run(chart, values)
			return err
		},
		Upgrade: func(release, path string, values map[string]any) error {
			chart, err := loader.Load(path)
			if err != nil {
				return err
			}
			upgrade := action.NewUpgrade(&c)
			upgrade.Namespace = namespace
			_, err = upgrade.Run(release, chart, values)
			return err
		},
		Revisions: func(release string) (int, error) {
			all, err := action.NewHistory(&c).Run(release)
			return len(all), err
		},
	}, nil
}
