package report

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
	"github.com/belay-sh/belay/render"
)

var flags = Flags{Program: "belay", Namespace: "shop"}

func revision(n int, status release.Status, ago time.Duration) release.Revision {
	return release.Revision{
		Number: n, Status: status, When: now.Add(-ago), Took: 21 * time.Second, By: "ci", Job: "https://ci.example/job/812",
		Git:    "3f2a91c77aa0b1c2d3e4f5061728394a5b6c7d8e",
		Origin: render.Origin{Bundle: "microservices", Version: "1.5.0", Environment: "prod"},
		Counts: release.Counts{Create: 1, Update: 2, Recreate: 1, Delete: 1}, WasDeployed: status == release.Deployed,
	}
}

func pullDiagnosis() rollout.Diagnosis {
	return rollout.Diagnosis{
		Causes: []rollout.Cause{
			{
				ID: front, Source: object.Source{File: "templates/front.yaml", Line: 14, Via: "--set front.image.tag"},
				State:    rollout.State{Phase: rollout.Failed, Reason: "ImagePullBackOff"},
				Headline: "1 of 3 updated, 2 old pods still serve",
				Because:  "Pod/front-7d9c4-x2x8p cannot pull registry.example/front:1.5",
				Detail:   []string{`"manifest unknown" (3 tries in 31s; 2 more pods likewise)`},
				See:      []string{"describe", "pod", "front-7d9c4-x2x8p"},
			},
			{
				ID: api, State: rollout.State{Phase: rollout.Failed, Reason: "CrashLoopBackOff"},
				Headline: "0 of 1 ready",
				Because:  "container api of Pod/api-5f7-abcde exited 1 four times, last 3s ago; its last lines:",
				Detail:   []string{"2026-11-21T20:14:02Z connecting to postgres:5432", "fatal: \x1b[31mpassword\x1b[0m authentication failed"},
				See:      []string{"logs", "api-5f7-abcde", "--previous"},
			},
		},
		Notes: []string{"ConfigMap/front-config is updated, and used by old pods"},
	}
}

// ends are the ways in which a run can end.
func ends() map[string]End {
	base := func(status release.Status, r *apply.Result) End {
		return End{
			Op: diff.OpApply, Target: shop, Revision: revision(8, status, 0), Plan: runPlan(), Result: r,
			Took: 31 * time.Second, Back: 7, Flags: flags, Now: now,
		}
	}
	success := base(release.Deployed, &apply.Result{Outcome: apply.Succeeded, Finished: []object.ID{config, front, migrate, old}})
	success.Notes = "Look at http://front/\n  and smile.\n"
	first := success
	first.Back, first.Notes, first.Revision.Number = 0, "", 1
	first.Revision.NotWaited = true
	failed := base(release.Failed, &apply.Result{
		Outcome: apply.Failed, Finished: []object.ID{config, migrate}, NotReady: []object.ID{front},
		NotStarted: []object.ID{old}, Diagnosis: pullDiagnosis(),
	})
	failed.Flags.Context, failed.Flags.Kubeconfig = "prod eu", "/tmp/k"
	wrote := base(release.Failed, &apply.Result{
		Outcome: apply.Failed, NotReady: []object.ID{front}, NotStarted: []object.ID{config, migrate, old, api},
		Errs: map[object.ID]error{front: fmt.Errorf("%s: %w", front, errors.New("admission webhook \"x\" denied the request:\nno"))},
	})
	wrote.Back = 0
	timedOut := base(release.Failed, &apply.Result{Outcome: apply.TimedOut, Finished: []object.ID{config}, NotReady: []object.ID{front}})
	stopped := base(release.Interrupted, &apply.Result{
		Outcome: apply.Interrupted, Finished: []object.ID{config}, NotReady: []object.ID{front},
		NotStarted: []object.ID{migrate, old}, InFlight: 2,
	})
	back := success
	back.Op, back.Notes, back.Revision.RollbackTo, back.Revision.Number = diff.OpRollback, "", 7, 9
	gone := success
	gone.Op, gone.Notes, gone.Back = diff.OpDelete, "", 0
	gone.Plan = &diff.Plan{Target: shop, Changes: []diff.Change{{
		ID: core("PersistentVolumeClaim", "data-0"), Action: diff.Keep, Reason: "a claim's data is never deleted unasked",
	}}}
	going := first
	going.Back, going.Plan = 7, runPlan()
	going.Plan.Changes[4].Action, going.Plan.Changes[4].Leftover = diff.Keep, true
	going.Result = &apply.Result{
		Outcome: apply.Succeeded, Finished: []object.ID{config, front, migrate, old}, Going: []object.ID{old, api},
		States: map[object.ID]rollout.State{
			old: {Phase: rollout.Deleting, Summary: "is being deleted; waits for example.com/hold"}, api: {Phase: rollout.Deleting, Summary: "is being deleted"},
		},
	}
	same := success
	same.NothingToChange, same.Revision, same.Notes = true, revision(8, release.Deployed, 12*time.Minute), ""
	sick := failed
	sick.NothingToChange, sick.Revision = true, revision(8, release.Deployed, 12*time.Minute)
	left := same
	left.Plan = &diff.Plan{Target: shop, Changes: []diff.Change{
		{ID: front, Action: diff.Unchanged}, {ID: old, Action: diff.Keep, Leftover: true, Reason: "--no-prune"}, {ID: config, Action: diff.Keep, Leftover: true, Reason: "--no-prune"},
	}}
	leftAfter := first
	leftAfter.Plan = left.Plan
	namespace := object.ID{Kind: "Namespace", Name: "shop"}
	goes := gone
	goes.Result = &apply.Result{
		Outcome: apply.TimedOut, NotReady: []object.ID{namespace},
		States: map[object.ID]rollout.State{namespace: {Phase: rollout.Deleting, Summary: "is being deleted"}},
	}
	hooked := gone
	hooked.Plan = &diff.Plan{Target: shop, Changes: []diff.Change{{ID: migrate, Action: diff.Run, Hook: &diff.Hook{}, Steps: steps(migrate, nil)}}}
	hooked.Result = &apply.Result{Outcome: apply.Failed, NotReady: []object.ID{migrate}}
	lost := base(release.Failed, &apply.Result{Outcome: apply.Lost, Finished: []object.ID{config}, NotStarted: []object.ID{old}})
	stale := base(release.Failed, &apply.Result{
		Outcome: apply.Stale, NotReady: []object.ID{front}, NotStarted: []object.ID{old},
		Errs: map[object.ID]error{front: &apply.StaleError{ID: front, Reason: "was changed since the plan was made"}},
	})
	return map[string]End{
		"success": success, "first": first, "failed": failed, "write-error": wrote, "timed-out": timedOut,
		"interrupted": stopped, "rollback": back, "delete": gone, "unchanged": same, "unchanged-sick": sick,
		"lost": lost, "stale": stale, "left": leftAfter, "unchanged-left": left, "namespace-goes": goes, "delete-hook": hooked, "going": going,
	}
}

func TestEveryEndSaysWhatWasDoneAndWhatToDo(t *testing.T) {
	for name, e := range ends() {
		t.Run(name, func(t *testing.T) {
			golden(t, "end-"+name+".txt", written(t, func(b *bytes.Buffer) error {
				WriteEnd(b, e, false)
				return nil
			}))
		})
	}
}

func TestARollbackThatFailsSaysWhy(t *testing.T) {
	refused := &diff.Plan{Target: shop, Refused: []diff.Refusal{{
		Code: diff.RefusedByRule, Message: "refused: immutable fields of 1 object would have to change; nothing was changed",
		Lines: []string{"Deployment.apps/front  spec.selector is immutable"}, Hints: []string{"say so on what is live"},
	}}}
	u := Undone{
		Target: shop, Failed: revision(8, release.Failed, 0), To: 7, Err: errors.New("refused"), Flags: flags,
	}
	u.Plan = &diff.Plan{Target: shop, Changes: []diff.Change{{ID: migrate, Action: diff.Run, Hook: &diff.Hook{}, Steps: steps(migrate, nil)}}}
	u.Result = &apply.Result{Outcome: apply.Failed, NotReady: []object.ID{migrate}, Diagnosis: rollout.Diagnosis{Causes: []rollout.Cause{{
		ID: migrate, Headline: "pre-rollback hook failed", Because: "container m exited 1", State: rollout.State{Phase: rollout.Failed},
	}}}}
	golden(t, "undone-hook.txt", written(t, func(b *bytes.Buffer) error {
		WriteUndone(b, u, false)
		return nil
	}))
	u.Plan, u.Result = refused, nil
	golden(t, "undone-refused.txt", written(t, func(b *bytes.Buffer) error {
		WriteUndone(b, u, false)
		return nil
	}))
}

func TestARunAsDocument(t *testing.T) {
	golden(t, "end.json", written(t, func(b *bytes.Buffer) error {
		return EndDocument(Sink{Writer: b, Format: JSON}, ends()["failed"])
	}))
}

func TestTheOutcomeOfARevisionIsTheBlockThatItsRunEndedWith(t *testing.T) {
	d := pullDiagnosis()
	for name, r := range map[string]*release.Result{
		"outcome.txt": {Diagnosis: &d}, "outcome-error.txt": {Error: "timed out"}, "outcome-none.txt": nil,
	} {
		golden(t, name, written(t, func(b *bytes.Buffer) error {
			return Outcome(Sink{Writer: b, Format: Text}, "shop", revision(8, release.Failed, time.Hour), r, flags)
		}))
	}
	golden(t, "outcome.json", written(t, func(b *bytes.Buffer) error {
		return Outcome(Sink{Writer: b, Format: JSON}, "shop", revision(8, release.Failed, time.Hour), &release.Result{Diagnosis: &d}, flags)
	}))
}

func TestRefusalsAndErrorsSayWhatToDo(t *testing.T) {
	p := &diff.Plan{Target: shop, Refused: []diff.Refusal{
		{
			Code: diff.RefusedByRule, Message: "2 conflicts",
			Lines: []string{
				"Deployment.apps/front  spec.replicas", "    bundle 3 · live 5, set by kubectl-edit 2h ago",
			},
			Hints: []string{"keep the live value    annotate it", "take it over, once      --force-conflicts=kubectl-edit"},
		},
		{Code: diff.RefusedPermission, Message: "system:serviceaccount:shop:ci lacks 1 right in namespace shop", Lines: []string{"patch  deployments.apps"}},
		{Code: diff.RefusedInput, Message: "Deployment.apps/front: spec.replicas: must be at least 0"},
	}}
	golden(t, "refused.txt", written(t, func(b *bytes.Buffer) error { return Refused(b, p, false) }))
	golden(t, "refused.json", written(t, func(b *bytes.Buffer) error { return RefusedDocument(b, JSON, 3, p) }))
	f := Failure{Code: 3, Message: "2 errors in bundle shop", Mistakes: []*object.Error{
		{
			File: "templates/front.yaml", Line: 14, Column: 36, Message: ".Values.front.imgae.tag: no such value",
			Excerpt: []string{"   13 |         - name: nginx", "      |            ^^^^^ front has: image"}, Hint: "say image",
		},
		{File: "templates/api.yaml", Line: 9, Message: `"replicas": mapping key already defined at line 7`},
	}}
	golden(t, "mistakes.txt", written(t, func(b *bytes.Buffer) error {
		Error(b, f, false)
		return nil
	}))
	golden(t, "mistakes.json", written(t, func(b *bytes.Buffer) error { return ErrorDocument(b, JSON, f) }))
}

func TestCommandsInHintsWorkWhenPasted(t *testing.T) {
	f := Flags{Program: "kubectl belay", Namespace: "shop", Context: "it's", Kubeconfig: "/a b"}
	if got, want := f.Command("rollback", "shop"), `kubectl belay rollback shop -n shop --context 'it'\''s' --kubeconfig '/a b'`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if got, want := flags.Kubectl("describe", "pod", "x"), "kubectl -n shop describe pod x"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestTheTargetIsNamedFirst(t *testing.T) {
	want := "context prod-eu (https://prod.example:6443) · namespace shop · release shop, revision 7 · environment prod"
	if got := TargetLine(shop); got != want {
		t.Errorf("%s", got)
	}
	fresh := diff.Target{Context: "c", Server: "s", Namespace: "n", Release: "r"}
	if got := TargetLine(fresh); got != "context c (s) · namespace n · release r, new" {
		t.Errorf("%s", got)
	}
}
