package release

import (
	"fmt"
	"slices"
)

// defaultHistory is how many revisions are kept when nobody says.
const defaultHistory = 10

// retain keeps the newest revisions, and always the last one that was deployed
// and not rolled back: what a rollback goes to.
func retain(revisions []Revision, keep int) []Revision {
	if keep <= 0 {
		keep = defaultHistory
	}
	first := max(0, len(revisions)-keep)
	kept := slices.Clone(revisions[first:])
	good := func(r Revision) bool { return r.WasDeployed && r.Status != RolledBack }
	if slices.ContainsFunc(kept, good) {
		return kept
	}
	for i := first - 1; i >= 0; i-- {
		if good(revisions[i]) {
			return slices.Insert(kept, 0, revisions[i])
		}
	}
	return kept
}

// interrupt marks the revisions whose run did not end.
func interrupt(revisions []Revision) {
	for i := range revisions {
		if revisions[i].Status == Applying {
			revisions[i].Status = Interrupted
		}
	}
}

// conclude sets how the newest revision went, and what becomes of those before
// it. One that failed leaves them as they are.
func conclude(revisions []Revision, status Status) {
	last := len(revisions) - 1
	r := &revisions[last]
	r.Status = status
	if status != Deployed {
		return
	}
	r.WasDeployed = true
	for i := range revisions[:last] {
		if revisions[i].Status == Deployed {
			revisions[i].Status = Superseded
		}
	}
	if r.RollbackTo == 0 {
		return
	}
	i := last - 1
	for i >= 0 && unfinishedRollback(&revisions[i]) {
		i-- // an attempt at this rollback; what it wanted to leave is left now
	}
	if i >= 0 && revisions[i].Number != r.RollbackTo && !sameObjects(&revisions[i], r) {
		revisions[i].Status = RolledBack
	}
}

func unfinishedRollback(r *Revision) bool { return r.RollbackTo != 0 && !r.WasDeployed }

// sameObjects says that two revisions want the same.
func sameObjects(a, b *Revision) bool {
	if a.Objects != "" || b.Objects != "" {
		return a.Objects == b.Objects
	}
	return slices.Equal(a.Content, b.Content)
}

// RollbackTarget returns the revision that a rollback from the given one (0:
// the current one) goes to when none is named: the newest before it that was
// once deployed, was not itself left by a rollback, and wants other objects. A
// rollback that did not succeed is gone on with; one that did is followed by
// one further back. The error is an ErrNoTarget.
func (s *State) RollbackTarget(from int) (*Revision, error) {
	current := s.Current()
	if from != 0 {
		current = s.Find(from)
	}
	if current == nil {
		if from != 0 {
			return nil, fmt.Errorf("%w: there is no revision %d; see the history for those that are kept", ErrNoTarget, from)
		}
		return nil, fmt.Errorf("%w: nothing was ever deployed", ErrNoTarget)
	}
	if unfinishedRollback(current) {
		if target := s.Find(current.RollbackTo); target != nil {
			return target, nil
		}
		return current, nil // it wants the same, and is kept
	}
	before := current.Number
	if current.RollbackTo != 0 {
		before = current.RollbackTo
	}
	same := 0
	for i := len(s.Revisions) - 1; i >= 0; i-- {
		r := &s.Revisions[i]
		if r.Number >= before || !r.WasDeployed || r.Status == RolledBack {
			continue
		}
		if sameObjects(r, current) {
			same++
			continue
		}
		return r, nil
	}
	if same > 0 {
		return nil, fmt.Errorf("%w: all that was deployed before revision %d wants the same objects; "+
			"name a revision to set its objects back", ErrNoTarget, before)
	}
	return nil, fmt.Errorf("%w: no revision before %d was deployed and is kept; "+
		"name a revision, or apply a mended bundle", ErrNoTarget, before)
}
