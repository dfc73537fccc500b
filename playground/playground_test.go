package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// TestMain lets the test binary be the playground, as it links the same.
func TestMain(m *testing.M) {
	if os.Getenv("BE_PLAYGROUND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// playground runs a playground command.
func playground(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	cmd.Env = append(os.Environ(), "BE_PLAYGROUND=1")
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

func TestRunPassesExitCodeAndLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", shortTempDir(t))
	stdout, stderr, code := playground(t, "run", "--nodes", "1", "--", "sh", "-c", "echo $KUBECONFIG; test -s $KUBECONFIG && exit 7")
	if code != 7 {
		t.Fatalf("exit code %d, want 7:\n%s", code, stderr)
	}
	if _, err := os.Stat(filepath.Dir(strings.TrimSpace(stdout))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory of %q: %v, want it to be gone", stdout, err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left in the temporary directory: %v", left)
	}
}

func TestRunOfMissingCommand(t *testing.T) {
	t.Setenv("TMPDIR", shortTempDir(t))
	if _, stderr, code := playground(t, "run", "--nodes", "1", "--", "no-such-command"); code != 127 {
		t.Errorf("exit code %d, want 127:\n%s", code, stderr)
	}
}

func TestUpAndDown(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", shortTempDir(t))
	if _, stderr, code := playground(t, "down"); code != 1 || !strings.Contains(stderr, `no playground is called "default"`) {
		t.Errorf("down before up: %d, %s", code, stderr)
	}
	stdout, stderr, code := playground(t, "up", "--nodes", "2")
	if code != 0 {
		t.Fatalf("up: %d, %s", code, stderr)
	}
	t.Cleanup(func() {
		if _, stderr, code := playground(t, "down"); code != 0 {
			t.Errorf("down: %d, %s", code, stderr)
		}
		if _, err := os.Stat(filepath.Dir(strings.TrimSpace(stdout))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("directory after down: %v", err)
		}
	})
	if _, stderr, code := playground(t, "up"); code != 1 || !strings.Contains(stderr, "is up already") {
		t.Errorf("up a second time: %d, %s", code, stderr)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", strings.TrimSpace(stdout))
	if err != nil {
		t.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(cfg)
	t.Run("cluster", func(t *testing.T) {
		t.Run("version", func(t *testing.T) { testVersion(t, client) })
		t.Run("rollout", func(t *testing.T) { t.Parallel(); testRollout(t, client) })
		t.Run("job", func(t *testing.T) { t.Parallel(); testJob(t, client) })
		t.Run("image", func(t *testing.T) { t.Parallel(); testImage(t, client) })
		t.Run("crash", func(t *testing.T) { t.Parallel(); testCrash(t, client) })
		t.Run("volume", func(t *testing.T) { t.Parallel(); testVolume(t, client) })
		t.Run("balancer", func(t *testing.T) { t.Parallel(); testBalancer(t, client) })
		t.Run("rbac", func(t *testing.T) { t.Parallel(); testRBAC(t, cfg) })
	})
}

// shortTempDir is one whose path leaves room for a socket's name.
func shortTempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// eventually fails the test if ok does not become true.
func eventually(t *testing.T, what string, ok func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		done, err := ok(ctx)
		if done {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not seen; last error: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func podSpec(image string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}}
}

func createPod(t *testing.T, client kubernetes.Interface, name, behavior string, spec corev1.PodSpec) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"playground.belay.sh/behavior": behavior}}, Spec: spec}
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func testVersion(t *testing.T, client kubernetes.Interface) {
	info, err := client.Discovery().ServerVersion()
	if err != nil || !strings.HasPrefix(info.GitVersion, "v1.") || info.Minor == "" {
		t.Errorf("version %v, %v", info, err)
	}
}

func testRollout(t *testing.T, client kubernetes.Interface) {
	labels := map[string]string{"app": "web"}
	_, err := client.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec("nginx:1")},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "two ready replicas", func(ctx context.Context) (bool, error) {
		d, err := client.AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == 2, err
	})
	if err := client.AppsV1().Deployments("default").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no pods", func(ctx context.Context) (bool, error) {
		pods, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		return err == nil && len(pods.Items) == 0, err
	})
}

func testJob(t *testing.T, client kubernetes.Interface) {
	spec := podSpec("busybox")
	spec.RestartPolicy = corev1.RestartPolicyNever
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job"}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}
	if _, err := client.BatchV1().Jobs("default").Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job's success", func(ctx context.Context) (bool, error) {
		j, err := client.BatchV1().Jobs("default").Get(ctx, "job", metav1.GetOptions{})
		return err == nil && j.Status.CompletionTime != nil, err
	})
}

func testImage(t *testing.T, client kubernetes.Interface) {
	createPod(t, client, "image", "", podSpec("registry.invalid/app:1"))
	seen := map[string]bool{}
	eventually(t, "both waiting states", func(ctx context.Context) (bool, error) {
		pod, err := client.CoreV1().Pods("default").Get(ctx, "image", metav1.GetOptions{})
		if err == nil && len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].State.Waiting != nil {
			seen[pod.Status.ContainerStatuses[0].State.Waiting.Reason] = true
		}
		return seen["ErrImagePull"] && seen["ImagePullBackOff"], err
	})
	eventually(t, "the event", func(ctx context.Context) (bool, error) {
		events, err := client.CoreV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=image,reason=Failed"})
		if err != nil {
			return false, err
		}
		for _, e := range events.Items {
			if strings.HasSuffix(e.Message, ": not found") && e.ReportingController == "kubelet" &&
				e.InvolvedObject.FieldPath == "spec.containers{app}" && e.Type == corev1.EventTypeWarning {
				return true, nil
			}
		}
		return false, nil
	})
}

func testCrash(t *testing.T, client kubernetes.Interface) {
	createPod(t, client, "crash", "app:crash-loop=3", podSpec("nginx:1"))
	eventually(t, "a back-off", func(ctx context.Context) (bool, error) {
		pod, err := client.CoreV1().Pods("default").Get(ctx, "crash", metav1.GetOptions{})
		if err != nil || len(pod.Status.ContainerStatuses) == 0 {
			return false, err
		}
		s := pod.Status.ContainerStatuses[0]
		return s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff" && s.RestartCount == 1 &&
			s.LastTerminationState.Terminated.ExitCode == 3, nil
	})
	log, err := client.CoreV1().Pods("default").GetLogs("crash", &corev1.PodLogOptions{}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if text, err := io.ReadAll(log); err != nil || !strings.Contains(string(text), "level=fatal") {
		t.Errorf("log %q, %v", text, err)
	}
}

func testVolume(t *testing.T, client kubernetes.Interface) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}
	if _, err := client.CoreV1().PersistentVolumeClaims("default").Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	spec := podSpec("postgres:16")
	spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
	}}}
	createPod(t, client, "volume", "", spec)
	eventually(t, "a running pod", func(ctx context.Context) (bool, error) {
		pod, err := client.CoreV1().Pods("default").Get(ctx, "volume", metav1.GetOptions{})
		return err == nil && pod.Status.Phase == corev1.PodRunning, err
	})
}

func testBalancer(t *testing.T, client kubernetes.Interface) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "lb"}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
	if _, err := client.CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an address", func(ctx context.Context) (bool, error) {
		s, err := client.CoreV1().Services("default").Get(ctx, "lb", metav1.GetOptions{})
		return err == nil && len(s.Status.LoadBalancer.Ingress) == 1, err
	})
}

// testRBAC asks as the default ServiceAccount, which exists from the start and may do nothing.
func testRBAC(t *testing.T, cfg *rest.Config) {
	cfg = rest.CopyConfig(cfg)
	cfg.Impersonate.UserName = "system:serviceaccount:default:default"
	_, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("listing secrets: %v, want forbidden", err)
	}
}
