package rollout

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/policy"
)

func TestRegistryWords(t *testing.T) {
	for message, want := range map[string]string{
		`rpc error: code = NotFound desc = failed to pull and unpack image "r/a:1": failed to resolve reference "r/a:1": r/a:1: not found`:                                                                                     "not found",
		`Error response from daemon: manifest for r/a:1 not found: manifest unknown: manifest unknown`:                                                                                                                         "manifest unknown",
		`failed to pull and unpack image "docker.io/a/b:1": failed to resolve reference: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`: "pull access denied, repository does not exist or may require authorization",
		`failed to do request: Head "https://registry.invalid/v2/a/manifests/1": dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host`:                                                                             "no such host",
		`failed to copy: httpReadSeeker: failed open: unexpected status code https://r/v2/a: 429 Too Many Requests - Server message: toomanyrequests`:                                                                          "429 Too Many Requests",
		`unexpected status from HEAD request to https://r/v2/a/manifests/1: 503 Service Unavailable`:                                                                                                                           "503 Service Unavailable",
		`Head "https://r/v2/a": tls: failed to verify certificate: x509: certificate signed by unknown authority`:                                                                                                              "x509: certificate signed by unknown authority",
		`dial tcp 10.0.0.1:443: connect: connection refused`:                                                                                                                                                                   "connection refused",
		`dial tcp 10.0.0.1:443: i/o timeout`:           "i/o timeout",
		`no match for platform in manifest: not found`: "no match for platform in manifest",
		`something: that nobody: has foreseen`:         "has foreseen",
	} {
		if got := registryWords(message); got != want {
			t.Errorf("%s\n got %q\nwant %q", message, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{times(1), "once"}, {times(4), "four times"}, {times(12), "12 times"},
		{duration(8400 * time.Millisecond), "8s"}, {duration(80 * time.Second), "80s"}, {duration(12 * time.Minute), "12m"}, {duration(5 * time.Hour), "5h"},
		{setupWords(`MountVolume.SetUp failed for volume "cfg" : configmap "front" not found`), `volume cfg: configmap "front" not found`},
		{setupWords("no network"), "no network"},
		{schedulerWords("0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes."), "0/3 nodes are available: 3 Insufficient cpu"},
		{startWords(problem{message: `failed to create shim task: OCI runtime create failed: exec: "srv": executable file not found in $PATH`}), `"srv": executable file not found in $PATH`},
		{shorten("a\n  b"), "a b"},
		{fmt.Sprint(lastLines("\na\n\x1b[31mb\tc\r\n\n", 2)), "[a [31mb c]"},
		{fmt.Sprint(lastLines("1\n2\n3\n", 2)), "[2 3]"},
		{fmt.Sprint(len(lastLines(" \n", 2))), "0"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

const pending = "{apiVersion: v1, kind: Pod, metadata: {name: p, uid: p}, spec: {containers: [{name: c, image: 'r/a:1'}]}, status: {phase: Pending, containerStatuses: ["

func TestProblemsOfAPod(t *testing.T) {
	for _, test := range []struct {
		name, pod string
		want      []string
	}{
		{"a pod that is made has none", pending + "{name: c, state: {waiting: {reason: ContainerCreating}}}]}}", nil},
		{"an image that is not there", pending + "{name: c, state: {waiting: {reason: ErrImagePull, message: 'r/a:1: not found'}}}]}}", []string{"1 c ImagePullBackOff"}},
		{"a registry that is busy", pending + "{name: c, state: {waiting: {reason: ErrImagePull, message: '429 Too Many Requests'}}}]}}", []string{"2 c ImagePullBackOff"}},
		{"a name that is no image's", pending + "{name: c, state: {waiting: {reason: InvalidImageName}}}]}}", []string{"1 c InvalidImageName"}},
		{"a missing secret", pending + "{name: c, state: {waiting: {reason: CreateContainerConfigError}}}]}}", []string{"3 c CreateContainerConfigError"}},
		{"a program that is not there", pending + "{name: c, state: {waiting: {reason: RunContainerError}}}]}}", []string{"4 c RunContainerError"}},
		{"a crash waits", pending + "{name: c, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}]}}", []string{"5 c CrashLoopBackOff exited 2, 4 crashes"}},
		{"a crash just now", pending + "{name: c, restartCount: 3, state: {terminated: {exitCode: 2}}}]}}", []string{"5 c CrashLoopBackOff exited 2, 4 crashes"}},
		{"it runs again, and is not ready", pending + "{name: c, restartCount: 3, state: {running: {}}, lastState: {terminated: {exitCode: 2}}}]}}", []string{"5 c CrashLoopBackOff exited 2, 3 crashes"}},
		{"it runs, and is not ready", pending + "{name: c, state: {running: {}}}]}}", []string{"9 c "}},
		{"it runs, and is ready", pending + "{name: c, ready: true, state: {running: {}}}]}}", nil},
		{"a container that is done", pending + "{name: c, state: {terminated: {exitCode: 0}}}]}}", nil},
		{"the image tells more than the crash beside it", pending + "{name: c, state: {terminated: {exitCode: 2}}}, {name: d, state: {waiting: {reason: InvalidImageName}}}]}}", []string{"1 d InvalidImageName", "5 c CrashLoopBackOff exited 2, 1 crashes"}},
		{"no node takes it", "{kind: Pod, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}]}}", []string{"7  Unschedulable"}},
		{"a gate is meant to hold it", "{kind: Pod, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated}]}}", []string{"10  SchedulingGated"}},
		{"it was evicted", "{kind: Pod, status: {phase: Failed, reason: Evicted}}", []string{"8  Evicted"}},
		{"it is being deleted", "{kind: Pod, metadata: {deletionTimestamp: x}, status: {phase: Failed, reason: Evicted}}", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range problemsOf(obj(t, test.pod)) {
				line := fmt.Sprint(int(p.class), " ", p.container, " ", p.word())
				if p.class == crash {
					line += fmt.Sprintf(" exited %d, %d crashes", p.exit, p.crashes)
				}
				got = append(got, line)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHowLongAProblemMayLast(t *testing.T) {
	crashed := func(n int64) problem { return problem{class: crash, container: "c", crashes: n, settled: true} }
	for _, test := range []struct {
		name string
		p    problem
		pol  policy.Policy
		want time.Duration // -1 is never
	}{
		{"an image that is not there", problem{class: badImage}, policy.Policy{}, 20 * time.Second},
		{"a busy registry", problem{class: pull}, policy.Policy{}, 2 * time.Minute},
		{"a missing secret", problem{class: config}, policy.Policy{}, time.Minute},
		{"a quota", problem{class: quota}, policy.Policy{}, 30 * time.Second},
		{"no node", problem{class: unschedulable}, policy.Policy{}, 5 * time.Minute},
		{"a probe that says no", problem{class: unready}, policy.Policy{}, -1},
		{"three crashes", crashed(3), policy.Policy{}, -1},
		{"four crashes", crashed(4), policy.Policy{}, 30 * time.Second},
		{"two crashes where no more are allowed", crashed(2), policy.Policy{MaxRestarts: 2}, 30 * time.Second},
		{"crashes, with a budget that is shorter", crashed(4), policy.Policy{FailAfter: 5 * time.Second}, 5 * time.Second},
		{"crashes, with a budget that is longer", crashed(4), policy.Policy{FailAfter: time.Hour}, 30 * time.Second},
		{"four crashes, but it runs again", problem{class: crash, crashes: 4}, policy.Policy{}, -1},
		{"an image, with a budget of its own", problem{class: badImage}, policy.Policy{FailAfter: 3 * time.Second}, 3 * time.Second},
		{"no node, with a budget of its own", problem{class: unschedulable}, policy.Policy{FailAfter: time.Hour}, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			start, s := time.Now(), sightings{}
			got := time.Duration(-1)
			for after := time.Duration(0); after <= 2*time.Hour; after += time.Second {
				if _, certain := s.certain(start.Add(after), test.pol, []problem{test.p}); certain {
					got = after
					break
				}
			}
			if got != test.want {
				t.Errorf("certain after %s, want %s", got, test.want)
			}
		})
	}
}

func TestAProblemThatEndsIsForgotten(t *testing.T) {
	start, s := time.Now(), sightings{}
	p := []problem{{class: badImage}}
	s.certain(start, policy.Policy{}, p)
	s.certain(start.Add(15*time.Second), policy.Policy{}, nil)
	s.certain(start.Add(18*time.Second), policy.Policy{}, p)
	if _, certain := s.certain(start.Add(30*time.Second), policy.Policy{}, p); certain {
		t.Error("the time before counts")
	}
	if _, certain := s.certain(start.Add(38*time.Second), policy.Policy{}, p); !certain {
		t.Error("it is not certain in time")
	}
}

func TestABackOffDoesNotHideWhyThePullFailed(t *testing.T) {
	start, s := time.Now(), sightings{}
	s.certain(start, policy.Policy{}, []problem{{class: badImage, message: "r/a:1: not found"}})
	if _, certain := s.certain(start.Add(20*time.Second), policy.Policy{}, []problem{{class: pull, message: `Back-off pulling image "r/a:1"`}}); !certain {
		t.Error("the back-off counts as another problem")
	}
}

func TestCrashesCountBetweenWhichAllLooksWell(t *testing.T) {
	start, s := time.Now(), sightings{}
	s.certain(start, policy.Policy{}, []problem{{class: crash, crashes: 1, settled: true}})
	s.certain(start.Add(10*time.Second), policy.Policy{}, nil)
	if _, certain := s.certain(start.Add(31*time.Second), policy.Policy{}, []problem{{class: crash, crashes: 4, settled: true}}); !certain {
		t.Error("the pod's good moment made its crashes forgotten")
	}
}
