// Package release is what belay remembers of a release, kept in Secrets of the
// release's namespace: the head (an index of revisions, the inventory, the lock)
// and immutable chunks of content. It is the only writer of these records and
// writes nothing else. diff reads its State, apply holds its Lock.
package release

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
	"github.com/belay-sh/belay/render"
)

// Status is how a revision went. It is never a lock.
type Status string

// The statuses of a revision.
const (
	Applying    Status = "applying"
	Deployed    Status = "deployed"
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
	Superseded  Status = "superseded"
	RolledBack  Status = "rolled-back"
	Deleting    Status = "deleting"
)

// Counts are how many changes of each action a revision planned.
type Counts struct {
	Create   int `json:"create,omitempty"`
	Update   int `json:"update,omitempty"`
	Recreate int `json:"recreate,omitempty"`
	Delete   int `json:"delete,omitempty"`
	Run      int `json:"run,omitempty"`
}

// Revision is an entry of the head's index: all about a revision but its content.
type Revision struct {
	Number int       `json:"number"`
	Status Status    `json:"status"`
	When   time.Time `json:"when"`
	// Took is 0 while the revision is being applied.
	Took time.Duration `json:"took,omitempty"`
	// By is user@host, or what CI calls itself; Job is the CI job's URL.
	By  string `json:"by,omitempty"`
	Job string `json:"job,omitempty"`
	// Git is the commit of the bundle's checkout, or empty.
	Git    string        `json:"git,omitempty"`
	Origin render.Origin `json:"origin"`
	Counts Counts        `json:"counts"`
	Note   string        `json:"note,omitempty"`
	// RollbackTo is the revision whose content a rollback brought back, or 0.
	RollbackTo int `json:"rollbackTo,omitempty"`
	// NotWaited is true when --no-wait left readiness unknown.
	NotWaited bool `json:"notWaited,omitempty"`
	// Helm is the revision of a Helm release that this one is, or took over; 0 when
	// belay made it.
	Helm int `json:"helm,omitempty"`
	// Random says that templates of the revision called random functions, whose
	// results its content remembers.
	Random bool `json:"random,omitempty"`
	// WasDeployed stays true when the status moves on from deployed.
	WasDeployed bool `json:"wasDeployed,omitempty"`
	// Content and Result are the digests of the chunks that hold what the
	// revision wanted, and how it ended.
	Content []string `json:"content,omitempty"`
	Result  []string `json:"result,omitempty"`
	// Plan are the digests of what the run showed that it was about to do.
	Plan []string `json:"plan,omitempty"`
	// Objects is a keyed digest of the objects alone: equal ones want the same.
	Objects string `json:"objects,omitempty"`
	// Hooks is a keyed digest of the hooks; see HooksDigest.
	Hooks string `json:"hooks,omitempty"`
}

// Result is how a revision ended, as far as it is worth keeping.
type Result struct {
	Diagnosis *rollout.Diagnosis `json:"diagnosis,omitempty"`
	// Error is the failure in one line, without secrets.
	Error string `json:"error,omitempty"`
	// Hooks are the hooks that the run ran, in the order in which they ended; Tests
	// those of the last belay test.
	Hooks []HookRun `json:"hooks,omitempty"`
	Tests []HookRun `json:"tests,omitempty"`
}

// HookRun is how a hook went.
type HookRun struct {
	ID object.ID `json:"object"`
	// Event is what it was run for: pre-upgrade.
	Event string    `json:"event"`
	When  time.Time `json:"when"`
	// Took is 0 for what is done once it exists.
	Took time.Duration `json:"took,omitempty"`
	// Failed is true when it did not succeed; Summary says how it ended.
	Failed  bool   `json:"failed,omitempty"`
	Summary string `json:"summary,omitempty"`
	// Exit is the exit code of the container that decided; nil where none ended.
	Exit *int `json:"exit,omitempty"`
	// Log are the last lines that it printed, without values of Secrets.
	Log []string `json:"log,omitempty"`
}

// Owned is an inventory entry: an object that may exist because of the release.
type Owned struct {
	// UID is empty while the object is intended and was never confirmed.
	UID types.UID `json:"uid,omitempty"`
	// Version is the API version that the object was last sent in.
	Version string `json:"version,omitempty"`
	// Manifest is the hash of the manifest as sent, Live that of our fields and
	// their live values, both as the answer of the last apply gave them; Schema
	// is the key of the kind's schema then.
	Manifest uint64 `json:"manifest,omitempty"`
	Live     uint64 `json:"live,omitempty"`
	Schema   uint64 `json:"schema,omitempty"`
	// Done is true for a Job or Pod that ran to its end with this manifest.
	Done bool `json:"done,omitempty"`
	// Kept is true for an object that left the bundle but is protected: it is
	// let go, and named once.
	Kept bool `json:"kept,omitempty"`
	// Shared objects (namespaces, CRDs of crds/) are applied, never pruned.
	Shared bool `json:"shared,omitempty"`
	// Going is true for an object that is no longer wanted: the server has accepted
	// its deletion, and nobody waited until it was gone.
	Going bool `json:"going,omitempty"`
}

// Holder is who holds the lock.
type Holder struct {
	By  string `json:"by"`
	PID int    `json:"pid"`
	Job string `json:"job,omitempty"`
	// Since is when the lock was taken, by the holder's clock; for people only.
	Since time.Time `json:"since"`
	// Renewed is when it was last renewed, by the holder's clock; for people only.
	Renewed time.Time `json:"renewed"`
	// Nonce is the run's; Beat counts its renewals. A waiter that sees neither
	// change for LockLife may take over.
	Nonce string `json:"nonce"`
	Beat  int64  `json:"beat"`
	// Revision is what is being applied, or 0.
	Revision int `json:"revision,omitempty"`
}

// State is all that the head says. The zero State is a release that never was.
type State struct {
	// Version changes when the revisions or the inventory do, or a lock is taken
	// over, and not when the lock is taken, renewed or released: equal versions,
	// equal state. It is empty for a release that never was.
	Version string
	// Revisions are the kept ones, oldest first. One that is still applying
	// though nobody holds the lock, or its holder seems long gone, reads as
	// interrupted.
	Revisions []Revision
	Inventory map[object.ID]Owned
	// Holder is nil when nobody holds the lock. Whether a holder is alive only
	// waiting can tell.
	Holder *Holder
	// Key is a random value of the release, made once, for keyed hashes.
	Key string
}

// Current returns the newest revision, or nil.
func (s *State) Current() *Revision {
	if len(s.Revisions) == 0 {
		return nil
	}
	return &s.Revisions[len(s.Revisions)-1]
}

// Find returns the revision of that number, or nil.
func (s *State) Find(number int) *Revision {
	for i := range s.Revisions {
		if s.Revisions[i].Number == number {
			return &s.Revisions[i]
		}
	}
	return nil
}

// Times of the lock's life.
const (
	// LockLife is how long a waiter must see no sign of life before it takes over.
	LockLife = 15 * time.Second
	// RenewEvery is how often the holder gives one.
	RenewEvery = 5 * time.Second
	// HeldFor is how old the last renewal may be for the holder to write.
	HeldFor = 10 * time.Second
	// seemsGone is how long a holder's last renewal must be ago, by comparing its
	// clock with ours, for reports to call its revision interrupted. Nothing else
	// depends on it.
	seemsGone = time.Minute
)
