package report

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
