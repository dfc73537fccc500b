package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/internal/rollout"
)

const webhookWords = `Internal error occurred: failed calling webhook "w.example": failed to call webhook: Post "https://w.certs.svc:443/v?timeout=10s": no endpoints available for service "w"`

func TestWhatIsSentAgainIsSaidOnceItTakesLong(t *testing.T) {
	errWebhook := errors.New(webhookWords)
	script := []moment{
		{0, config, apply.Started, rollout.State{}, nil},
		{0, api, apply.Started, rollout.State{}, nil},
		{1, config, apply.Retrying, rollout.State{}, errWebhook},
		{1, api, apply.Retrying, rollout.State{}, errWebhook},
		{2, config, apply.Retrying, rollout.State{}, errWebhook},
		{2, api, apply.Retrying, rollout.State{}, nil}, // it went by
		{at: 3.9}, {at: 4.1}, {at: 6},
		{7, config, apply.Retrying, rollout.State{}, errors.New("the server is too busy")},
		{at: 8}, {at: 9.2},
		{at: 30},
		{31, config, apply.Retrying, rollout.State{}, nil},
		{31, config, apply.Wrote, rollout.State{}, nil},
		{31, config, apply.Done, rollout.State{Phase: rollout.Ready}, nil},
		{31, api, apply.Wrote, rollout.State{}, nil},
		{31, api, apply.Done, rollout.State{Phase: rollout.Ready, Summary: "exists"}, nil},
		{at: 40},
	}
	golden(t, "progress-retrying.txt", []byte(play(ProgressOptions{}, script)))
	screen := play(ProgressOptions{Terminal: true}, script)
	if !strings.Contains(screen, "   4s  ConfigMap/front-config         retrying: webhook w.example: no endpoint…\n") {
		t.Errorf("the table does not say it:\n%q", screen)
	}
}
