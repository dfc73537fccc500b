package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/helm"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

// What is completed here asks the cluster, once each and never for long. A cluster
// that does not answer, or not this user, knows nothing: a shell shows no errors.

// completeTime is how long a shell waits for names that the cluster knows.
const completeTime = 2 * time.Second

// releaseNames are the releases of a namespace, with how they are; -n goes before
// the given one, and the context's stands in for "".
func (e *env) releaseNames(ctx context.Context, namespace string) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	conn, its, err := e.connectIn()
	if err != nil {
		return nil
	}
	if namespace == "" || e.namespaceFlag() != "" {
		namespace = its
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	found, err := store.List(ctx)
	if err != nil {
		return nil
	}
	names := make([]cobra.Completion, len(found))
	for i, r := range found {
		names[i] = described(r.Name, r.Bundle, r.Version, string(r.Status))
	}
	return names
}

// revisionNumbers are the revisions of a release, newest first, each behind a prefix.
func (e *env) revisionNumbers(ctx context.Context, name, prefix string) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	conn, namespace, err := e.connectIn()
	if err != nil || checkReleaseName(name) != nil {
		return nil
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	state, err := store.LoadHead(ctx, name)
	if err != nil {
		return nil
	}
	var numbers []cobra.Completion
	for _, r := range slices.Backward(state.Revisions) {
		numbers = append(numbers, described(fmt.Sprint(prefix, r.Number),
			string(r.Status), report.Age(e.now(), r.When)+" ago,", r.Origin.Bundle, r.Origin.Version, r.Note))
	}
	return numbers
}

// helmNames are the releases that Helm has in the namespace, as adopt names them.
func (e *env) helmNames(ctx context.Context) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	conn, namespace, err := e.connectIn()
	if err != nil {
		return nil
	}
	found, err := helm.Names(ctx, conn.Client, namespace)
	if err != nil {
		return nil
	}
	for i, name := range found {
		found[i] = "helm/" + name
	}
	return found
}

// namespaceNames are the namespaces of the cluster.
func (e *env) namespaceNames(ctx context.Context) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	conn, err := e.connect()
	if err != nil {
		return nil
	}
	kind := object.Kind{GroupVersionKind: object.NamespaceKind.WithVersion("v1"), Resource: "namespaces"}
	found, err := conn.Client.ListMetadata(ctx, kind, "", "")
	if err != nil {
		return nil
	}
	names := make([]cobra.Completion, len(found))
	for i, u := range found {
		names[i] = u.GetName()
	}
	return names
}

// described is a completion with what there is to say of it, in one clean line.
func described(name string, about ...string) cobra.Completion {
	return cobra.CompletionWithDesc(name, report.Clean(strings.Join(strings.Fields(strings.Join(about, " ")), " ")))
}
