package diff

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
)

// statusOf returns what the server said; the zero Status when it said nothing.
func statusOf(err error) metav1.Status {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status()
	}
	return metav1.Status{}
}

// untyped is how the server answers a manifest that does not fit its schema: a
// 500 without a reason.
func untyped(err error) bool {
	s := statusOf(err)
	return s.Code == http.StatusInternalServerError && s.Reason == metav1.StatusReasonUnknown
}

// webhookDown says that a webhook could not be asked.
func webhookDown(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(statusOf(err).Message, "failed calling webhook")
}

// terminating says that the object's namespace is being deleted.
func terminating(err error) bool {
	return apierrors.HasStatusCause(err, "NamespaceTerminating")
}

// noNamespace says that the object's namespace does not exist.
func noNamespace(err error) bool {
	s := statusOf(err)
	return apierrors.IsNotFound(err) && s.Details != nil && s.Details.Kind == "namespaces"
}

// investigate asks the server once more about what it refused: whether an update
// that is invalid would be valid as a new object, and whether it is for want of
// rights that something is forbidden.
func (p *planner) investigate(ctx context.Context) error {
	var refused []*item
	for _, it := range p.items {
		if it.err != nil {
			refused = append(refused, it)
		}
	}
	return p.parallel(ctx, len(refused), func(ctx context.Context, i int) error {
		it := refused[i]
		switch {
		case apierrors.IsInvalid(it.err) && it.Live != nil:
			if it.asNew = p.r.DryRunCreate(ctx, it.Kind, it.body); apierrors.IsAlreadyExists(it.asNew) {
				if err := p.predictClaim(ctx, it); err != nil || it.err == nil {
					return err
				}
				it.spoilt = p.changesAlone(ctx, it)
			}
		case apierrors.IsForbidden(it.err) && !terminating(it.err):
			if err := p.askRights(ctx, it); err != nil || it.admission || !p.o.ReadOnly {
				return err
			}
			return p.mergeLocally(ctx, it)
		}
		return nil
	})
}

// changesAlone says that the object could become what the manifest says, if nobody else
// set anything on it: then nothing in it is immutable. Where the server cannot be asked,
// it says no.
func (p *planner) changesAlone(ctx context.Context, it *item) bool {
	alone := withMeta(it.body, func(meta map[string]any) {
		meta["uid"], meta["resourceVersion"] = string(it.Live.GetUID()), it.Live.GetResourceVersion()
	})
	_, err := p.dryRunUpdate(ctx, it, alone)
	return err == nil
}

// judgeError turns a refused dry-run into a refusal of the plan, or excuses it.
func (p *planner) judgeError(it *item) {
	holder, held := p.heldBy(it)
	switch err := it.err; {
	case held:
		p.judgeHeld(it, holder)
	case terminating(err):
		p.dying[it.ID.Namespace] = true
		it.Action = Create
	case apierrors.IsForbidden(err) && !it.admission:
		it.Action = Create // the rights that lack are noted
		if it.Live != nil {
			it.Action = Update
		}
	case webhookDown(err):
		p.degrade(it, "a webhook does not answer: "+webhookName(err))
	case p.excuse(it) != "":
		p.degrade(it, p.excuse(it))
		p.checkOffline(it)
	case apierrors.IsInvalid(err) && it.Live != nil && apierrors.IsAlreadyExists(it.asNew):
		p.judgeImmutable(it)
	case noNamespace(err):
		it.Action = Create
		p.mistake(it, "namespace "+it.ID.Namespace+" does not exist, and the bundle does not bring it")
	default:
		it.Action = Create
		if it.Live != nil {
			it.Action = Update
		}
		for _, text := range p.complaints(it) {
			p.mistake(it, text)
		}
		if crd := p.crds[it.ID.GroupKind()]; crd != nil && crd.Action == Keep {
			p.hints[RefusedInput] = append(p.hints[RefusedInput],
				"a rollback leaves "+p.name(crd.ID)+" as it is; an apply of the bundle of then brings its own")
		}
	}
}

var webhookInMessage = regexp.MustCompile(`failed calling webhook "([^"]+)"`)

func webhookName(err error) string {
	if m := webhookInMessage.FindStringSubmatch(statusOf(err).Message); m != nil {
		return m[1]
	}
	return "its name is unknown"
}

// excusing are the kinds whose creation or change can make the server accept what
// it refuses now.
func excusing(gk schema.GroupKind) bool {
	switch gk.Kind {
	case "CustomResourceDefinition", "ServiceAccount", "PriorityClass", "RuntimeClass", "Role", "ClusterRole":
		return true
	}
	return false
}

// excuse names what this plan creates or changes that the refused object needs;
// empty when there is nothing of the kind.
func (p *planner) excuse(it *item) string {
	for _, ref := range p.refsOf(it) {
		to := p.byID[ref.To]
		if to == nil || to == it || !excusing(ref.To.GroupKind()) {
			continue
		}
		if apierrors.IsInvalid(it.err) && ref.To.GroupKind() != object.CRDKind {
			continue // only a definition says what is valid
		}
		switch to.Action {
		case Create:
			return p.name(to.ID) + " is created by this plan"
		case Update, Recreate:
			return p.name(to.ID) + " is changed by this plan"
		}
	}
	return ""
}

// refsOf scans one object together with the CRD that defines its kind.
func (p *planner) refsOf(it *item) []refs.Ref {
	objs := []object.Object{{Body: it.body}}
	if crd := p.crds[it.ID.GroupKind()]; crd != nil {
		objs = append(objs, object.Object{Body: crd.body})
	}
	var own []refs.Ref
	for _, ref := range refs.Scan(objs) {
		if ref.From == it.ID {
			own = append(own, ref)
		}
	}
	return own
}

// degrade plans an object that the server could not validate: by its manifest.
func (p *planner) degrade(it *item, why string) {
	if it.Live == nil {
		p.createOffline(it, why)
		return
	}
	it.Unchecked, it.Merged = why, it.body
	if it.Paths = p.guessPaths(it); len(it.Paths) == 0 && it.entry.Manifest == it.Manifest {
		it.Action, it.Merged = Unchanged, it.Live
		return
	}
	it.Action = Update
	if p.claim(it) {
		it.Steps = []Step{updateStep(it.body, it.Live, false)}
	}
}

// longestComplaint bounds a line of what the server says, in characters: it may
// quote a whole pod template.
const longestComplaint = 300

// complaints writes what the server says against an object, a line for each
// field. What it says of a Secret may hold values and is not repeated.
func (p *planner) complaints(it *item) []string {
	s := statusOf(it.err)
	secret := it.ID.GroupKind() == object.SecretKind
	var lines []string
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			switch {
			case cause.Field == "":
				continue
			case secret:
				lines = append(lines, cause.Field+": "+string(cause.Type)+" (the server's words are hidden, they may hold values)")
			default:
				lines = append(lines, shorten(cause.Field+": "+cause.Message, longestComplaint))
			}
		}
	}
	switch {
	case len(lines) > 0:
		return lines
	case secret:
		return []string{"the server refuses it: " + reason(s) + " (its words are hidden, they may hold values)"}
	case s.Message == "":
		return []string{it.err.Error()}
	}
	return []string{shorten(unwrapped(s.Message), longestComplaint)}
}

func reason(s metav1.Status) string {
	if s.Reason == metav1.StatusReasonUnknown {
		return "it does not fit the schema"
	}
	return string(s.Reason)
}

// unwrapped cuts off the beginning of the server's message that names the object.
func unwrapped(message string) string {
	if rest, ok := strings.CutPrefix(message, "failed to create typed patch object ("); ok {
		if _, text, ok := strings.Cut(rest, "): "); ok {
			return text
		}
	}
	return message
}
