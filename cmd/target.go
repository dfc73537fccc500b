package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/bundle"
)

// environmentOf finds a bundle's environment; name "" is the zero one.
func environmentOf(b *bundle.Bundle, name string) (bundle.Environment, error) {
	if name == "" {
		return bundle.Environment{}, nil
	}
	if found, ok := b.Spec.Environments[name]; ok {
		return found, nil
	}
	f := inputError(fmt.Sprintf("bundle %s has no environment %q", b.Path, name))
	if known := slices.Sorted(maps.Keys(b.Spec.Environments)); len(known) > 0 {
		f.hint("environments: " + strings.Join(known, ", "))
	} else {
		f.hint("it has none; bundle.yaml declares them under environments:")
	}
	return bundle.Environment{}, f
}

// releaseNameOf decides what a release of the bundle is called: the flag -r,
// else the environment's say, else the bundle's name.
func releaseNameOf(flag string, environment bundle.Environment, b *bundle.Bundle) (string, error) {
	for _, name := range []string{flag, environment.Release, b.Spec.Name} {
		if name != "" {
			return name, checkReleaseName(name)
		}
	}
	return "", inputError(b.Path + " has no name of its own: say what the release is called").
		hint("-r NAME")
}

// checkReleaseName makes a bad name the user's mistake.
func checkReleaseName(name string) error { return asInput(release.CheckName(name)) }

// namespaceOf decides where a release lives: the flag -n, else the
// environment's namespace, else the context's.
func namespaceOf(flag string, environment bundle.Environment, context string) (string, error) {
	for _, name := range []string{flag, environment.Namespace, context, "default"} {
		if name == "" {
			continue
		}
		if len(validation.IsDNS1123Label(name)) > 0 {
			return "", inputError(fmt.Sprintf("namespace %q: only lower case letters, digits and dashes, "+
				"beginning and ending with a letter or digit", name))
		}
		return name, nil
	}
	return "", errors.New("no namespace") // "default" above is never empty
}

// checkCluster refuses any cluster but the environment's own. Only the last check
// asks the cluster.
func checkCluster(ctx context.Context, environment string, want bundle.Cluster, conn *connection) error {
	if want.Server != "" && !sameServer(want.Server, conn.Server) {
		return wrongServer(environment, want, conn)
	}
	if want.Context != "" && want.Context != conn.Context {
		f := refusedError(fmt.Sprintf("environment %s is context %s; this is context %s (%s)",
			environment, want.Context, conn.Context, conn.Server))
		if _, known := conn.Contexts[want.Context]; known {
			return f.hint("--context " + report.Quote(want.Context))
		}
		return f.hint("the kubeconfig has no context of that name")
	}
	if want.UID == "" {
		return nil
	}
	kind := object.Kind{GroupVersionKind: object.NamespaceKind.WithVersion("v1"), Resource: "namespaces"}
	system, err := conn.Client.Get(ctx, kind, "", "kube-system")
	switch {
	case apierrors.IsForbidden(err):
		return refusedError(fmt.Sprintf("environment %s is the cluster with uid %s, and you may not read the namespace kube-system, which would tell",
			environment, want.UID)).hint("let the environment name its cluster by server: instead")
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("finding out which cluster this is: %w", err)
	case err != nil || string(system.GetUID()) != want.UID:
		is := "another one"
		if err == nil {
			is = string(system.GetUID())
		}
		return refusedError(fmt.Sprintf("environment %s is the cluster with uid %s; context %s (%s) is %s",
			environment, want.UID, conn.Context, conn.Server, is)).hint("another context: --context NAME")
	}
	return nil
}

func wrongServer(environment string, want bundle.Cluster, conn *connection) error {
	f := refusedError(fmt.Sprintf("environment %s is %s; context %s is %s",
		environment, want.Server, conn.Context, conn.Server))
	var fitting []string
	for _, name := range slices.Sorted(maps.Keys(conn.Contexts)) {
		if sameServer(want.Server, conn.Contexts[name].Server) {
			fitting = append(fitting, name)
		}
	}
	if len(fitting) == 0 {
		return f.hint("no context of the kubeconfig has that server")
	}
	return f.hint(fmt.Sprintf("contexts with that server: %s (--context %s)",
		strings.Join(fitting, ", "), report.Quote(fitting[0])))
}

// sameServer compares API servers' URLs; a port left out is the scheme's own.
func sameServer(a, b string) bool {
	return serverKey(a) == serverKey(b)
}

func serverKey(server string) string {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port + strings.TrimRight(u.Path, "/")
}
