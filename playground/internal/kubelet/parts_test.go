package kubelet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestBackoffDoublesUpToFiveMinutes(t *testing.T) {
	var b backoff
	var got []time.Duration
	now := birth
	for range 7 {
		b.fail(now)
		got = append(got, b.delay)
		end, held := b.until(now, now)
		if !held || end.Sub(now) != b.delay {
			t.Errorf("after a failure: held %v until %v, want %v", held, end.Sub(now), b.delay)
		}
		if _, held := b.until(now, end); held {
			t.Errorf("held at its own end")
		}
		now = end
	}
	s := time.Second
	if diff := cmp.Diff([]time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}, got); diff != "" {
		t.Error(diff)
	}
	if _, held := b.until(now.Add(10*time.Minute), now.Add(10*time.Minute)); held {
		t.Error("held although nothing failed for ten minutes")
	}
	if b.fail(now.Add(11 * time.Minute)); b.delay != 10*s {
		t.Errorf("starts anew with %v", b.delay)
	}
}

func TestPullErrors(t *testing.T) {
	for image, want := range map[string]string{
		"nginx":                                "",
		"registry.invalid.example/x":           "",
		"registry.invalid/x:1":                 "registry.invalid/x:1: not found",
		"registry.invalid/x":                   "registry.invalid/x:latest: not found",
		"registry.invalid/denied/x:1":          "pull access denied",
		"registry.invalid/unauthorized/x:1":    "repository%3Aunauthorized/x%3Apull",
		"registry.invalid/ratelimit/x@sha256:": "manifests/sha256:: 429 Too Many Requests",
		"registry.invalid/nohost/x:1":          "no such host",
		"registry.invalid/timeout/x:1":         "i/o timeout",
		"registry.invalid/tls/x:1":             "certificate signed by unknown authority",
		"registry.invalid/platform/x:1":        "no match for platform",
	} {
		got := pullError(image)
		if !strings.Contains(got, want) || (got == "") != (want == "") || strings.Contains(got, "{") {
			t.Errorf("%s: %q, want %q in it", image, got, want)
		}
	}
}

func TestBehaviorsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"dance":            `no behavior "dance": there are attach-error, complete, crash-loop,`,
		"crash-loop=x":     `crash-loop=x: "x" is not a number from 1 to 255`,
		"slow-start=fast":  `slow-start=fast: "fast" is not a duration such as 20s`,
		"not-ready=1":      `not-ready=1: takes no argument, has "1"`,
		"app:crash-loop=0": `"0" is not a number`,
	} {
		pod := object(text)
		_, err := behaviorOf(pod, &pod.Spec.Containers[0], false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s in it", text, err, want)
		}
	}
}

func TestLogs(t *testing.T) {
	pod := object("crash-loop")
	pod.Annotations[LogAnnotation] = "one\nlast words"
	p := start(pod, nil)
	if _, err := p.Log("app", false); err == nil || err.Error() != `container "app" in pod "web" is waiting to start: ContainerCreating` {
		t.Errorf("before the start: %v", err)
	}
	live(p, 200*time.Millisecond)
	if _, err := p.Log("app", true); err == nil || err.Error() != `previous terminated container "app" in pod "web" not found` {
		t.Errorf("previous in the first run: %v", err)
	}
	live(p, 5*time.Second)
	for _, previous := range []bool{false, true} {
		lines, err := p.Log("app", previous)
		if err != nil || len(lines) != 3 || lines[2].text != "last words" {
			t.Errorf("previous %v: %v, %v", previous, lines, err)
		}
	}
	if _, err := p.Log("nope", false); err == nil {
		t.Error("a container that is not there has a log")
	}
}

func TestReadinessGateKeepsPodFromBeingReady(t *testing.T) {
	pod := object("", func(p *corev1.Pod) { p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "lb"}} })
	p := start(pod, nil)
	live(p, time.Second)
	now := birth.Add(time.Minute)
	if got := summary(p.Status(corev1.PodStatus{}, now)); got != "Running app:running/0" {
		t.Errorf("gate closed: %s", got)
	}
	open := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: "lb", Status: corev1.ConditionTrue}}}
	if got := summary(p.Status(open, now)); got != "Running ready app:running/0" {
		t.Errorf("gate open: %s", got)
	}
}

// An unchanged status must come out byte for byte the same, or the pod would be written for ever.
func TestStatusIsStable(t *testing.T) {
	p := start(object("crash-loop"), nil)
	live(p, 5*time.Second)
	now := birth.Add(5 * time.Second)
	first := p.Status(corev1.PodStatus{}, now)
	if diff := cmp.Diff(first, p.Status(first, now.Add(time.Second))); diff != "" {
		t.Error(diff)
	}
}
