package rollout

import (
	"testing"
	"time"
)

// The cases of kstatus's own tests, in our words, and where we say otherwise.
func TestOfAnswersWhatKstatusIsAsked(t *testing.T) {
	judgeAll(t, []row{
		// Pods: seven cases.
		{"a pod that nobody has seen", po + "}", State{Phase: Progressing, Summary: "pending"}},
		{"a pod that is up", po + "status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready, Summary: "running"}},
		{"a pod that is done is not blamed for not being ready", po + "status: {phase: Succeeded, conditions: [{type: Ready, status: 'False', reason: PodCompleted}]}}", State{Phase: Ready, Summary: "complete"}},
		{"a pod that failed is never done, unlike with kstatus", po + "status: {phase: Failed, conditions: [{type: Ready, status: 'False', reason: PodCompleted}]}}", State{Phase: Failed, Summary: "failed"}},
		{"a young pod that waits for a node", "{apiVersion: v1, kind: Pod, metadata: {name: a, creationTimestamp: '2026-11-21T20:00:00Z'}, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}]}}", State{Phase: Progressing, Summary: "pending", Reason: "Unschedulable"}},
		{"a pod that waits for a node, however long", po + "status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}]}}", State{Phase: Progressing, Summary: "pending", Reason: "Unschedulable"}},
		{"a pod that crashes is not given up at the first crash", po + "spec: {containers: [{name: nginx}]}, status: {phase: Running, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}], containerStatuses: [{name: nginx, state: {waiting: {reason: CrashLoopBackOff}}}]}}", State{Phase: Progressing, Summary: "0 of 1 containers ready", Reason: "CrashLoopBackOff", Wanted: 1}},

		// Claims: two.
		{"a claim that nobody has seen does not block, unlike with kstatus", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, generation: 1}}", State{Phase: Ready, Summary: "not bound yet"}},
		{"a claim that has its volume", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, generation: 1}, status: {phase: Bound}}", State{Phase: Ready, Summary: "bound"}},

		// StatefulSets: six.
		{"a stateful set without a status", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 1}},
		{"a stateful set with half a status", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, currentReplicas: 1}}", State{Phase: Progressing, Summary: "0 of 1 available", Wanted: 1}},
		{"a stateful set of four", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, currentReplicas: 4, updatedReplicas: 4, readyReplicas: 4, replicas: 4}}", State{Phase: Ready, Summary: "4 of 4", Done: 4, Wanted: 4}},
		{"a stateful set of which two are ready", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, currentReplicas: 4, updatedReplicas: 4, readyReplicas: 2, replicas: 4}}", State{Phase: Progressing, Summary: "2 of 4 available", Done: 2, Wanted: 4}},
		{"a stateful set of which two are current", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, currentReplicas: 2, updatedReplicas: 2, readyReplicas: 4, replicas: 4}}", State{Phase: Progressing, Summary: "2 of 4 updated", Done: 2, Wanted: 4}},
		{"a stateful set with four pods too many", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, currentReplicas: 4, updatedReplicas: 4, readyReplicas: 4, replicas: 8}}", State{Phase: Progressing, Summary: "4 of 4 updated, 4 pods ending", Done: 4, Wanted: 4}},

		// DaemonSets: six.
		{"a daemon set without a status", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a daemon set with half a status", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, currentReplicas: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a daemon set on four nodes", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}}", State{Phase: Ready, Summary: "4 of 4", Done: 4, Wanted: 4}},
		{"a daemon set of an older generation", ds + "status: {observedGeneration: 1, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a daemon set of which two are ready", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 2}}", State{Phase: Progressing, Summary: "2 of 4 available", Done: 2, Wanted: 4}},
		{"a daemon set of which two are available", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 2, numberReady: 4}}", State{Phase: Progressing, Summary: "2 of 4 available", Done: 2, Wanted: 4}},

		// Deployments: five, and the one of the examples.
		{"a deployment without a status", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 1}},
		{"a deployment that is up", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, replicas: 1, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: Available, status: 'True'}]}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a deployment with a deadline that is not called complete", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, spec: {progressDeadlineSeconds: 45}, status: {observedGeneration: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, replicas: 1, conditions: [{type: Progressing, status: 'False', reason: Some reason}, {type: Available, status: 'True'}]}}", State{Phase: Progressing, Summary: "1 of 1 available, not settled yet", Done: 1, Wanted: 1}},
		{"a deployment without a deadline that is available", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, replicas: 1, conditions: [{type: Available, status: 'True'}]}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a deployment that is not called available", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, replicas: 1, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: Available, status: 'False'}]}}", State{Phase: Progressing, Summary: "1 of 1 available, not settled yet", Done: 1, Wanted: 1}},

		// ReplicaSets: six.
		{"a replica set without a status", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 1}},
		{"a replica set that is up", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2, conditions: [{type: ReplicaFailure, status: 'False'}]}}", State{Phase: Ready, Summary: "2 of 2", Done: 2, Wanted: 2}},
		{"a replica set that is up and has no conditions", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2}}", State{Phase: Ready, Summary: "2 of 2", Done: 2, Wanted: 2}},
		{"a replica set of which two are available", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, replicas: 4, readyReplicas: 4, availableReplicas: 2, fullyLabeledReplicas: 4}}", State{Phase: Progressing, Summary: "2 of 4 available", Done: 2, Wanted: 4}},
		{"a replica set of which two are ready", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, replicas: 4, readyReplicas: 2, availableReplicas: 4, fullyLabeledReplicas: 4}}", State{Phase: Progressing, Summary: "2 of 4 available", Done: 2, Wanted: 4}},
		{"a replica set whose controller could not do all that it should", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, replicas: 4, readyReplicas: 4, availableReplicas: 4, fullyLabeledReplicas: 4, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedDelete}]}}", State{Phase: Progressing, Summary: "4 of 4 available, not settled yet", Reason: "FailedDelete", Done: 4, Wanted: 4}},
		{"a replica set that may not make pods", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 4}, status: {observedGeneration: 1, replicas: 0, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate}]}}", State{Phase: Progressing, Summary: "0 of 4 available", Wanted: 4}},

		// Disruption budgets: two.
		{"a disruption budget of an older generation", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, generation: 2}, status: {observedGeneration: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a disruption budget that was seen", "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, generation: 1}, status: {observedGeneration: 1}}", State{Phase: Ready}},

		// Custom resources: five.
		{"a resource that says nothing", "{apiVersion: something/v1, kind: MyCR, metadata: {name: a, generation: 1}}", State{Phase: Ready}},
		{"a resource that says it is ready", cr + ", status: {conditions: [{type: Ready, status: 'True', message: it is, reason: Up}]}}", State{Phase: Ready}},
		{"a resource that says it is not", cr + ", status: {conditions: [{type: Ready, status: 'False', message: not yet, reason: Busy}]}}", State{Phase: Progressing, Summary: "not yet", Reason: "Busy"}},
		{"a resource that says something else", cr + ", status: {conditions: [{type: SomeCondition, status: 'True', message: x, reason: y}]}}", State{Phase: Ready}},
		{"a resource that says no to something else", cr + ", status: {conditions: [{type: SomeCondition, status: 'False'}]}}", State{Phase: Ready}},
		{"a resource of an older generation that says no more", cr + ", status: {observedGeneration: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a resource that is ready in an older generation", cr + ", status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Progressing, Summary: "not observed yet"}},

		// Jobs: four, and four that were or are suspended.
		{"a job without a status", "{apiVersion: batch/v1, kind: Job, metadata: {name: a, generation: 1}}", State{Phase: Progressing, Summary: "not started yet", Wanted: 1}},
		{"a job that is complete", jb + "status: {succeeded: 1, active: 0, conditions: [{type: Complete, status: 'True'}]}}", State{Phase: Ready, Summary: "complete", Done: 1, Wanted: 1}},
		{"a job of which one try failed for good", jb + "spec: {completions: 4}, status: {succeeded: 3, failed: 1, conditions: [{type: Failed, status: 'True', reason: JobFailed}]}}", State{Phase: Failed, Summary: "failed after 1 try", Reason: "JobFailed", Done: 3, Wanted: 4}},
		{"a job that failed", jb + "status: {succeeded: 1, active: 0, conditions: [{type: Failed, status: 'True', reason: JobFailed}]}}", State{Phase: Failed, Summary: "failed", Reason: "JobFailed", Done: 1, Wanted: 1}},
		{"a job that runs is not done, unlike with kstatus", jb + "status: {startTime: '2026-11-21T20:00:00Z', active: 1}}", State{Phase: Progressing, Summary: "running", Wanted: 1, Since: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}},
		{"a job that is neither complete nor failed", jb + "spec: {completions: 10, parallelism: 2}, status: {startTime: '2026-11-21T20:00:00Z', succeeded: 3, failed: 1, active: 2, conditions: [{type: Failed, status: 'False'}, {type: Complete, status: 'False'}]}}", State{Phase: Progressing, Summary: "3 of 10 complete, 1 try failed", Done: 3, Wanted: 10, Since: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}},
		{"a job that its controller has suspended", jb + "spec: {suspend: true}, status: {conditions: [{type: Suspended, status: 'True'}]}}", State{Phase: Ready, Summary: "suspended"}},
		{"a job that goes on", jb + "spec: {suspend: false}, status: {conditions: [{type: Suspended, status: 'False'}]}}", State{Phase: Progressing, Summary: "not started yet", Wanted: 1}},
		{"a job that is to be suspended does not block, unlike with kstatus", jb + "spec: {suspend: true}, status: {conditions: [{type: Suspended, status: 'False'}]}}", State{Phase: Ready, Summary: "suspended"}},
		{"a job that is to go on", jb + "spec: {suspend: false}, status: {conditions: [{type: Suspended, status: 'True'}]}}", State{Phase: Progressing, Summary: "not started yet", Wanted: 1}},

		// Cron jobs: two.
		{"a cron job without a status", "{apiVersion: batch/v1, kind: CronJob, metadata: {generation: 1}}", State{Phase: Ready}},
		{"a cron job whose status is null", "{apiVersion: batch/v1, kind: CronJob, metadata: {generation: 1}, status: null}", State{Phase: Ready}},
		{"a cron job that ran", "{apiVersion: batch/v1, kind: CronJob, metadata: {generation: 1}, status: {active: [{name: x}]}}", State{Phase: Ready}},

		// Services: four.
		{"a service of the default type", "{apiVersion: v1, kind: Service, metadata: {generation: 1}}", State{Phase: Ready}},
		{"a service on the nodes' ports", "{apiVersion: v1, kind: Service, metadata: {generation: 1}, spec: {type: NodePort}}", State{Phase: Ready}},
		{"a load balancer that has no cluster address either", "{apiVersion: v1, kind: Service, metadata: {generation: 1}, spec: {type: LoadBalancer}}", State{Phase: Ready, Summary: "no address yet"}},
		{"a load balancer with a cluster address only", "{apiVersion: v1, kind: Service, metadata: {generation: 1}, spec: {type: LoadBalancer, clusterIP: 1.2.3.4}}", State{Phase: Ready, Summary: "no address yet"}},

		// Definitions: four.
		{"a definition without conditions", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {generation: 1}, status: {conditions: []}}", State{Phase: Progressing, Summary: "not established yet"}},
		{"a definition that is being installed", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {generation: 1}, status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'False', reason: Installing}]}}", State{Phase: Progressing, Summary: "not established yet"}},
		{"a definition whose names another one has", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {generation: 1}, status: {conditions: [{type: NamesAccepted, status: 'False', reason: NotAccepted}, {type: Established, status: 'False', reason: NotAccepted}]}}", State{Phase: Failed, Reason: "NotAccepted"}},
		{"a definition that is established", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {generation: 1}, status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'True'}]}}", State{Phase: Ready, Summary: "established"}},

		// What conditions say of a pod that runs: five, of which one is the resource without a status.
		{"a pod that runs and says no more", po + "spec: {containers: [{name: c}]}, status: {phase: Running}}", State{Phase: Progressing, Summary: "0 of 1 containers ready", Wanted: 1}},
		{"a pod that runs and is not ready", po + "spec: {containers: [{name: c}]}, status: {phase: Running, conditions: [{type: Ready, status: 'False', reason: Pod has not started}]}}", State{Phase: Progressing, Summary: "0 of 1 containers ready", Wanted: 1}},
		{"a pod that somebody says is under way", po + "spec: {containers: [{name: c}]}, status: {phase: Running, conditions: [{type: Reconciling, status: 'True', reason: StillWorking}]}}", State{Phase: Progressing, Summary: "0 of 1 containers ready", Wanted: 1}},
		{"a pod that somebody says is stalled is judged by its containers", po + "spec: {containers: [{name: c}]}, status: {phase: Running, conditions: [{type: Stalled, status: 'True', reason: PodHasFailed}]}}", State{Phase: Progressing, Summary: "0 of 1 containers ready", Wanted: 1}},
	})
}
