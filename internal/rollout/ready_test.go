package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// obj reads an object that a test writes as YAML.
func obj(t testing.TB, source string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	raw, err := yaml.YAMLToJSON([]byte(source))
	if err != nil {
		t.Fatalf("%v in\n%s", err, source)
	}
	// As the client reads it: integers are int64.
	full := map[string]any{}
	if err := unmarshal(raw, &full); err != nil {
		t.Fatal(err)
	}
	u.Object = full
	return u
}

const (
	dep  = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, "
	sts  = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, "
	ds   = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 2}, "
	rs   = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 2}, "
	jb   = "{apiVersion: batch/v1, kind: Job, metadata: {name: a, generation: 1}, "
	po   = "{apiVersion: v1, kind: Pod, metadata: {name: a}, "
	cr   = "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, generation: 2}"
	full = "conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: Available, status: 'True'}]"
)

// row is an object as a cluster shows it, and what is to be said of it.
type row struct {
	name, object string
	want         State
}

func TestOf(t *testing.T) {
	judgeAll(t, []row{
		// Deployments
		{"a new deployment is not observed", dep + "spec: {replicas: 3}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 3}},
		{"a deployment of an older generation is not observed", dep + "spec: {replicas: 3}, status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, " + full + "}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a deployment with old pods only", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3}}", State{Phase: Progressing, Summary: "0 of 3 updated", Wanted: 3}},
		{"a deployment in the middle", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3}}", State{Phase: Progressing, Summary: "1 of 3 updated", Done: 1, Wanted: 3}},
		{"a deployment whose old pods end", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 4, updatedReplicas: 3, readyReplicas: 4, availableReplicas: 4}}", State{Phase: Progressing, Summary: "3 of 3 updated, 1 old pod left", Done: 3, Wanted: 3}},
		{"a deployment scaled down", dep + "spec: {replicas: 1}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3}}", State{Phase: Progressing, Summary: "1 of 1 updated, 2 pods ending", Done: 1, Wanted: 1}},
		{"a deployment whose pods start", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 2}}", State{Phase: Progressing, Summary: "2 of 3 available", Done: 2, Wanted: 3}},
		{"a deployment whose pods are ready but too young", dep + "spec: {replicas: 3, minReadySeconds: 9}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 1}}", State{Phase: Progressing, Summary: "1 of 3 available", Done: 1, Wanted: 3}},
		{"a deployment that is done", dep + "spec: {replicas: 3, progressDeadlineSeconds: 600}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, " + full + "}}", State{Phase: Ready, Summary: "3 of 3", Done: 3, Wanted: 3}},
		{"a deployment that its controller has not called complete", dep + "spec: {replicas: 1, progressDeadlineSeconds: 600}, status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}}", State{Phase: Progressing, Summary: "1 of 1 available, not settled yet", Done: 1, Wanted: 1}},
		{"a deployment without a deadline goes by its numbers", dep + "spec: {replicas: 1}, status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a deployment of one replica by default", dep + "status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a deployment without replicas is ready once observed", dep + "spec: {replicas: 0}, status: {observedGeneration: 2, " + full + "}}", State{Phase: Ready, Summary: "0 of 0"}},
		{"a deployment without replicas that is not observed", dep + "spec: {replicas: 0}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a paused deployment does not block", dep + "spec: {replicas: 3, paused: true}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 1}}", State{Phase: Ready, Summary: "paused: 1 of 3 updated", Done: 1, Wanted: 3}},
		{"a deployment beyond its deadline", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 4, updatedReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}}", State{Phase: Failed, Summary: "1 of 3 updated", Reason: "ProgressDeadlineExceeded", Done: 1, Wanted: 3}},
		{"a deployment that came through after its deadline", dep + "spec: {replicas: 1}, status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"the deadline of an older generation does not count", dep + "spec: {replicas: 3}, status: {observedGeneration: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a deployment that is being deleted", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, deletionTimestamp: '2026-11-21T20:00:00Z'}}", State{Phase: Deleting, Summary: "being deleted"}},

		// StatefulSets
		{"a new stateful set is not observed", sts + "spec: {replicas: 3}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 3}},
		{"a stateful set that makes its pods", sts + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1}}", State{Phase: Progressing, Summary: "1 of 3 available", Done: 1, Wanted: 3}},
		{"a stateful set in the middle of an update", sts + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, updatedReplicas: 1, currentRevision: x, updateRevision: y}}", State{Phase: Progressing, Summary: "1 of 3 updated", Done: 1, Wanted: 3}},
		{"a stateful set whose last pod starts", sts + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, updatedReplicas: 3}}", State{Phase: Progressing, Summary: "2 of 3 available", Done: 2, Wanted: 3}},
		{"a stateful set whose pods are too young", sts + "spec: {replicas: 2}, status: {observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 1, updatedReplicas: 2}}", State{Phase: Progressing, Summary: "1 of 2 available", Done: 1, Wanted: 2}},
		{"a stateful set that is done", sts + "spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3, updatedReplicas: 3}}", State{Phase: Ready, Summary: "3 of 3", Done: 3, Wanted: 3}},
		{"a stateful set that scales down", sts + "spec: {replicas: 1}, status: {observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2}}", State{Phase: Progressing, Summary: "1 of 1 updated, 1 pod ending", Done: 1, Wanted: 1}},
		{"a stateful set without replicas", sts + "spec: {replicas: 0}, status: {observedGeneration: 2, replicas: 0}}", State{Phase: Ready, Summary: "0 of 0"}},
		{"a partition is done above its border", sts + "spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 2}}}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, updatedReplicas: 1, currentRevision: x, updateRevision: y}}", State{Phase: Ready, Summary: "3 of 3, 2 below the partition not updated", Done: 3, Wanted: 3}},
		{"a partition that is not done", sts + "spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 1}}}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, updatedReplicas: 1, currentRevision: x, updateRevision: y}}", State{Phase: Progressing, Summary: "1 of 2 updated", Done: 1, Wanted: 2}},
		{"a partition above all pods", sts + "spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 9}}}, status: {observedGeneration: 2, replicas: 2, readyReplicas: 2, currentRevision: x, updateRevision: y}}", State{Phase: Ready, Summary: "2 of 2, 2 below the partition not updated", Done: 2, Wanted: 2}},
		{"pods that wait to be deleted do not block", sts + "spec: {replicas: 3, updateStrategy: {type: OnDelete}}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, updatedReplicas: 1}}", State{Phase: Ready, Summary: "1 of 3 updated, the others when they are deleted", Done: 1, Wanted: 3}},
		{"first pods of an OnDelete set are waited for", sts + "spec: {replicas: 3, updateStrategy: {type: OnDelete}}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 0, updatedReplicas: 1}}", State{Phase: Progressing, Summary: "0 of 3 available", Wanted: 3}},

		// DaemonSets and ReplicaSets
		{"a new daemon set is not observed", ds + "spec: {}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a daemon set in the middle of an update", ds + "status: {observedGeneration: 2, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: 1, numberReady: 3, numberAvailable: 3}}", State{Phase: Progressing, Summary: "1 of 3 updated", Done: 1, Wanted: 3}},
		{"a daemon set whose pods start", ds + "status: {observedGeneration: 2, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 2, numberAvailable: 2}}", State{Phase: Progressing, Summary: "2 of 3 available", Done: 2, Wanted: 3}},
		{"a daemon set that is done", ds + "status: {observedGeneration: 2, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3, numberAvailable: 3}}", State{Phase: Ready, Summary: "3 of 3", Done: 3, Wanted: 3}},
		{"a daemon set that no node takes", ds + "status: {observedGeneration: 2, desiredNumberScheduled: 0, currentNumberScheduled: 0}}", State{Phase: Ready, Summary: "0 of 0"}},
		{"a daemon set that updates on deletion", ds + "spec: {updateStrategy: {type: OnDelete}}, status: {observedGeneration: 2, desiredNumberScheduled: 3, currentNumberScheduled: 3, numberReady: 3, numberAvailable: 3}}", State{Phase: Ready, Summary: "0 of 3 updated, the others when they are deleted", Wanted: 3}},
		{"a replica set whose pods start", rs + "spec: {replicas: 2}, status: {observedGeneration: 2, replicas: 2, readyReplicas: 1, availableReplicas: 1}}", State{Phase: Progressing, Summary: "1 of 2 available", Done: 1, Wanted: 2}},
		{"a replica set that is done", rs + "spec: {replicas: 2}, status: {observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2}}", State{Phase: Ready, Summary: "2 of 2", Done: 2, Wanted: 2}},

		// Jobs
		{"a new job", jb + "spec: {}}", State{Phase: Progressing, Summary: "not started yet", Wanted: 1}},
		{"a running job is not ready", jb + "status: {startTime: '2026-11-21T20:00:00Z', active: 1}}", State{Phase: Progressing, Summary: "running", Wanted: 1, Since: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}},
		{"a job that tries again", jb + "status: {startTime: '2026-11-21T20:00:00Z', active: 1, failed: 2}}", State{Phase: Progressing, Summary: "running, 2 tries failed", Wanted: 1, Since: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}},
		{"a job of several completions", jb + "spec: {completions: 5}, status: {startTime: '2026-11-21T20:00:00Z', succeeded: 2}}", State{Phase: Progressing, Summary: "2 of 5 complete", Done: 2, Wanted: 5, Since: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}},
		{"a complete job", jb + "status: {startTime: '2026-11-21T20:00:00Z', completionTime: '2026-11-21T20:00:08Z', succeeded: 1, conditions: [{type: Complete, status: 'True'}]}}", State{Phase: Ready, Summary: "complete in 8s", Done: 1, Wanted: 1}},
		{"a failed job", jb + "status: {startTime: '2026-11-21T20:00:00Z', failed: 7, conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]}}", State{Phase: Failed, Summary: "failed after 7 tries", Reason: "BackoffLimitExceeded", Wanted: 1}},
		{"a job that is bound to fail", jb + "status: {startTime: '2026-11-21T20:00:00Z', failed: 1, conditions: [{type: FailureTarget, status: 'True', reason: PodFailurePolicy}]}}", State{Phase: Failed, Summary: "failed", Reason: "PodFailurePolicy", Wanted: 1}},
		{"a suspended job does not block", jb + "spec: {suspend: true}}", State{Phase: Ready, Summary: "suspended"}},

		// Pods
		{"a new pod", po + "spec: {containers: [{name: c}]}}", State{Phase: Progressing, Summary: "pending"}},
		{"a pod that no node takes", po + "status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}]}}", State{Phase: Progressing, Summary: "pending", Reason: "Unschedulable"}},
		{"a pod without its image", po + "status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff}}}]}}", State{Phase: Progressing, Summary: "pending", Reason: "ImagePullBackOff"}},
		{"a pod that is made", po + "status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ContainerCreating}}}]}}", State{Phase: Progressing, Summary: "pending"}},
		{"a running pod that is not ready", po + "spec: {containers: [{name: a}, {name: b}]}, status: {phase: Running, containerStatuses: [{name: a, ready: true}, {name: b, ready: false}], conditions: [{type: Ready, status: 'False'}]}}", State{Phase: Progressing, Summary: "1 of 2 containers ready", Done: 1, Wanted: 2}},
		{"a running and ready pod", po + "status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready, Summary: "running"}},
		{"a pod that ran to its end", po + "status: {phase: Succeeded}}", State{Phase: Ready, Summary: "complete"}},
		{"a pod that failed", po + "status: {phase: Failed, containerStatuses: [{name: c, state: {terminated: {exitCode: 1, reason: Error}}}]}}", State{Phase: Failed, Summary: "failed", Reason: "Error"}},
		{"a pod that was evicted", po + "status: {phase: Failed, reason: Evicted}}", State{Phase: Failed, Summary: "failed", Reason: "Evicted"}},

		// Storage and network
		{"a bound claim", "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}", State{Phase: Ready, Summary: "bound"}},
		{"a claim that waits for its pod does not block", "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}", State{Phase: Ready, Summary: "not bound yet"}},
		{"a lost claim", "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Lost}}", State{Phase: Failed, Summary: "its volume is lost", Reason: "Lost"}},
		{"a volume", "{apiVersion: v1, kind: PersistentVolume, status: {phase: Available}}", State{Phase: Ready}},
		{"a failed volume", "{apiVersion: v1, kind: PersistentVolume, status: {phase: Failed, reason: x, message: broken}}", State{Phase: Failed, Summary: "broken", Reason: "x"}},
		{"a service", "{apiVersion: v1, kind: Service, spec: {type: ClusterIP}, status: {loadBalancer: {}}}", State{Phase: Ready}},
		{"a load balancer without address does not block", "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {}}}", State{Phase: Ready, Summary: "no address yet"}},
		{"a load balancer with its address", "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}}", State{Phase: Ready}},
		{"an ingress without controller does not block", "{apiVersion: networking.k8s.io/v1, kind: Ingress, status: {loadBalancer: {}}}", State{Phase: Ready, Summary: "no address yet"}},

		// What extends the API
		{"a new definition", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}", State{Phase: Progressing, Summary: "not established yet"}},
		{"a definition that is installed", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'False', reason: Installing}]}}", State{Phase: Progressing, Summary: "not established yet"}},
		{"an established definition", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'True'}]}}", State{Phase: Ready, Summary: "established"}},
		{"a definition whose names are taken", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {conditions: [{type: NamesAccepted, status: 'False', reason: ListKindConflict, message: taken}]}}", State{Phase: Failed, Summary: "taken", Reason: "ListKindConflict"}},
		{"an API whose server is away", "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, status: 'False', reason: MissingEndpoints}]}}", State{Phase: Progressing, Summary: "not available yet", Reason: "MissingEndpoints"}},
		{"an API that is served", "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, status: 'True'}]}}", State{Phase: Ready, Summary: "available"}},

		{"a quota that nothing was counted by", "{apiVersion: v1, kind: ResourceQuota, spec: {hard: {pods: '1'}}}", State{Phase: Progressing, Summary: "not counted yet"}},
		{"a quota that counts", "{apiVersion: v1, kind: ResourceQuota, status: {hard: {pods: '1'}, used: {pods: '1'}}}", State{Phase: Ready}},

		// What has no readiness
		{"a config map", "{apiVersion: v1, kind: ConfigMap, data: {a: b}}", State{Phase: Ready}},
		{"a role", "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role}", State{Phase: Ready}},
		{"a cron job", "{apiVersion: batch/v1, kind: CronJob, status: {lastScheduleTime: '2026-11-21T20:00:00Z'}}", State{Phase: Ready}},
		{"an autoscaler without metrics", "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: {conditions: [{type: ScalingActive, status: 'False'}]}}", State{Phase: Ready}},
		{"an active namespace", "{apiVersion: v1, kind: Namespace, status: {phase: Active}}", State{Phase: Ready}},
		{"a terminating namespace", "{apiVersion: v1, kind: Namespace, status: {phase: Terminating}}", State{Phase: Deleting, Summary: "being deleted"}},
		{"a disruption budget without a status", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, spec: {minAvailable: 1}}", State{Phase: Ready}},
		{"a disruption budget that nobody has seen", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0}}", State{Phase: Ready, Summary: "no controller has taken it up"}},
		{"a disruption budget that allows an eviction", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {observedGeneration: 1, currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2}}", State{Phase: Ready}},
		{"a disruption budget whose pods are not healthy yet", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {observedGeneration: 1, currentHealthy: 0, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 2, conditions: [{type: DisruptionAllowed, status: 'False', reason: InsufficientPods}]}}", State{Phase: Ready}},
		{"a disruption budget that never allows an eviction", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {observedGeneration: 1, currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0, expectedPods: 2, conditions: [{type: DisruptionAllowed, status: 'False', reason: InsufficientPods}]}}", State{Phase: Ready, Summary: "allows no eviction: 2 of 2 pods must be healthy"}},
		{"a disruption budget without pods", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {observedGeneration: 1, currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, conditions: [{type: DisruptionAllowed, status: 'False', reason: InsufficientPods}]}}", State{Phase: Ready}},
		{"a disruption budget that cannot be reckoned", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 1}, status: {observedGeneration: 1, conditions: [{type: DisruptionAllowed, status: 'False', reason: SyncFailed, message: found no controllers for pod x}]}}", State{Phase: Ready, Summary: "allows no eviction: found no controllers for pod x"}},
		{"a disruption budget that is not observed", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {generation: 2}, status: {observedGeneration: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},

		// Custom resources
		{"a custom resource without status is ready", cr + ", spec: {}}", State{Phase: Ready, Summary: "exists, without a status"}},
		{"a custom resource that is not observed", cr + ", status: {observedGeneration: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a custom resource that is observed and says no more", cr + ", status: {observedGeneration: 2}}", State{Phase: Ready}},
		{"a custom resource that is ready", cr + ", status: {conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready}},
		{"a custom resource that is not ready", cr + ", status: {conditions: [{type: Ready, status: 'False', reason: Waiting, message: for the disk}]}}", State{Phase: Progressing, Summary: "for the disk", Reason: "Waiting"}},
		{"a custom resource whose readiness is of an older generation", cr + ", status: {conditions: [{type: Ready, status: 'True', observedGeneration: 1}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a custom resource that reconciles", cr + ", status: {conditions: [{type: Reconciling, status: 'True', reason: Working, message: soon}]}}", State{Phase: Progressing, Summary: "soon", Reason: "Working"}},
		{"a custom resource that is stalled", cr + ", status: {conditions: [{type: Stalled, status: 'True', reason: NoDisk, message: there is no disk}]}}", State{Phase: Failed, Summary: "there is no disk", Reason: "NoDisk"}},
		{"a custom resource with a status of its own shape", cr + ", status: {conditions: fine}}", State{Phase: Ready}},
		{"a status that is text", cr + ", status: fine}", State{Phase: Ready}},
	})
}

func judgeAll(t *testing.T, rows []row) {
	for _, test := range rows {
		t.Run(test.name, func(t *testing.T) {
			u := obj(t, test.object)
			before := u.DeepCopy()
			if d := cmp.Diff(test.want, Of(u)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(before.Object, u.Object); d != "" {
				t.Errorf("the object was changed: %s", d)
			}
		})
	}
}
