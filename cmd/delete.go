package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/report"
)

func newDeleteCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpDelete, MaxDelete: -1}
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown, report.Events, report.SavedPlan}}
	c := &cobra.Command{
		Use:   "delete RELEASE",
		Short: "Delete a release and its objects",
		Long: `Deletes everything that a release made, and its records. Claims, and what says
belay.sh/prune: never, are kept and named; definitions of kinds and namespaces stay,
unless --delete-crds or --delete-namespace asks for them: the plan says what else
would go. What depends on something goes before it, custom resources before their
operator, the records last. On a terminal it asks for the release's name.`,
		Example: `  belay delete shop -n shop
  belay delete shop -n shop --dry-run
  belay delete shop -n shop --yes
  belay delete shop -n shop --delete-namespace --dry-run   # what else lives there?`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return deployNamed(c, e, o, args[0], &formats)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	addRunFlags(fs, &o)
	addDeleteCRDsFlag(fs, &o)
	fs.BoolVar(&o.DeleteNamespace, "delete-namespace", false, "delete the release's namespace, too, and all that is in it, whoever made it")
	fs.BoolVar(&o.NoHooks, "no-hooks", false, "run no hooks")
	addShowFlags(fs, &o, &formats)
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission,
		exitUnhealthy, exitTimeout, exitLocked, exitInterrupted)
}

// nothingToDelete says that there is no release; one whose namespace an earlier run began
// to delete went with it.
func (d *deployment) nothingToDelete(ctx context.Context) error {
	none := d.noRelease()
	if !d.o.DeleteNamespace {
		return none
	}
	kind, err := d.conn.Client.Kind(ctx, object.NamespaceKind, "v1")
	if err != nil {
		return none
	}
	ns, err := d.conn.Client.Get(ctx, kind, "", d.target.Namespace)
	if err != nil || ns.GetDeletionTimestamp() == nil {
		return none
	}
	text := fmt.Sprintf("release %s is gone; namespace %s is being deleted, and is not gone yet", d.target.Release, d.target.Namespace)
	return (&failure{code: exitTimeout, message: text}).
		hint("wait: " + d.hintFlags("").Kubectl("wait", "--for=delete", "namespace/"+d.target.Namespace))
}
