package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

const (
	retry    = time.Second           // after an API call that failed
	shortest = 20 * time.Millisecond // between two looks at the same pod
)

// worker leads one pod through its life: one goroutine, which alone writes the pod's status.
type worker struct {
	client          kubernetes.Interface
	node            *node
	namespace, name string
	updates         chan *corev1.Pod // holds the newest only
	cancel          context.CancelFunc
	latest          *corev1.Pod // as the API server last showed or returned it
	deleted         bool

	mu  sync.Mutex // log requests read pod too
	pod *Pod
}

func newWorker(client kubernetes.Interface, n *node, pod *Pod, object *corev1.Pod) *worker {
	return &worker{
		client: client, node: n, namespace: object.Namespace, name: object.Name,
		updates: make(chan *corev1.Pod, 1), latest: object, pod: pod,
	}
}

// offer passes the object's newest version on. Only the informer's goroutine calls it.
func (w *worker) offer(object *corev1.Pod) {
	select {
	case <-w.updates:
	default:
	}
	w.updates <- object
}

func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case object := <-w.updates:
			w.see(object)
		case <-timer.C:
		}
		next, err := w.sync(ctx)
		switch {
		case apierrors.IsNotFound(err):
			next = time.Time{} // the informer says so next
		case err != nil && ctx.Err() == nil:
			klog.ErrorS(err, "Syncing pod", "pod", klog.KRef(w.namespace, w.name))
			next = time.Now().Add(retry)
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(time.Until(next), shortest))
		}
	}
}

// see takes an object from the API server unless a newer one is known, as after an own write.
func (w *worker) see(object *corev1.Pod) {
	if order, err := resourceversion.CompareResourceVersion(object.ResourceVersion, w.latest.ResourceVersion); err == nil && order >= 0 {
		w.latest = object
	}
}

// sync brings the pod to now and the API server to the pod. It returns when to come back; the zero time: when the object changes.
func (w *worker) sync(ctx context.Context) (time.Time, error) {
	now := time.Now()
	w.mu.Lock()
	w.pod.Update(w.latest)
	w.pod.Sync(now)
	events := w.pod.Events()
	status := w.pod.Status(w.latest.Status, now)
	next, stopped := w.pod.Next(now), w.pod.Stopped(now)
	w.mu.Unlock()
	for _, e := range events {
		w.node.recorder.Event(w.reference(e.FieldPath), e.Type, e.Reason, e.Message)
	}
	if w.deleted {
		return time.Time{}, nil
	}
	if err := w.write(ctx, status); err != nil {
		return next, err
	}
	if !stopped {
		return next, nil
	}
	err := w.client.CoreV1().Pods(w.namespace).Delete(ctx, w.name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(w.latest.UID)),
	})
	w.deleted = err == nil
	return time.Time{}, err
}

// write patches the status, if it differs, as a kubelet does.
func (w *worker) write(ctx context.Context, status corev1.PodStatus) error {
	before, err := json.Marshal(corev1.Pod{Status: w.latest.Status})
	if err != nil {
		return fmt.Errorf("encoding the old status: %w", err)
	}
	after, err := json.Marshal(corev1.Pod{Status: status})
	if err != nil {
		return fmt.Errorf("encoding the new status: %w", err)
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Pod{})
	if err != nil {
		return fmt.Errorf("comparing statuses: %w", err)
	}
	if string(patch) == "{}" {
		return nil
	}
	patch = append(fmt.Appendf(nil, `{"metadata":{"uid":%q},`, w.latest.UID), patch[1:]...)
	object, err := w.client.CoreV1().Pods(w.namespace).Patch(ctx, w.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return err
	}
	w.see(object)
	return nil
}

// reference is what the events are about.
func (w *worker) reference(fieldPath string) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: w.namespace, Name: w.name,
		UID: w.latest.UID, ResourceVersion: w.latest.ResourceVersion, FieldPath: fieldPath,
	}
}
