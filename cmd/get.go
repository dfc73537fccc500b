package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

type getOptions struct {
	release     string
	revision    int
	showSecrets bool
	formats     outputFlag
}

func newGetCmd(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "get",
		Short: "Print what a revision holds",
		Example: `  belay get manifest shop -n shop
  belay get values shop -n shop --revision 7
  belay get diagnosis shop -n shop --revision 8
  belay get plan shop -n shop --revision 8`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return inputError("belay get needs what to get: manifest, values, notes, hooks, diagnosis or plan").
				hint(c.CommandPath() + " manifest RELEASE")
		},
	}
	c.AddCommand(
		newGetPartCmd(e, "manifest", "The manifests that the revision wanted; Secrets masked", getManifest),
		newGetPartCmd(e, "values", "The values that it was rendered with; those in Secrets masked", getValues),
		newGetPartCmd(e, "notes", "The notes of its bundle", getNotes),
		newGetPartCmd(e, "hooks", "Its hooks and tests, and how they went", getHooks),
		newGetPartCmd(e, "diagnosis", "Why it failed", getDiagnosis),
		newGetPartCmd(e, "plan", "What it changed; Secrets masked", getPlan),
	)
	return c
}

// getter writes one part of a revision.
type getter func(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error

func newGetPartCmd(e *env, part, short string, get getter) *cobra.Command {
	var o getOptions
	c := &cobra.Command{
		Use:     part + " RELEASE",
		Short:   short,
		Example: "  belay get " + part + " shop -n shop --revision 7",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, done := e.untilStopped(c.Context())
			defer done()
			o.release = args[0]
			return runGet(ctx, e, get, &o)
		},
	}
	fs := c.Flags()
	fs.IntVar(&o.revision, "revision", 0, "the revision (default: the current one)")
	addPartFlags(fs, part, &o)
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func addPartFlags(fs *pflag.FlagSet, part string, o *getOptions) {
	switch part {
	case "manifest":
		o.formats.allowed = []report.Format{report.YAML, report.JSON, report.Name}
		fs.BoolVar(&o.showSecrets, "show-secrets", false, "show values of Secrets; only on a terminal")
	case "values":
		o.formats.allowed = []report.Format{report.YAML, report.JSON}
		fs.BoolVar(&o.showSecrets, "show-secrets", false, "show values that ended up in Secrets; only on a terminal")
	case "diagnosis", "hooks", "plan":
		o.formats.allowed = []report.Format{report.Text, report.JSON, report.YAML}
	default:
		o.formats.allowed = []report.Format{report.Text}
	}
	fs.VarP(&o.formats, "output", "o", "`FORMAT[=FILE]`: "+o.formats.names())
}

func runGet(ctx context.Context, e *env, get getter, o *getOptions) error {
	if o.revision < 0 {
		return inputError("--revision: it is a number from 1")
	}
	if err := e.checkShowSecrets(o.showSecrets); err != nil {
		return err
	}
	r, err := e.openRevisions(ctx, o.release)
	if err != nil {
		return err
	}
	rev, err := r.revision(o.revision)
	if err != nil {
		return err
	}
	return get(ctx, e, r, rev, o)
}

func getManifest(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	wanted, err := r.store.Content(ctx, r.name, rev)
	if err != nil {
		return err
	}
	objects := wanted.Objects
	if !o.showSecrets {
		var masker object.Masker
		for i := range objects {
			objects[i].Body = masker.Object(objects[i].Body)
		}
	}
	return e.write(o.formats.given, report.YAML, func(s report.Sink) error {
		return report.Manifests(s.Writer, s.Format, objects, r.namespace)
	})
}

func getValues(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	wanted, err := r.store.Content(ctx, r.name, rev)
	if err != nil {
		return err
	}
	shown := wanted.Values
	if !o.showSecrets {
		shown = report.SecretsOf(slices.Concat(wanted.Objects, wanted.Hooks)).HideValues(shown)
	}
	return e.write(o.formats.given, report.YAML, func(s report.Sink) error {
		return report.Values(s, shown)
	})
}

func getNotes(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	wanted, err := r.store.Content(ctx, r.name, rev)
	if err != nil {
		return err
	}
	notes := report.SecretsOf(slices.Concat(wanted.Objects, wanted.Hooks)).Hide(wanted.Notes)
	return e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.Notes(s.Writer, notes)
	})
}

func getDiagnosis(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	result, err := r.store.Outcome(ctx, r.name, rev)
	if err != nil {
		return err
	}
	if result, err = r.withoutSecrets(ctx, rev, result); err != nil {
		return err
	}
	return e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.Outcome(s, r.name, *rev, result, e.hintFlags(r.namespace))
	})
}

// getPlan shows what the revision's run was about to change. Records of older
// versions, and of other tools, hold no plan.
func getPlan(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	data, err := r.store.Plan(ctx, r.name, rev)
	if err != nil {
		return err
	}
	if data == nil {
		return inputError(fmt.Sprintf("no plan was recorded with revision %d", rev.Number)).
			hint("what it differs in: " + e.hintFlags(r.namespace).Command("diff", "-r", r.name, "--revision", fmt.Sprintf("%d..%d", max(1, rev.Number-1), rev.Number)))
	}
	var plan diff.Plan
	if err := utiljson.Unmarshal(data, &plan); err != nil {
		return fmt.Errorf("reading the plan of revision %d of release %q: it is damaged", rev.Number, r.name)
	}
	return e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.PlanTo(s, &plan, report.PlanOptions{Color: s.Color})
	})
}

// withoutSecrets hides values of the revision's Secrets in what was kept of its
// end: log lines may hold them.
func (r *openedRelease) withoutSecrets(ctx context.Context, rev *release.Revision, result *release.Result) (*release.Result, error) {
	if result == nil {
		return nil, nil
	}
	wanted, err := r.store.Content(ctx, r.name, rev)
	if err != nil {
		return nil, err
	}
	secrets := report.SecretsOf(slices.Concat(wanted.Objects, wanted.Hooks))
	clean := release.Result{
		Error: secrets.Hide(result.Error), Hooks: secrets.HideRuns(result.Hooks), Tests: secrets.HideRuns(result.Tests),
	}
	if result.Diagnosis != nil {
		d := secrets.HideDiagnosis(*result.Diagnosis)
		clean.Diagnosis = &d
	}
	return &clean, nil
}

func getHooks(ctx context.Context, e *env, r *openedRelease, rev *release.Revision, o *getOptions) error {
	wanted, err := r.store.Content(ctx, r.name, rev)
	if err != nil {
		return err
	}
	result, err := r.store.Outcome(ctx, r.name, rev)
	if err != nil {
		return err
	}
	if result, err = r.withoutSecrets(ctx, rev, result); err != nil {
		return err
	}
	return e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.Hooks(s, r.name, r.namespace, *rev, wanted.AllHooks(), result)
	})
}
