package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/policy"
)

func TestOfFollowsConventions(t *testing.T) {
	judgeAll(t, []row{
		// Conventions of controllers that many have.
		{"a gateway without a controller does not block", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: Unknown, reason: Pending}, {type: Programmed, status: Unknown, reason: Pending}]}}", State{Phase: Ready, Summary: "no controller has taken it up"}},
		{"a gateway without a status", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, spec: {}}", State{Phase: Ready, Summary: "no controller has taken it up"}},
		{"a gateway that is programmed", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: 'True', observedGeneration: 2}, {type: Programmed, status: 'True', observedGeneration: 2}]}}", State{Phase: Ready, Summary: "programmed"}},
		{"a gateway that waits for its address", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: 'True', observedGeneration: 2}, {type: Programmed, status: 'False', reason: AddressNotAssigned, message: no address, observedGeneration: 2}]}}", State{Phase: Progressing, Summary: "no address", Reason: "AddressNotAssigned"}},
		{"a gateway whose listeners are wrong", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: 'False', reason: ListenersNotValid, message: bad port}]}}", State{Phase: Progressing, Summary: "bad port", Reason: "ListenersNotValid"}},
		{"a gateway that was programmed before", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: 'True', observedGeneration: 1}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a gateway class that is accepted", "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: 'True'}]}}", State{Phase: Ready}},
		{"a gateway class that nobody has accepted", "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: a, generation: 2}, status: {conditions: [{type: Accepted, status: Unknown, reason: Waiting, message: Waiting for controller}]}}", State{Phase: Progressing, Summary: "Waiting for controller", Reason: "Waiting"}},
		{"a route that no gateway has taken up does not block", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, generation: 2}, status: {parents: []}}", State{Phase: Ready, Summary: "no gateway has taken it up"}},
		{"a route that its gateway accepts", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, generation: 2}, status: {parents: [{parentRef: {name: gw}, conditions: [{type: Accepted, status: 'True', observedGeneration: 2}, {type: ResolvedRefs, status: 'True', observedGeneration: 2}]}]}}", State{Phase: Ready, Summary: "accepted"}},
		{"a route whose backend is not there", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, generation: 2}, status: {parents: [{parentRef: {name: gw}, conditions: [{type: Accepted, status: 'True'}, {type: ResolvedRefs, status: 'False', reason: BackendNotFound, message: no Service x}]}]}}", State{Phase: Progressing, Summary: "Gateway gw: no Service x", Reason: "BackendNotFound"}},
		{"a route that was accepted before", "{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: a, generation: 2}, status: {parents: [{conditions: [{type: Accepted, status: 'True', observedGeneration: 1}]}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"an Argo Rollout that is healthy", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: '2', phase: Healthy, updatedReplicas: 3}}", State{Phase: Ready, Summary: "3 of 3", Done: 3, Wanted: 3}},
		{"an Argo Rollout that writes an older generation as text", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: '1', phase: Healthy}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"an Argo Rollout that writes a hash for its generation", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 6d5f7c8b9, phase: Progressing, updatedReplicas: 1}}", State{Phase: Progressing, Summary: "1 of 3 updated", Done: 1, Wanted: 3}},
		{"an Argo Rollout that waits to be promoted does not block", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: '2', phase: Paused, message: CanaryPauseStep, updatedReplicas: 1}}", State{Phase: Ready, Summary: "paused: 1 of 3 updated", Done: 1, Wanted: 3}},
		{"an Argo Rollout that is degraded", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: '2', phase: Degraded, message: ProgressDeadlineExceeded, updatedReplicas: 1}}", State{Phase: Failed, Summary: "ProgressDeadlineExceeded", Reason: "Degraded", Done: 1, Wanted: 3}},
		{"an Argo Rollout without a phase", "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {}}", State{Phase: Progressing, Summary: "not observed yet", Wanted: 3}},
		{"an Argo Application that is healthy", "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a, generation: 2}, status: {health: {status: Healthy}, sync: {status: Synced}}}", State{Phase: Ready}},
		{"an Argo Application that comes up", "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a, generation: 2}, status: {health: {status: Progressing}}}", State{Phase: Progressing, Summary: "its health is Progressing", Reason: "Progressing"}},
		{"an Argo Application that is degraded may recover", "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a, generation: 2}, status: {health: {status: Degraded, message: pods crash}}}", State{Phase: Progressing, Summary: "pods crash", Reason: "Degraded"}},
		{"an Argo Workflow that runs is there", "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: a, generation: 2}, status: {phase: Running}}", State{Phase: Ready}},
		{"a certificate that is issued", "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, generation: 2}, status: {conditions: [{type: Issuing, status: 'True', reason: DoesNotExist, message: Issuing certificate as Secret does not exist, observedGeneration: 2}, {type: Ready, status: 'False', reason: DoesNotExist, message: Secret does not exist, observedGeneration: 2}]}}", State{Phase: Progressing, Summary: "Secret does not exist", Reason: "DoesNotExist"}},
		{"a certificate that is there", "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'True', reason: Ready, message: up to date, observedGeneration: 2}], notAfter: '2027-01-01T00:00:00Z'}}", State{Phase: Ready}},
		{"a certificate that was there for the older names", "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'True', reason: Ready, observedGeneration: 1}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"an issuer that cannot register", "{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'False', reason: ErrRegisterACMEAccount, message: no such host}]}}", State{Phase: Progressing, Summary: "no such host", Reason: "ErrRegisterACMEAccount"}},
		{"an external secret that is synced", "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'True', reason: SecretSynced, message: secret synced}], syncedResourceVersion: 2-abc}}", State{Phase: Ready}},
		{"an external secret whose source is away may come", "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'False', reason: SecretSyncedError, message: could not get secret data from provider}]}}", State{Phase: Progressing, Summary: "could not get secret data from provider", Reason: "SecretSyncedError"}},
		{"a store that is valid", "{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: a, generation: 2}, status: {capabilities: ReadWrite, conditions: [{type: Ready, status: 'True', reason: Valid}]}}", State{Phase: Ready}},
		{"a Knative service that comes up", "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a, generation: 2}, status: {observedGeneration: 2, conditions: [{type: ConfigurationsReady, status: Unknown}, {type: Ready, status: Unknown, reason: Deploying, message: Revision x is deploying}]}}", State{Phase: Progressing, Summary: "Revision x is deploying", Reason: "Deploying"}},
		{"a Knative service that is up", "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a, generation: 2}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'True'}, {type: RoutesReady, status: 'True'}]}}", State{Phase: Ready}},
		{"a Knative service that says no has failed", "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a, generation: 2}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: RevisionFailed, message: exit code 1}]}}", State{Phase: Failed, Summary: "exit code 1", Reason: "RevisionFailed"}},
		{"a Crossplane resource that is made", "{apiVersion: s3.aws.crossplane.io/v1, kind: Bucket, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'False', reason: Creating}, {type: Synced, status: 'True', reason: ReconcileSuccess}]}}", State{Phase: Progressing, Summary: "Ready is False", Reason: "Creating"}},
		{"a Crossplane resource that is there", "{apiVersion: s3.aws.crossplane.io/v1, kind: Bucket, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'True', reason: Available}, {type: Synced, status: 'True', reason: ReconcileSuccess}]}}", State{Phase: Ready}},
		{"a Crossplane resource that is there and not as asked for", "{apiVersion: s3.aws.crossplane.io/v1, kind: Bucket, metadata: {name: a, generation: 2}, status: {conditions: [{type: Ready, status: 'True', reason: Available}, {type: Synced, status: 'False', reason: ReconcileError, message: access denied}]}}", State{Phase: Progressing, Summary: "access denied", Reason: "ReconcileError"}},
		{"a Strimzi cluster that comes up", "{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: a, generation: 2}, status: {observedGeneration: 2, conditions: [{type: NotReady, status: 'True', reason: Creating, message: Kafka cluster is being deployed}]}}", State{Phase: Progressing, Summary: "Kafka cluster is being deployed", Reason: "Creating"}},
		{"a Strimzi cluster that is up", "{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: a, generation: 2}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready}},
		{"a Strimzi cluster that was up", "{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: a, generation: 2}, status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"a CloudNativePG cluster that is set up", "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: a, generation: 2}, status: {phase: Setting up primary, instances: 3, readyInstances: 0, conditions: [{type: Ready, status: 'False', reason: ClusterIsNotReady, message: Cluster Is Not Ready}]}}", State{Phase: Progressing, Summary: "Cluster Is Not Ready", Reason: "ClusterIsNotReady"}},
		{"a CloudNativePG cluster that is healthy", "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: a, generation: 2}, status: {phase: Cluster in healthy state, conditions: [{type: Ready, status: 'True', reason: ClusterIsReady}, {type: ContinuousArchiving, status: 'False'}]}}", State{Phase: Ready}},
		{"a Tekton run that goes on", "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: a, generation: 2}, status: {conditions: [{type: Succeeded, status: Unknown, reason: Running, message: 'Tasks Completed: 1'}]}}", State{Phase: Progressing, Summary: "Tasks Completed: 1", Reason: "Running"}},
		{"a Tekton run that succeeded", "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: a, generation: 2}, status: {conditions: [{type: Succeeded, status: 'True', reason: Succeeded}]}}", State{Phase: Ready}},
		{"a Tekton run that failed", "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: a, generation: 2}, status: {conditions: [{type: Succeeded, status: 'False', reason: Failed, message: task x failed}]}}", State{Phase: Failed, Summary: "task x failed", Reason: "Failed"}},

		// Odd ones.
		{"a readiness that nobody knows", cr + ", status: {conditions: [{type: Ready, status: Unknown, reason: Checking}]}}", State{Phase: Progressing, Summary: "Ready is Unknown", Reason: "Checking"}},
		{"an empty status tells nothing against it", cr + ", status: {}}", State{Phase: Ready}},
		{"an older generation as text", cr + ", status: {observedGeneration: '1', conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"the latest generation as text", cr + ", status: {observedGeneration: '2', conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready}},
		{"a generation that we have not seen yet", cr + ", status: {observedGeneration: 3, conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Ready}},
		{"a resource that is available", cr + ", status: {conditions: [{type: Available, status: 'True'}, {type: Degraded, status: 'False'}]}}", State{Phase: Ready}},
		{"a resource that is not available", cr + ", status: {conditions: [{type: Available, status: 'False', reason: NoPods, message: no pods}]}}", State{Phase: Progressing, Summary: "no pods", Reason: "NoPods"}},
		{"readiness counts before availability", cr + ", status: {conditions: [{type: Available, status: 'False'}, {type: Ready, status: 'True'}]}}", State{Phase: Ready}},
		{"a phase that says not yet", cr + ", status: {phase: In Progress}}", State{Phase: Progressing, Summary: "phase is In Progress", Reason: "In Progress"}},
		{"a phase that says no may still turn", cr + ", status: {phase: Failed, message: disk full}}", State{Phase: Progressing, Summary: "disk full", Reason: "Failed"}},
		{"a phase with a word of its own", cr + ", status: {phase: Bootstrapped}}", State{Phase: Ready}},
		{"a state that says not yet", cr + ", status: {state: Creating}}", State{Phase: Progressing, Summary: "state is Creating", Reason: "Creating"}},
		{"a snapshot that is taken", "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: a, generation: 2}, status: {readyToUse: false}}", State{Phase: Progressing, Summary: "not ready to use yet"}},
		{"a snapshot that was taken", "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: a, generation: 2}, status: {readyToUse: true}}", State{Phase: Ready}},
		{"conditions that are no list", cr + ", status: {conditions: {Ready: true}}}", State{Phase: Ready}},
		{"a condition that is text", cr + ", status: {conditions: [Ready]}}", State{Phase: Ready}},
		{"a resource that is being deleted", "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, deletionTimestamp: '2026-11-21T20:00:00Z'}, status: {conditions: [{type: Ready, status: 'True'}]}}", State{Phase: Deleting, Summary: "being deleted"}},
		{"reconciling counts before readiness", cr + ", status: {conditions: [{type: Ready, status: 'True'}, {type: Reconciling, status: 'True', reason: Working, message: soon}]}}", State{Phase: Progressing, Summary: "soon", Reason: "Working"}},
		{"a stateful set that a partition holds back entirely", sts + "spec: {replicas: 1, updateStrategy: {rollingUpdate: {partition: 1}}}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentRevision: x, updateRevision: x}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a replication controller", "{apiVersion: v1, kind: ReplicationController, metadata: {generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, replicas: 1, readyReplicas: 1, availableReplicas: 1}}", State{Phase: Ready, Summary: "1 of 1", Done: 1, Wanted: 1}},
		{"a job with an index of its own", jb + "spec: {completions: 3, completionMode: Indexed}, status: {startTime: 'x', succeeded: 3, conditions: [{type: SuccessCriteriaMet, status: 'True'}, {type: Complete, status: 'True'}]}}", State{Phase: Ready, Summary: "complete", Done: 3, Wanted: 3}},
	})
}

func TestABundlesOwnRulesCountFirst(t *testing.T) {
	judge := NewJudge([]policy.ReadyRule{
		{Group: "example.com", Kind: "Database", Ready: "self.status.phase == 'Running'", Failed: "self.status.phase == 'Error'"},
		{Group: "example.com", Kind: "Queue", Failed: "self.status.broken"},
		{Group: "apps", Kind: "Deployment", Ready: "self.status.readyReplicas >= 1"},
		{Group: "example.com", Kind: "Bad", Ready: "self.("},
	})
	for _, test := range []row{
		{"what it says is ready", cr + ", status: {phase: Running}}", State{Phase: Ready}},
		{"what it says has failed", cr + ", status: {phase: Error}}", State{Phase: Failed, Summary: "failed, for self.status.phase == 'Error'", Reason: "FailedByRule"}},
		{"any other word is not yet", cr + ", status: {phase: Well}}", State{Phase: Progressing, Summary: "not yet self.status.phase == 'Running'"}},
		{"a field that is not there is not yet", cr + "}", State{Phase: Progressing, Summary: "not yet self.status.phase == 'Running'"}},
		{"an older generation is not yet", cr + ", status: {phase: Running, observedGeneration: 1}}", State{Phase: Progressing, Summary: "not observed yet"}},
		{"without a rule for readiness the usual ones count", "{apiVersion: example.com/v1, kind: Queue, status: {broken: false, conditions: [{type: Ready, status: 'False', message: soon}]}}", State{Phase: Progressing, Summary: "soon"}},
		{"a rule can be about a kind of Kubernetes' own", dep + "spec: {replicas: 3}, status: {observedGeneration: 2, readyReplicas: 1}}", State{Phase: Ready}},
		{"other kinds are judged as ever", "{apiVersion: v1, kind: ConfigMap}", State{Phase: Ready}},
		{"what goes goes", "{apiVersion: example.com/v1, kind: Database, metadata: {deletionTimestamp: '2026-11-21T20:00:00Z'}, status: {phase: Running}}", State{Phase: Deleting, Summary: "being deleted"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, judge.Of(obj(t, test.object))); d != "" {
				t.Error(d)
			}
		})
	}
	if s := judge.Of(obj(t, "{apiVersion: example.com/v1, kind: Bad}")); s.Phase != Progressing || s.Reason != "BadRule" {
		t.Errorf("a rule that cannot be read: %+v", s)
	}
	if NewJudge(nil) != nil {
		t.Error("a judge without rules")
	}
}
