package kubelet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var birth = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// object returns a pod of one container "app" that may be changed.
func object(behavior string, change ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "u", Annotations: map[string]string{BehaviorAnnotation: behavior}},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyAlways,
			Containers: []corev1.Container{{Name: "app", Image: "nginx:1", ImagePullPolicy: corev1.PullIfNotPresent}},
		},
	}
	for _, c := range change {
		c(pod)
	}
	return pod
}

func image(name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Image = name }
}

func policy(policy corev1.RestartPolicy) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.RestartPolicy = policy }
}

func start(object *corev1.Pod, lookup Lookup) *Pod {
	return NewPod(object, &imageStore{}, lookup, "10.101.0.2", "198.51.100.1", birth)
}

// live takes a pod from one moment in which something happens to the next, until the given time, and tells what was seen: events, and the
// status in one line whenever it changes.
func live(p *Pod, until time.Duration) []string {
	var story []string
	last := ""
	now := birth
	for range 1000 {
		p.Sync(now)
		at := fmt.Sprintf("%.2fs ", now.Sub(birth).Seconds())
		for _, e := range p.Events() {
			story = append(story, strings.TrimSpace(fmt.Sprintf("%s%s %s %s", at, e.Reason, e.FieldPath, e.Message)))
		}
		if line := summary(p.Status(corev1.PodStatus{}, now)); line != last {
			story, last = append(story, at+line), line
		}
		next := p.Next(now)
		if next.IsZero() || next.After(birth.Add(until)) {
			return story
		}
		now = next
	}
	return append(story, "and so on for ever")
}

// summary is a status in a line: phase, whether it is ready, and each container's state and restarts.
func summary(s corev1.PodStatus) string {
	line := string(s.Phase)
	for _, c := range s.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			line += " ready"
		}
	}
	for _, c := range append(s.InitContainerStatuses, s.ContainerStatuses...) {
		line += fmt.Sprintf(" %s:%s/%d", c.Name, stateName(c.State), c.RestartCount)
		if last := c.LastTerminationState.Terminated; last != nil {
			line += fmt.Sprintf("(%s %d)", last.Reason, last.ExitCode)
		}
	}
	return line
}

func stateName(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("%s %d", s.Terminated.Reason, s.Terminated.ExitCode)
	case s.Waiting != nil:
		return s.Waiting.Reason
	}
	return "none"
}

const (
	notFound = `rpc error: code = NotFound desc = failed to pull and unpack image "registry.invalid/x:1": ` +
		`failed to resolve reference "registry.invalid/x:1": registry.invalid/x:1: not found`
	pulled = `Successfully pulled image "nginx:1" in 150ms (150ms including waiting). Image size: 20700021 bytes.`
)

func TestLives(t *testing.T) {
	tests := []struct {
		name   string
		object *corev1.Pod
		until  time.Duration
		want   []string
	}{
		{"a pod runs and is ready", object(""), time.Minute, []string{
			`0.00s Pulling spec.containers{app} Pulling image "nginx:1"`,
			`0.00s Pending app:ContainerCreating/0`,
			`0.15s Pulled spec.containers{app} ` + pulled,
			`0.15s Created spec.containers{app} Container created`,
			`0.15s Started spec.containers{app} Container started`,
			`0.15s Running ready app:running/0`,
		}},
		{"an image that is not there is tried at longer and longer intervals", object("", image("registry.invalid/x:1")), 35 * time.Second, []string{
			`0.00s Pulling spec.containers{app} Pulling image "registry.invalid/x:1"`,
			`0.00s Pending app:ContainerCreating/0`,
			`0.15s Failed spec.containers{app} Failed to pull image "registry.invalid/x:1": ` + notFound,
			`0.15s Failed spec.containers{app} Error: ErrImagePull`,
			`0.15s Pending app:ErrImagePull/0`,
			`1.65s BackOff spec.containers{app} Back-off pulling image "registry.invalid/x:1"`,
			`1.65s Failed spec.containers{app} Error: ImagePullBackOff`,
			`1.65s Pending app:ImagePullBackOff/0`,
			`10.15s Pulling spec.containers{app} Pulling image "registry.invalid/x:1"`,
			`10.30s Failed spec.containers{app} Failed to pull image "registry.invalid/x:1": ` + notFound,
			`10.30s Failed spec.containers{app} Error: ErrImagePull`,
			`10.30s Pending app:ErrImagePull/0`,
			`11.80s BackOff spec.containers{app} Back-off pulling image "registry.invalid/x:1"`,
			`11.80s Failed spec.containers{app} Error: ImagePullBackOff`,
			`11.80s Pending app:ImagePullBackOff/0`,
			`23.80s BackOff spec.containers{app} Back-off pulling image "registry.invalid/x:1"`,
			`23.80s Failed spec.containers{app} Error: ImagePullBackOff`,
			`30.30s Pulling spec.containers{app} Pulling image "registry.invalid/x:1"`,
			`30.45s Failed spec.containers{app} Failed to pull image "registry.invalid/x:1": ` + notFound,
			`30.45s Failed spec.containers{app} Error: ErrImagePull`,
			`30.45s Pending app:ErrImagePull/0`,
			`31.95s BackOff spec.containers{app} Back-off pulling image "registry.invalid/x:1"`,
			`31.95s Failed spec.containers{app} Error: ImagePullBackOff`,
			`31.95s Pending app:ImagePullBackOff/0`,
		}},
		{"a crashing container is restarted at once, then after ten seconds", object("crash-loop=3"), 15 * time.Second, []string{
			`0.00s Pulling spec.containers{app} Pulling image "nginx:1"`,
			`0.00s Pending app:ContainerCreating/0`,
			`0.15s Pulled spec.containers{app} ` + pulled,
			`0.15s Created spec.containers{app} Container created`,
			`0.15s Started spec.containers{app} Container started`,
			`0.15s Running ready app:running/0`,
			`1.15s Running app:Error 3/0`,
			`2.15s Pulled spec.containers{app} Container image "nginx:1" already present on machine and can be accessed by the pod`,
			`2.15s Created spec.containers{app} Container created`,
			`2.15s Started spec.containers{app} Container started`,
			`2.15s Running ready app:running/1(Error 3)`,
			`3.15s Running app:Error 3/1(Error 3)`,
			`4.15s BackOff spec.containers{app} Back-off restarting failed container app in pod web_shop(u)`,
			`4.15s Running app:CrashLoopBackOff/1(Error 3)`,
			`13.15s Pulled spec.containers{app} Container image "nginx:1" already present on machine and can be accessed by the pod`,
			`13.15s Created spec.containers{app} Container created`,
			`13.15s Started spec.containers{app} Container started`,
			`13.15s Running ready app:running/2(Error 3)`,
			`14.15s Running app:Error 3/2(Error 3)`,
		}},
		{"a job's pod that fails is not restarted if it must not be", object("crash-loop", policy(corev1.RestartPolicyNever)), time.Minute, []string{
			`0.00s Pulling spec.containers{app} Pulling image "nginx:1"`,
			`0.00s Pending app:ContainerCreating/0`,
			`0.15s Pulled spec.containers{app} ` + pulled,
			`0.15s Created spec.containers{app} Container created`,
			`0.15s Started spec.containers{app} Container started`,
			`0.15s Running ready app:running/0`,
			`1.15s Failed app:Error 1/0`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, live(start(test.object, nil), test.until)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEnds looks at the last line only.
func TestEnds(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	tests := []struct {
		name   string
		object *corev1.Pod
		want   string
	}{
		{"a container that crashes twice runs then", object("crashes=2"), "13.15s Running ready app:running/2(Error 1)"},
		{"out of memory", object("oom=1"), "2.15s Running ready app:running/1(OOMKilled 137)"},
		{"a slow one is ready at last", object("slow-start=20s"), "20.15s Running ready app:running/0"},
		{"another never is", object("not-ready"), "0.15s Running app:running/0"},
		{"a slow pull", object("slow-pull=30s"), "30.00s Running ready app:running/0"},
		{"a job's pod ends", object("", policy(corev1.RestartPolicyOnFailure)), "1.15s Succeeded app:Completed 0/0"},
		{"a job's pod ends after it crashed", object("crashes=1", policy(corev1.RestartPolicyOnFailure)),
			"3.15s Succeeded app:Completed 0/1(Error 1)"},
		{"a job's pod told to run goes on", object("run", policy(corev1.RestartPolicyNever)), "0.15s Running ready app:running/0"},
		{"a service that ends is started again", object("complete=50s"), "51.15s Running ready app:running/1(Completed 0)"},
		{"init containers run in turn", object("", inits(corev1.Container{Name: "one", Image: "a"}, corev1.Container{Name: "two", Image: "a"})),
			"0.70s Running ready one:Completed 0/0 two:Completed 0/0 app:running/0"},
		{"a sidecar is no hindrance", object("", inits(corev1.Container{Name: "side", Image: "a", RestartPolicy: &always})),
			"0.30s Running ready side:running/0 app:running/0"},
		{"a sidecar that crashes leaves the rest alone",
			object("side:crash-loop", inits(corev1.Container{Name: "side", Image: "a", RestartPolicy: &always})),
			"36.15s Running side:CrashLoopBackOff/3(Error 1) app:running/0"},
		{"an init container that fails keeps the others back", object("one:crash-loop", inits(corev1.Container{Name: "one", Image: "a"})),
			"36.15s Pending one:CrashLoopBackOff/3(Error 1) app:PodInitializing/0"},
		{"a behavior for another container", object("other:crash-loop"), "0.15s Running ready app:running/0"},
		{"a behavior that does not exist", object("dance"), "0.15s Pending app:CreateContainerConfigError/0"},
		{"an image's name that is none", object("", image("Nginx")), "0.00s Pending app:InvalidImageName/0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var last string
			for _, line := range live(start(test.object, nil), time.Minute) {
				if strings.Contains(line, "app:") {
					last = line
				}
			}
			if last != test.want {
				t.Errorf("ends with %q, want %q", last, test.want)
			}
		})
	}
}

func inits(containers ...corev1.Container) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.InitContainers = containers }
}

func TestStop(t *testing.T) {
	for behavior, want := range map[string]struct {
		after  time.Duration
		status string
	}{
		"":            {stopTime, "Succeeded app:Completed 0/0"},
		"ignore-term": {30 * time.Second, "Failed app:Error 137/0"},
	} {
		pod := object(behavior)
		p := start(pod, nil)
		live(p, time.Second)
		pod.DeletionTimestamp = &metav1.Time{Time: birth}
		now := birth.Add(10 * time.Second)
		p.Sync(now)
		if p.Stopped(now) {
			t.Errorf("%q: stopped at once", behavior)
		}
		if got := p.Next(now).Sub(now); got != want.after {
			t.Errorf("%q: stops after %v, want %v", behavior, got, want.after)
		}
		now = now.Add(want.after)
		p.Sync(now)
		if got := summary(p.Status(corev1.PodStatus{}, now)); got != want.status || !p.Stopped(now) {
			t.Errorf("%q: %s, stopped: %v; want %s", behavior, got, p.Stopped(now), want.status)
		}
	}
}

func TestMissingConfiguration(t *testing.T) {
	lookup := func(kind, name string) (map[string]bool, bool, error) {
		return map[string]bool{"there": true}, kind+"/"+name == "Secret/db", nil
	}
	key := func(name, key string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			ref := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key}
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: ref}}}
		}
	}
	volume := func(source corev1.VolumeSource) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: source}} }
	}
	yes := true
	for name, test := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"a key":      {key("db", "there"), "Running ready app:running/0"},
		"no key":     {key("db", "gone"), "Failed spec.containers{app} Error: couldn't find key gone in Secret shop/db"},
		"no secret":  {key("nope", "x"), `Failed spec.containers{app} Error: secret "nope" not found`},
		"a volume":   {volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "db"}}), "Running ready app:running/0"},
		"no volume":  {volume(corev1.VolumeSource{ConfigMap: configMap("c", nil)}), `FailedMount  MountVolume.SetUp failed for volume "v" : configmap "c" not found`},
		"an option":  {volume(corev1.VolumeSource{ConfigMap: configMap("c", &yes)}), "Running ready app:running/0"},
		"projection": {volume(corev1.VolumeSource{Projected: projected("c")}), `FailedMount  MountVolume.SetUp failed for volume "v" : configmap "c" not found`},
	} {
		story := strings.Join(live(start(object("", test.change), lookup), 5*time.Second), "\n")
		if !strings.Contains(story, test.want) {
			t.Errorf("%s: want %s in:\n%s", name, test.want, story)
		}
	}
}

func configMap(name string, optional *bool) *corev1.ConfigMapVolumeSource {
	return &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Optional: optional}
}

func projected(name string) *corev1.ProjectedVolumeSource {
	return &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
		ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
	}}}
}

func TestProbeOfSlowContainerFails(t *testing.T) {
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}}, PeriodSeconds: 5}
	pod := object("slow-start=12s", func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe = probe })
	var got []string
	for _, line := range live(start(pod, nil), time.Minute) {
		if strings.Contains(line, "Unhealthy") || strings.Contains(line, "Running") {
			got = append(got, line)
		}
	}
	failure := " Unhealthy spec.containers{app} Readiness probe failed: dial tcp 10.101.0.2:80: connect: connection refused"
	want := []string{"0.15s Running app:running/0", "5.15s" + failure, "10.15s" + failure, "12.15s Running ready app:running/0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
