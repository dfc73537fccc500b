package helm4

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/belay-sh/belay/internal/e2e"
)

// hooked is a chart with hooks of all events.
const hooked = "internal/e2e/testdata/hooked"

// TestHooksRunAsHelmRunsThem deploys a chart with Helm and with belay, and compares
// in which order hooks are created and deleted.
func TestHooksRunAsHelmRunsThem(t *testing.T) {
	ours, theirs := e2e.New(t), e2e.New(t)
	if err := theirs.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+theirs.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct { // one after the other: each builds on those before
		name  string
		helm  func(c *action.Configuration, ns, path string) error
		belay []string
		exit  int
	}{
		{"install", install(nil), []string{"apply", hooked, "-r", "h"}, 0},
		{"upgrade", upgrade(map[string]any{"color": "red"}), []string{"apply", hooked, "-r", "h", "--set", "color=red"}, 0},
		{"failing upgrade", upgrade(map[string]any{"color": "green", "fail": "announce"}),
			[]string{"apply", hooked, "-r", "h", "--set", "color=green", "--set", "fail=announce"}, 6},
		{"rollback", rollback, []string{"rollback", "h", "1"}, 0},
		{"test", tests, []string{"test", "h"}, 0},
		{"second test", tests, []string{"test", "h"}, 0},
		{"delete", uninstall, []string{"delete", "h"}, 0},
	} {
		got := ours.Run(e2e.Run{Args: append(run.belay, "-n", ours.NS), Unchecked: true})
		if got.Exit != run.exit {
			t.Fatalf("%s: want exit %d, got\n%v", run.name, run.exit, got)
		}
		want, err := theirs.Record(func(kubeconfig string) error {
			c, err := configuration(kubeconfig, theirs.NS)
			if err != nil {
				return err
			}
			return run.helm(c, theirs.NS, theirs.Path(hooked))
		})
		if (err != nil) != (run.exit != 0) {
			t.Fatalf("%s: Helm says %v", run.name, err)
		}
		if d := cmp.Diff(e2e.HookWrites(want, "h-"), e2e.HookWrites(got.Requests, "h-")); d != "" {
			t.Errorf("%s: hooks are not run as Helm runs them (-Helm +belay):\n%s\nHelm:\n%v\nbelay:\n%v", run.name, d, want, got)
		}
	}
}

func configuration(kubeconfig, namespace string) (*action.Configuration, error) {
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Namespace = &kubeconfig, &namespace
	c := action.NewConfiguration()
	return c, c.Init(flags, namespace, "secret")
}

const patience = 3 * time.Minute

func install(values map[string]any) func(*action.Configuration, string, string) error {
	return func(c *action.Configuration, ns, path string) error {
		chart, err := loader.Load(path)
		if err != nil {
			return err
		}
		i := action.NewInstall(c)
		i.ReleaseName, i.Namespace, i.WaitStrategy, i.Timeout = "h", ns, kube.StatusWatcherStrategy, patience
		_, err = i.Run(chart, values)
		return err
	}
}

func upgrade(values map[string]any) func(*action.Configuration, string, string) error {
	return func(c *action.Configuration, ns, path string) error {
		chart, err := loader.Load(path)
		if err != nil {
			return err
		}
		u := action.NewUpgrade(c)
		u.Namespace, u.WaitStrategy, u.Timeout, u.ServerSideApply = ns, kube.StatusWatcherStrategy, patience, "auto"
		_, err = u.Run("h", chart, values)
		return err
	}
}

func rollback(c *action.Configuration, _, _ string) error {
	r := action.NewRollback(c)
	r.Version, r.WaitStrategy, r.Timeout, r.ServerSideApply = 1, kube.StatusWatcherStrategy, patience, "auto"
	return r.Run("h")
}

func tests(c *action.Configuration, ns, _ string) error {
	r := action.NewReleaseTesting(c)
	r.Namespace, r.Timeout = ns, patience
	_, shutdown, err := r.Run("h")
	if err == nil {
		err = shutdown()
	}
	return err
}

func uninstall(c *action.Configuration, _, _ string) error {
	u := action.NewUninstall(c)
	u.WaitStrategy, u.Timeout = kube.StatusWatcherStrategy, patience
	_, err := u.Run("h")
	return err
}
