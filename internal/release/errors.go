package release

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Errors that callers branch on.
var (
	// ErrLocked: another run holds the lock (exit 8); see LockedError.
	ErrLocked = errors.New("locked")
	// ErrLost: the lock was lost to another run (exit 8). Whoever meets it stops writing.
	ErrLost = errors.New("the lock was lost to another run")
	// ErrUnsure is an ErrLost of a run that has not heard for too long that it still
	// holds the lock. It must not write, but may wait until it knows.
	ErrUnsure = fmt.Errorf("%w, for all this run knows", ErrLost)
	// ErrNoTarget: there is no revision to go back to.
	ErrNoTarget = errors.New("nothing to go back to")
)

// errMoved: the head is no longer what the writer took it for.
var errMoved = errors.New("the head was changed by another run")

// errMissing: a chunk that the head names is not there.
var errMissing = errors.New("missing")

// LockedError says who holds the lock.
type LockedError struct {
	Release string
	Holder  Holder
	Waited  time.Duration
}

func (e *LockedError) Error() string {
	if e.Waited < time.Second {
		return "locked: " + e.Holder.By + " holds " + e.Release
	}
	return fmt.Sprintf("locked: %s still holds %s after %s", e.Holder.By, e.Release, brief(e.Waited))
}

// Is makes errors.Is(err, ErrLocked) hold.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// brief writes a duration in whole seconds, without zero parts: 1m, 1m30s.
func brief(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// maxName leaves room in the names, labels and field managers made of it.
const maxName = 53

// CheckName says what is wrong with a release's name, or nil. The name must be a
// DNS label, for a dot separates it from the digest in the names of chunks.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("a release needs a name")
	case len(name) > maxName:
		return fmt.Errorf("release name %q has %d characters; at most %d are allowed", name, len(name), maxName)
	case len(validation.IsDNS1123Label(name)) > 0:
		return fmt.Errorf("release name %q must be lower-case letters, digits and dashes, "+
			"and begin and end with a letter or digit", name)
	}
	return nil
}

// unsure says that an error leaves open whether the request was carried out, or
// whether it would be if it were sent again.
func unsure(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true // no answer
	}
	code := status.Status().Code
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
}

// maskedError keeps a server's message about a Secret from being shown: it may
// echo what the Secret holds. What is wrapped can still be branched on.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// mask returns an error that is safe to show. Messages are kept where the
// server writes them before it looks at the content.
func mask(err error) error {
	var status apierrors.APIStatus
	if err == nil || !errors.As(err, &status) {
		return err
	}
	s := status.Status()
	switch s.Reason {
	case metav1.StatusReasonForbidden, metav1.StatusReasonUnauthorized, metav1.StatusReasonNotFound,
		metav1.StatusReasonConflict, metav1.StatusReasonAlreadyExists, metav1.StatusReasonTooManyRequests,
		metav1.StatusReasonServiceUnavailable, metav1.StatusReasonTimeout, metav1.StatusReasonServerTimeout:
		return err
	}
	text := fmt.Sprintf("the server answered %d", s.Code)
	if s.Reason != "" {
		text += " " + string(s.Reason)
	}
	var fields []string
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			fields = append(fields, strings.TrimSpace(cause.Field+" "+string(cause.Type)))
		}
	}
	if len(fields) > 0 {
		text += " (" + strings.Join(fields, ", ") + ")"
	}
	return &maskedError{text: text, err: err}
}
