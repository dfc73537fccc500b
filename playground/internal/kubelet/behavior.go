package kubelet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations that a pod may carry to choose what its containers do.
const (
	// BehaviorAnnotation is a comma-separated list of [container:]behavior[=argument]; without a container it is meant for all but the
	// init containers. See behaviors for the names.
	BehaviorAnnotation = "playground.belay.sh/behavior"
	// LogAnnotation is what a crashing container prints before it exits.
	LogAnnotation = "playground.belay.sh/log"
)

// How long pretended work takes.
const (
	initTime  = 200 * time.Millisecond // an init container
	jobTime   = time.Second            // a container of a pod that may end
	crashTime = time.Second            // from the start to the crash
	stopTime  = 100 * time.Millisecond // from SIGTERM to the exit
)

// Behavior is how a container carries itself once its image is there. The zero value runs for ever and is ready at once.
type Behavior struct {
	Crash      *Crash        // nil: it does not crash
	RunFor     time.Duration // then it exits with 0; zero: it runs on
	ReadyAfter time.Duration
	NeverReady bool
	IgnoreTerm bool           // only SIGKILL, after the whole grace period, ends it
	PullTime   time.Duration  // zero: defaultPullTime
	DeadAfter  *time.Duration // from then on liveness probes fail; nil: they never do
	StartError string         // why the runtime cannot start it; empty: it can
	Root       bool           // the image's user is root
	Evicted    bool           // its node wants to be rid of the pod
	Setup      *Setup         // what keeps the pod's volumes or network from coming; nil: nothing
}

// Setup is an event of a kubelet that cannot set a pod up.
type Setup struct{ Reason, Message string }

// Crash is how a container fails.
type Crash struct {
	Code   int32
	Reason string // the terminated state's
	Times  int    // how often before it behaves; zero: always
}

// behaviors is the table of all names: what each does to a Behavior, given the text behind its "=" ("" if there is none).
var behaviors = map[string]func(b *Behavior, arg string) error{
	"crash-loop": func(b *Behavior, arg string) error {
		code, err := number(arg, 1)
		b.Crash = &Crash{Code: int32(code), Reason: "Error"}
		return err
	},
	"crashes": func(b *Behavior, arg string) error {
		times, err := number(arg, 1)
		b.Crash = &Crash{Code: 1, Reason: "Error", Times: times}
		return err
	},
	"oom": func(b *Behavior, arg string) error {
		times, err := number(arg, 0)
		b.Crash = &Crash{Code: 137, Reason: "OOMKilled", Times: times}
		return err
	},
	"slow-start": func(b *Behavior, arg string) (err error) { b.ReadyAfter, err = duration(arg, 20*time.Second); return },
	"slow-pull":  func(b *Behavior, arg string) (err error) { b.PullTime, err = duration(arg, 20*time.Second); return },
	"complete":   func(b *Behavior, arg string) (err error) { b.RunFor, err = duration(arg, jobTime); return },
	"run":        func(b *Behavior, arg string) error { b.RunFor = 0; return none(arg) },
	"not-ready":  func(b *Behavior, arg string) error { b.NeverReady = true; return none(arg) },
	"not-live": func(b *Behavior, arg string) error {
		d, err := duration(arg, 0)
		b.DeadAfter = &d
		return err
	},
	"start-error": func(b *Behavior, arg string) error { b.StartError = startError(arg); return nil },
	"root-image":  func(b *Behavior, arg string) error { b.Root = true; return none(arg) },
	"evicted":     func(b *Behavior, arg string) error { b.Evicted = true; return none(arg) },
	"volume-error": func(b *Behavior, arg string) error {
		b.Setup = &Setup{"FailedMount", volumeError}
		return none(arg)
	},
	"attach-error": func(b *Behavior, arg string) error {
		b.Setup = &Setup{"FailedAttachVolume", attachError}
		return none(arg)
	},
	"network-error": func(b *Behavior, arg string) error {
		b.Setup = &Setup{"FailedCreatePodSandBox", networkError}
		return none(arg)
	},
	"ignore-term": func(b *Behavior, arg string) error { b.IgnoreTerm = true; return none(arg) },
}

// behaviorOf returns what the named container of a pod does. The error is the user's: an annotation nobody can read.
func behaviorOf(pod *corev1.Pod, c *corev1.Container, init bool) (Behavior, error) {
	var b Behavior
	switch {
	case init && !isSidecar(c):
		b.RunFor = initTime
	case init:
	case pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		b.RunFor = jobTime
	}
	for entry := range strings.SplitSeq(pod.Annotations[BehaviorAnnotation], ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		who, what, named := strings.Cut(entry, ":")
		if !named {
			what = entry
		}
		name, arg, _ := strings.Cut(what, "=")
		set, ok := behaviors[name]
		if !ok {
			return b, fmt.Errorf("annotation %s: no behavior %q: there are %s", BehaviorAnnotation, name,
				strings.Join(slices.Sorted(maps.Keys(behaviors)), ", "))
		}
		if named && who != c.Name || !named && init {
			continue
		}
		if err := set(&b, arg); err != nil {
			return b, fmt.Errorf("annotation %s: %s: %w", BehaviorAnnotation, entry, err)
		}
	}
	return b, nil
}

// exit returns when and how a container ends by itself in its start-th run (the first is 1); after is zero if it does not.
func (b Behavior) exit(start int) (after time.Duration, code int32, reason string) {
	if b.Crash != nil && (b.Crash.Times == 0 || start <= b.Crash.Times) {
		return crashTime, b.Crash.Code, b.Crash.Reason
	}
	return b.RunFor, 0, "Completed"
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func number(arg string, otherwise int) (int, error) {
	if arg == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > 255 {
		return otherwise, fmt.Errorf("%q is not a number from 1 to 255", arg)
	}
	return n, nil
}

func duration(arg string, otherwise time.Duration) (time.Duration, error) {
	if arg == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(arg)
	if err != nil || d < 0 {
		return otherwise, fmt.Errorf("%q is not a duration such as 20s", arg)
	}
	return d, nil
}

func none(arg string) error {
	if arg != "" {
		return fmt.Errorf("takes no argument, has %q", arg)
	}
	return nil
}
