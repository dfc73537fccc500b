package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/bundle"
)

type listOptions struct {
	all     bool
	formats outputFlag
}

func newListCmd(e *env) *cobra.Command {
	o := listOptions{formats: outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name}}}
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List releases",
		Example: `  belay list -n shop
  belay list -A`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, done := e.untilStopped(c.Context())
			defer done()
			return runList(ctx, e, &o)
		},
	}
	c.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "in all namespaces")
	c.Flags().VarP(&o.formats, "output", "o", "`FORMAT[=FILE]`: "+o.formats.names())
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func runList(ctx context.Context, e *env, o *listOptions) error {
	conn, namespace, err := e.connectIn()
	if err != nil {
		return err
	}
	where := namespace
	if o.all {
		where = ""
	}
	e.sayTarget(conn, diff.Target{Namespace: where})
	store := &release.Store{Cluster: conn.Client, Namespace: where, Now: e.now}
	found, err := store.List(ctx)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		report.NoReleases(e.stderr, where)
	}
	return e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.List(s, found, where, e.now())
	})
}

// connectIn connects, and decides the namespace for verbs without a bundle.
func (e *env) connectIn() (*connection, string, error) {
	if err := e.checkColor(); err != nil {
		return nil, "", err
	}
	conn, err := e.connect()
	if err != nil {
		return nil, "", err
	}
	namespace, err := namespaceOf(e.namespaceFlag(), bundle.Environment{}, conn.Namespace)
	return conn, namespace, err
}

// sayTarget writes what is about to be read, or touched, to stderr.
func (e *env) sayTarget(conn *connection, t diff.Target) {
	if e.targetSaid { // status --watch looks again and again
		return
	}
	e.targetSaid = true
	t.Context, t.Server = conn.Context, conn.Server
	report.Target(e.stderr, t, e.colorFor(e.stderrTerminal))
}

// openRelease loads all that a release remembers; one that never was is the
// user's mistake.
func (e *env) openRelease(ctx context.Context, name string) (*openedRelease, error) {
	return e.loadRelease(ctx, name, (*release.Store).Load)
}

// openRevisions is openRelease without the inventory, in one request.
func (e *env) openRevisions(ctx context.Context, name string) (*openedRelease, error) {
	return e.loadRelease(ctx, name, (*release.Store).LoadHead)
}

func (e *env) loadRelease(ctx context.Context, name string, load func(*release.Store, context.Context, string) (*release.State, error)) (*openedRelease, error) {
	if err := checkReleaseName(name); err != nil {
		return nil, err
	}
	conn, namespace, err := e.connectIn()
	if err != nil {
		return nil, err
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	state, err := load(store, ctx, name)
	if err != nil {
		return nil, err
	}
	if len(state.Revisions) == 0 {
		return nil, e.missingRelease(ctx, store, name)
	}
	current := state.Current()
	e.sayTarget(conn, diff.Target{
		Namespace: namespace, Release: name, Revision: current.Number, Environment: current.Origin.Environment,
	})
	return &openedRelease{conn: conn, store: store, state: state, name: name, namespace: namespace}, nil
}

// openedRelease is a release that verbs read.
type openedRelease struct {
	conn            *connection
	store           *release.Store
	state           *release.State
	name, namespace string
}

// missingRelease says which releases there are instead.
func (e *env) missingRelease(ctx context.Context, store *release.Store, name string) error {
	f := inputError(fmt.Sprintf("there is no release %s in namespace %s", name, store.Namespace))
	lists := e.hintFlags("").Command("list", "-A") + " lists all releases"
	found, err := store.List(ctx)
	if err != nil || len(found) == 0 {
		return f.hint(lists) // what is missing is clear without the list
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = r.Name
	}
	return f.hint("releases there: " + strings.Join(names, ", "))
}

// revision finds the revision that the user means; 0 is the current one.
func (r *openedRelease) revision(number int) (*release.Revision, error) {
	if number == 0 {
		return r.state.Current(), nil
	}
	return findRevision(r.state, r.name, number)
}

// findRevision finds a revision of a release by its number.
func findRevision(s *release.State, name string, number int) (*release.Revision, error) {
	if found := s.Find(number); found != nil {
		return found, nil
	}
	var kept []string
	for _, one := range s.Revisions {
		kept = append(kept, fmt.Sprint(one.Number))
	}
	return nil, inputError(fmt.Sprintf("release %s has no revision %d", name, number)).
		hint("it has: " + strings.Join(kept, ", "))
}
