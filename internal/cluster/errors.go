package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// connError is a failure of the connection: there is no whole answer.
type connError struct{ err error }

func (e *connError) Error() string { return e.err.Error() }
func (e *connError) Unwrap() error { return e.err }

// unreachableError is a connError of a server that has never answered.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// statusError makes the error of an answer that is none of 2xx.
func statusError(code int, r request, body []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err != nil || status.Kind != "Status" || status.Message == "" && status.Reason == "" {
		gr := schema.GroupResource{Group: r.about.Group, Resource: r.about.Resource}
		text := strings.TrimSpace(string(body))
		if r.about.GroupKind() == object.SecretKind {
			text = ""
		}
		return apierrors.NewGenericServerResponse(code, r.method, gr, "", text, 0, true)
	}
	// A proxy in between may have changed the code; the one sent counts.
	status.Code = int32(code)
	if r.about.GroupKind() == object.SecretKind {
		status = withoutValues(status)
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// explain says where a request failed.
func (c *Client) explain(err error) error {
	var conn *connError
	switch {
	case errors.As(err, &conn):
		return fmt.Errorf("connecting to %s: %w", c.Server(), rootOf(conn.err))
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("authenticating to %s: %w", c.Server(), err)
	}
	return err
}

// rootOf drops what http and net wrap around a cause: the method and address
// that the message has already.
func rootOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
		var sys interface{ Unwrap() error }
		if errors.As(err, &sys) && sys.Unwrap() != nil {
			err = sys.Unwrap() // "connect: connection refused" without its system call
		}
	}
	return err
}

// isHopeless says that trying to connect again cannot help.
func isHopeless(err error) bool {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return dns.IsNotFound
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid),
		errors.As(err, &verify), errors.As(err, &record):
		return true
	}
	// What a credentials plugin says has no type.
	return strings.Contains(err.Error(), "getting credentials")
}

// fieldOf finds the path in what the server says of a manifest that does not
// fit the schema; the rest of such a message may hold the value.
var fieldOf = regexp.MustCompile(`(\.[A-Za-z][\w.\-/\[\]"=:]*): (expected \w+|field not declared in schema|duplicate)`)

// harmless are beginnings and parts of messages that hold no value.
var harmless = []string{"failed calling webhook", "cannot be handled", "exceeded quota", "etcdserver:"}

// withoutValues takes the values out of what the server says about a Secret:
// reasons and field paths stay, text goes.
func withoutValues(s metav1.Status) metav1.Status {
	switch s.Reason {
	case metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists, metav1.StatusReasonUnauthorized,
		metav1.StatusReasonConflict, metav1.StatusReasonExpired, metav1.StatusReasonGone,
		metav1.StatusReasonTooManyRequests, metav1.StatusReasonTimeout, metav1.StatusReasonServerTimeout:
		return s // texts of the server's own, made of names
	case metav1.StatusReasonForbidden:
		if strings.Contains(s.Message, `" cannot `) {
			return s // RBAC
		}
	}
	for _, part := range harmless {
		if strings.Contains(s.Message, part) {
			return s
		}
	}
	return hideText(s)
}

func hideText(s metav1.Status) metav1.Status {
	var fields []string
	if m := fieldOf.FindStringSubmatch(s.Message); m != nil {
		fields = append(fields, m[1]+": "+m[2])
	}
	if s.Details != nil {
		details := *s.Details
		details.Causes = make([]metav1.StatusCause, len(s.Details.Causes))
		for i, c := range s.Details.Causes {
			details.Causes[i] = metav1.StatusCause{Type: c.Type, Field: c.Field}
			if c.Field != "" && len(fields) < 10 {
				fields = append(fields, c.Field+": "+string(c.Type))
			}
		}
		s.Details = &details
	}
	reason := string(s.Reason)
	if reason == "" {
		reason = http.StatusText(int(s.Code))
	}
	s.Message = "refused by the server: " + reason
	if len(fields) > 0 {
		s.Message += ": " + strings.Join(fields, ", ")
	}
	s.Message += " (its text is hidden, it may hold values)"
	return s
}
