package report

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
	"github.com/belay-sh/belay/render"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// withPassword are objects of a release whose Secret holds hunter22 twice, and
// a word that the Deployment says in clear.
func withPassword() []object.Object {
	return []object.Object{
		{Body: manifest(core("Secret", "db"), map[string]any{
			"data":       map[string]any{"password": base64Of("hunter22"), "url": base64Of("postgres://shop:hunter22@postgres/shop"), "user": base64Of("postgres")},
			"stringData": map[string]any{"pin": "9941"},
		})},
		{Body: manifest(front, map[string]any{"spec": map[string]any{"image": "docker.io/postgres:15"}})},
	}
}

func TestSecretValuesAreHiddenInWhatOthersWrote(t *testing.T) {
	var b bytes.Buffer
	plan := runPlan()
	plan.Wanted = &render.Wanted{Objects: withPassword()}
	e := End{
		Op: diff.OpApply, Target: shop, Plan: plan, Flags: flags, Notes: "the password is hunter22, pin 9941\n", Now: now,
		Result: &apply.Result{
			Outcome: apply.Failed, NotReady: []object.ID{front},
			Errs: map[object.ID]error{config: errors.New("denied: " + base64Of("hunter22"))},
			Diagnosis: rollout.Diagnosis{Causes: []rollout.Cause{{
				ID: front, Headline: "0 of 1", Because: "cannot pull docker.io/postgres:15",
				Detail: []string{`fatal: hunter22 is wrong for postgres`},
			}}},
		},
	}
	WriteEnd(&b, e, false)
	if err := EndDocument(Sink{Writer: &b, Format: JSON}, e); err != nil {
		t.Fatal(err)
	}
	e.Result.Outcome, e.Result.Errs = apply.Succeeded, nil
	WriteEnd(&b, e, false)
	progress := newProgress(&b, ProgressOptions{Plan: plan, Began: now})
	progress.Event(apply.Event{At: now, ID: front, Kind: apply.Broke, Err: errors.New("hunter22")})
	progress.Stop()
	for _, secret := range []string{"hunter22", base64Of("hunter22"), "9941"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("shows %s:\n%s", secret, b.String())
		}
	}
	if !strings.Contains(b.String(), "fatal: ‹hidden› is wrong for postgres") || !strings.Contains(b.String(), "docker.io/postgres:15") {
		t.Errorf("hides what is said in clear elsewhere:\n%s", b.String())
	}
}

func TestValuesThatEndedUpInSecretsAreMasked(t *testing.T) {
	got := SecretsOf(withPassword()).HideValues(map[string]any{
		"db":    map[string]any{"password": "hunter22", "pin": int64(9941), "user": "postgres", "replicas": int64(3), "tls": true},
		"list":  []any{"hunter22", "other"},
		"short": "22",
	})
	want := map[string]any{
		"db":    map[string]any{"password": "x", "pin": "x", "user": "postgres", "replicas": int64(3), "tls": true},
		"list":  []any{"x", "other"},
		"short": "22",
	}
	masked := cmp.Transformer("masked", func(s string) string {
		if strings.HasPrefix(s, "‹hidden #") {
			return "x"
		}
		return s
	})
	if d := cmp.Diff(want, got, masked); d != "" {
		t.Error(d)
	}
}

func TestObjectsThatRepeatASecretAreMaskedInPlans(t *testing.T) {
	const strongOne, word = "h0nest-sentinel", "postgres"
	secret := unstructuredOf(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"},
		"stringData": map[string]any{"p": strongOne, "user": word}})
	config := object.ID{Kind: "ConfigMap", Name: "c"}
	p := &diff.Plan{
		Wanted: &render.Wanted{Objects: []object.Object{{Body: secret}}},
		Changes: []diff.Change{{ID: config, Action: diff.Update, Paths: []diff.PathChange{
			{Path: "data.url", From: "db://x", To: "db://" + word + ":" + strongOne + "@h"},
		}}},
		Refused: []diff.Refusal{{Code: 4, Message: "refused: 1 conflict; nothing was changed", Lines: []string{"bundle " + strongOne + " · live x"}}},
	}
	var b strings.Builder
	if err := Plan(&b, p, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := Refused(&b, p, false); err != nil {
		t.Fatal(err)
	}
	for _, format := range []Format{JSON, Markdown} {
		if err := PlanTo(Sink{Writer: &b, Format: format}, p, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	got := b.String()
	if strings.Contains(got, strongOne) || !strings.Contains(got, "db://"+word+":‹hidden #1›@h") || !strings.Contains(got, "bundle ‹hidden› · live x") {
		t.Errorf("got\n%s", got)
	}
	if p.Changes[0].Paths[0].To != "db://"+word+":"+strongOne+"@h" {
		t.Error("the plan itself was changed")
	}
}

func unstructuredOf(body map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: body}
}
