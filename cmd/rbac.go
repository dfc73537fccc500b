package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

func newRBACCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpApply, DiffOnly: true, MaxDelete: -1, Stateless: true, Concurrency: defaultConcurrency}
	var layers layerFlags
	purpose := string(diff.ForApply)
	c := &cobra.Command{
		Use:   "rbac BUNDLE",
		Short: "Print the smallest Role that suffices",
		Long: `Renders a bundle and prints the smallest Role of each namespace, and the
ClusterRole for what has none, that suffice to apply it: or to diff it, where the
server is not asked to validate, or to delete the release. What it finds of the
kinds it asks the cluster; it needs no rights there.`,
		Example: `  belay rbac shop -e prod | kubectl apply -f -
  belay rbac shop -e prod --for diff`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Bundle = args[0]
			known := []string{string(diff.ForDiff), string(diff.ForApply), string(diff.ForDelete)}
			if !slices.Contains(known, purpose) {
				return inputError(fmt.Sprintf("--for %q: it is diff, apply or delete", purpose))
			}
			var err error
			if o.Layers, err = layers.read(e.stdin); err != nil {
				return err
			}
			return printRoles(c.Context(), e, o, diff.Purpose(purpose))
		},
	}
	fs := c.Flags()
	addBundleFlags(fs, &o, &layers)
	fs.StringVar(&purpose, "for", purpose, "what the Role suffices for: diff, apply or delete")
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func printRoles(ctx context.Context, e *env, o deployOptions, purpose diff.Purpose) error {
	ctx, done := e.untilStopped(ctx)
	defer done()
	d, err := openDeployment(ctx, e, o)
	if err != nil {
		return err
	}
	d.printTarget()
	wanted, err := d.want(ctx, &release.State{})
	if err != nil {
		return err
	}
	placed, refused, err := diff.Place(ctx, d.conn.Client, wanted, d.target)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		return refusedPlan(&diff.Plan{Target: d.target, Refused: refused})
	}
	roles := diff.Roles(purpose, d.target, placed)
	return e.write(nil, report.Text, func(s report.Sink) error { return writeRoles(s.Writer, roles) })
}

func writeRoles(w io.Writer, roles []*unstructured.Unstructured) error {
	for _, role := range roles {
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
		if err := object.EncodeValue(w, role.Object); err != nil {
			return err
		}
	}
	return nil
}
