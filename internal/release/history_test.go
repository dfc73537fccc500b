package release

import (
	"errors"
	"testing"
)

// play applies a history: each step is the objects that a revision wants, how
// it ended and, for a rollback, where it went.
type step struct {
	objects string
	status  Status
	to      int
}

func play(steps ...step) *State {
	s := &State{}
	for i, st := range steps {
		s.Revisions = append(s.Revisions, Revision{Number: i + 1, Status: Applying, Objects: st.objects, RollbackTo: st.to})
		conclude(s.Revisions, st.status)
	}
	return s
}

func TestRollbackTarget(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  int // 0: none
	}{
		"nothing was ever deployed":                          {nil, 0},
		"a first revision that failed has nothing before it": {[]step{{"a", Failed, 0}}, 0},
		"a deployed first revision has nothing before it":    {[]step{{"a", Deployed, 0}}, 0},
		"the one before":                                       {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}}, 1},
		"failed ones are passed over":                          {[]step{{"a", Deployed, 0}, {"b", Failed, 0}, {"c", Failed, 0}}, 1},
		"interrupted ones are passed over":                     {[]step{{"a", Deployed, 0}, {"b", Interrupted, 0}, {"c", Failed, 0}}, 1},
		"one that wants the same is passed over":               {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"b", Deployed, 0}}, 1},
		"all before want the same":                             {[]step{{"a", Deployed, 0}, {"a", Failed, 0}}, 0},
		"a second rollback goes one further back":              {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"c", Deployed, 0}, {"b", Deployed, 2}}, 1},
		"a third rollback does not turn round":                 {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"c", Deployed, 0}, {"b", Deployed, 2}, {"a", Deployed, 1}}, 0},
		"after a rollback from a failure":                      {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"c", Failed, 0}, {"b", Deployed, 2}}, 1},
		"a rollback that failed is gone on with":               {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"c", Failed, 0}, {"b", Failed, 2}}, 2},
		"a rollback that was killed is gone on with":           {[]step{{"a", Deployed, 0}, {"b", Failed, 0}, {"a", Interrupted, 1}}, 1},
		"a failure after a rollback goes back to the rollback": {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Deployed, 1}, {"c", Failed, 0}}, 3},
		"what was left by a rollback is not gone back to":      {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Deployed, 1}, {"a", Failed, 0}}, 0},
		"what a repeated rollback left is not gone back to":    {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Failed, 1}, {"a", Deployed, 1}, {"c", Deployed, 0}, {"a", Deployed, 4}}, 0},
		"setting the current one back leaves it in the line":   {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"b", Deployed, 2}, {"c", Failed, 0}}, 3},
		"a forward rollback can be taken back":                 {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Deployed, 1}, {"b", Deployed, 2}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := play(c.steps...)
			got, err := s.RollbackTarget(0)
			switch {
			case c.want == 0 && !errors.Is(err, ErrNoTarget):
				t.Errorf("got %+v, %v (%s)", got, err, statuses(s))
			case c.want != 0 && (err != nil || got.Number != c.want):
				t.Errorf("got %+v, %v, want %d (%s)", got, err, c.want, statuses(s))
			}
		})
	}
}

func TestStatusesOfAHistory(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"a deployment supersedes":           {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}}, "1 superseded, 2 deployed"},
		"a failure leaves the others":       {[]step{{"a", Deployed, 0}, {"b", Failed, 0}}, "1 deployed, 2 failed"},
		"a rollback marks what it leaves":   {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Deployed, 1}}, "1 superseded, 2 rolled-back, 3 deployed"},
		"also a failure":                    {[]step{{"a", Deployed, 0}, {"b", Failed, 0}, {"a", Deployed, 1}}, "1 superseded, 2 rolled-back, 3 deployed"},
		"a rollback that failed marks none": {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Failed, 1}}, "1 superseded, 2 deployed, 3 failed"},
		"its repetition marks what both left": {[]step{{"a", Deployed, 0}, {"b", Deployed, 0}, {"a", Failed, 1}, {"a", Deployed, 1}},
			"1 superseded, 2 rolled-back, 3 failed, 4 deployed"},
		"setting back the current one marks none": {[]step{{"a", Deployed, 0}, {"a", Deployed, 1}}, "1 superseded, 2 deployed"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := statuses(play(c.steps...)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
