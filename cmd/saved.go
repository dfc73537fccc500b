package cmd

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/report"
)

// savedVersion is the version of the files that hold plans. Others are refused.
const savedVersion = "belay.sh/plan/v1"

// savedPlan is a plan in a file: what is wanted, what was found to be changed, and
// the user's say in it.
type savedPlan struct {
	Version    string       `json:"version"`
	Made       time.Time    `json:"made"`
	Plan       *diff.Plan   `json:"plan"`
	Options    diff.Options `json:"options"`
	RollbackTo int          `json:"rollbackTo,omitempty"`
	Git        string       `json:"git,omitempty"`
	Note       string       `json:"note,omitempty"`
}

// maxPlanFile bounds a plan when it is unpacked.
const maxPlanFile = 1 << 30

// savePlan writes the plan to a file that only the user can read: what is wanted
// is in it, Secrets too.
func (d *deployment) savePlan(file string) error {
	if len(d.plan.Refused) > 0 {
		return nil // it is nothing to carry out
	}
	slim := *d.plan
	slim.Changes = make([]diff.Change, len(d.plan.Changes))
	secrets := 0
	for i, c := range d.plan.Changes {
		c.Live, c.Merged = nil, nil // they are read again
		slim.Changes[i] = c
		if c.ID.GroupKind() == object.SecretKind && len(c.Steps) > 0 {
			secrets++
		}
	}
	saved := savedPlan{
		Version: savedVersion, Made: d.now(), Plan: &slim, Options: d.planOptions(),
		RollbackTo: d.rollbackTo, Note: d.o.Note,
	}
	saved.Options.ReadOnly = false // it is to be carried out
	if d.o.Op == diff.OpApply {
		saved.Git = gitCommit(d.o.Bundle)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(w).Encode(saved), w.Close()); err != nil {
		return fmt.Errorf("packing the plan: %w", err)
	}
	if err := writePrivate(file, packed.Bytes()); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	report.PlanSaved(d.stderr, file, secrets)
	return nil
}

// writePrivate writes a file that nobody else can read, whatever it was before.
func writePrivate(file string, data []byte) (err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
	}
	_, err = f.Write(data)
	return err
}

// readPlan reads a plan from a file.
func readPlan(file string) (*savedPlan, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, asInput(fmt.Errorf("reading the plan: %w", err))
	}
	not := inputError(file + " is not a plan of belay's").hint("belay diff BUNDLE -o plan=FILE makes one")
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, not
	}
	var saved savedPlan
	if err := json.NewDecoder(io.LimitReader(r, maxPlanFile)).Decode(&saved); err != nil || saved.Plan == nil || saved.Plan.Wanted == nil {
		return nil, not
	}
	if saved.Version != savedVersion {
		return nil, inputError(fmt.Sprintf("%s is a plan of version %q; this belay reads %s", file, saved.Version, savedVersion)).
			hint("make the plan again")
	}
	return &saved, nil
}

// useSaved takes over what a saved plan says about the run.
func (o *deployOptions) useSaved(file string) error {
	saved, err := readPlan(file)
	if err != nil {
		return err
	}
	o.Saved = saved
	o.Op, o.Release = saved.Plan.Op, saved.Plan.Target.Release
	o.Env = saved.Plan.Target.Environment
	if o.Note == "" {
		o.Note = saved.Note
	}
	return nil
}

// checkSaved refuses to carry a saved plan out elsewhere than it was made for.
func (d *deployment) checkSaved() error {
	saved := d.o.Saved
	if flag := d.namespaceFlag(); saved != nil && flag != "" && flag != saved.Plan.Target.Namespace {
		return inputError(fmt.Sprintf("the plan was made for namespace %s; -n %s cannot change it", saved.Plan.Target.Namespace, flag)).
			hint("leave out -n, or make another plan with it")
	}
	if saved == nil || sameServer(saved.Plan.Target.Server, d.conn.Server) {
		return nil
	}
	return refusedError(fmt.Sprintf("the plan was made for %s; context %s is %s",
		saved.Plan.Target.Server, d.conn.Context, d.conn.Server)).
		hint("the context that it was made with: --context " + report.Quote(saved.Plan.Target.Context))
}

// refuseStale refuses a saved plan that would now do something else than it said.
func (d *deployment) refuseStale() {
	saved := d.o.Saved
	if saved == nil || len(d.plan.Refused) == 0 && d.plan.Same(saved.Plan) {
		return
	}
	stale := diff.StaleRefusal(saved.Plan, d.plan, saved.Made, d.now())
	if len(stale.IDs) == 0 && len(d.plan.Refused) > 0 {
		return // what refuses it is not what it does
	}
	// Ways out of a conflict are none of a plan that is made: that it moved is all.
	d.plan.Refused = slices.DeleteFunc(d.plan.Refused, func(r diff.Refusal) bool {
		return r.Code == diff.RefusedByRule && !slices.ContainsFunc(r.IDs, func(id object.ID) bool { return !slices.Contains(stale.IDs, id) })
	})
	d.plan.Refused = append(d.plan.Refused, stale)
}

// onlyPlan refuses flags that a saved plan has decided.
func onlyPlan(c *cobra.Command) error {
	var other []string
	for _, name := range []string{
		"release", "env", "values", "set", "set-string", "set-json", "set-file", "set-literal", "no-prune", "no-hooks", "run-hooks", "fresh", "adopt",
		"force-conflicts", "max-delete", "allow-empty", "replace-bundle", "change-environment",
	} {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			other = append(other, "--"+name)
		}
	}
	if len(other) == 0 {
		return nil
	}
	return inputError("--plan carries out a plan as it was made; " + strings.Join(other, ", ") + " cannot change it").
		hint("make another plan with them")
}
