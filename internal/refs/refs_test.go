package refs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

func TestScanKnowsWhatObjectsReferTo(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want []string // those of the namespace, which all have, left out
	}{
		"a Deployment's pods": {`
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: n}
spec:
  template:
    spec:
      serviceAccountName: sa
      priorityClassName: high
      runtimeClassName: sandbox
      imagePullSecrets: [{name: pull}]
      initContainers:
      - {name: i, envFrom: [{secretRef: {name: init}}]}
      containers:
      - name: main
        envFrom: [{configMapRef: {name: all, optional: true}}]
        env:
        - {name: A, valueFrom: {configMapKeyRef: {name: one, key: k}}}
        - {name: B, valueFrom: {secretKeyRef: {name: two, key: k, optional: true}}}
        - {name: C, value: plain}
      volumes:
      - {name: conf, configMap: {name: vol}}
      - {name: sec, secret: {secretName: svol, optional: true}}
      - {name: data, persistentVolumeClaim: {claimName: claim}}
      - {name: all, projected: {sources: [{configMap: {name: pc}}, {secret: {name: ps}}, {serviceAccountToken: {path: t}}]}}
      - {name: csi, csi: {nodePublishSecretRef: {name: cs}}}
      - {name: tmp, emptyDir: {}}
`, []string{
			"ServiceAccount/n/sa spec.template.spec.serviceAccountName exists",
			"Secret/n/pull spec.template.spec.imagePullSecrets[pull].name exists",
			"PriorityClass.scheduling.k8s.io/high spec.template.spec.priorityClassName exists",
			"RuntimeClass.node.k8s.io/sandbox spec.template.spec.runtimeClassName exists",
			"ConfigMap/n/vol spec.template.spec.volumes[conf].configMap.name exists",
			"Secret/n/svol spec.template.spec.volumes[sec].secret.secretName exists optional",
			"PersistentVolumeClaim/n/claim spec.template.spec.volumes[data].persistentVolumeClaim.claimName exists",
			"ConfigMap/n/pc spec.template.spec.volumes[all].projected.sources.configMap.name exists",
			"Secret/n/ps spec.template.spec.volumes[all].projected.sources.secret.name exists",
			"Secret/n/cs spec.template.spec.volumes[csi].csi.nodePublishSecretRef.name exists",
			"Secret/n/init spec.template.spec.initContainers[i].envFrom.secretRef.name exists",
			"ConfigMap/n/one spec.template.spec.containers[main].env[A].valueFrom.configMapKeyRef.name exists",
			"Secret/n/two spec.template.spec.containers[main].env[B].valueFrom.secretKeyRef.name exists optional",
			"ConfigMap/n/all spec.template.spec.containers[main].envFrom.configMapRef.name exists optional",
		}},
		"a CronJob's": {`{apiVersion: batch/v1, kind: CronJob, metadata: {name: c, namespace: n},
  spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: sa}}}}}}`,
			[]string{"ServiceAccount/n/sa spec.jobTemplate.spec.template.spec.serviceAccountName exists"}},
		"a bare Pod's": {`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n}, spec: {serviceAccountName: sa}}`,
			[]string{"ServiceAccount/n/sa spec.serviceAccountName exists"}},
		"an Ingress": {`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: n}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: def}}
  tls: [{secretName: cert}]
  rules: [{host: h, http: {paths: [{backend: {service: {name: svc}}}]}}]
`, []string{
			"Service/n/def spec.defaultBackend.service.name exists optional",
			"Service/n/svc spec.rules.http.paths.backend.service.name exists optional",
			"Secret/n/cert spec.tls.secretName exists optional",
			"IngressClass.networking.k8s.io/nginx spec.ingressClassName exists optional",
		}},
		"an autoscaler": {`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h, namespace: n},
  spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}}`,
			[]string{"Deployment.apps/n/d spec.scaleTargetRef exists optional"}},
		"a RoleBinding to a Role": {`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: n},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}`,
			[]string{"Role.rbac.authorization.k8s.io/n/r roleRef exists"}},
		"a RoleBinding to a ClusterRole": {`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: n},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}}`,
			[]string{"ClusterRole.rbac.authorization.k8s.io/r roleRef exists"}},
		"a ServiceAccount's token": {`{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token,
  metadata: {name: t, namespace: n, annotations: {kubernetes.io/service-account.name: sa}}}`,
			[]string{"ServiceAccount/n/sa metadata.annotations[kubernetes.io/service-account.name] exists"}},
		"an HTTPRoute": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: n},
  spec: {parentRefs: [{name: gw, namespace: infra}], rules: [{backendRefs: [{name: svc, port: 80}]}]}}`,
			[]string{
				"Service/n/svc spec.rules.backendRefs[svc] exists optional",
				"Gateway.gateway.networking.k8s.io/infra/gw spec.parentRefs[gw] exists optional",
			}},
		"a budget and the pods it selects": {`
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b, namespace: n}, spec: {selector: {matchLabels: {app: a}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: yes, namespace: n}, spec: {template: {metadata: {labels: {app: a, x: y}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: no, namespace: n}, spec: {template: {metadata: {labels: {app: b}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: far, namespace: m}, spec: {template: {metadata: {labels: {app: a}}}}}
`, []string{"Deployment.apps/n/yes spec.selector exists optional"}},
		"a binding and the pods of its account": {`
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: sa, namespace: n}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n}, spec: {serviceAccountName: sa}}
`, []string{
			"ClusterRole.rbac.authorization.k8s.io/r roleRef exists",
			"ServiceAccount/n/sa spec.serviceAccountName exists",
			"ClusterRoleBinding.rbac.authorization.k8s.io/b spec.serviceAccountName exists optional",
		}},
		"a custom resource and its CRD": {`
{apiVersion: e.com/v1, kind: W, metadata: {name: w, namespace: n}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ws.e.com}, spec: {group: e.com, names: {kind: W}}}
`, []string{"CustomResourceDefinition.apiextensions.k8s.io/ws.e.com apiVersion established"}},
		"a route, its gateway and its Services": {`
{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: r, namespace: n}, spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: api}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: n}, spec: {gatewayClassName: c, listeners: [{name: l, tls: {certificateRefs: [{name: cert}]}}]}}
`, []string{
			"Service/n/api spec.rules.backendRefs[api] exists optional",
			"Gateway.gateway.networking.k8s.io/n/gw spec.parentRefs[gw] exists optional",
			"GatewayClass.gateway.networking.k8s.io/c spec.gatewayClassName exists optional",
			"Secret/n/cert spec.listeners[l].tls.certificateRefs[cert] exists optional",
		}},
		"a webhook, the pods that answer it, and what its rules name": {`
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: h},
  webhooks: [{name: a, clientConfig: {service: {name: s, namespace: n}}, rules: [{apiGroups: [e.com], resources: [policies]}, {apiGroups: [e.com], resources: ["others/status"]}]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: n}, spec: {selector: {app: a}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: n}, spec: {template: {metadata: {labels: {app: a}}}}}
---
{apiVersion: e.com/v1, kind: Policy, metadata: {name: p, namespace: n}}
`, []string{
			"Service/n/s webhooks[a].clientConfig.service exists optional",
			"Deployment.apps/n/d webhooks[a].clientConfig.service ready optional",
			"ValidatingWebhookConfiguration.admissionregistration.k8s.io/h kind exists optional",
		}},
		"a webhook for all of a group's kinds in namespaces": {`
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: h},
  webhooks: [{name: a, rules: [{apiGroups: [e.com], apiVersions: [v1], resources: ["*"], scope: Namespaced}]}]}
---
{apiVersion: e.com/v1, kind: Sheep, metadata: {name: p, namespace: n}}
---
{apiVersion: e.com/v2, kind: Sheep, metadata: {name: q, namespace: n}}
---
{apiVersion: e.com/v1, kind: Farm, metadata: {name: r}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: s, namespace: n}}
`, []string{"MutatingWebhookConfiguration.admissionregistration.k8s.io/h kind exists optional"}},
		"an APIService and an object that it serves": {`
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.m.io}, spec: {group: m.io, version: v1}}
---
{apiVersion: m.io/v1, kind: M, metadata: {name: m, namespace: n}}
`, []string{"APIService.apiregistration.k8s.io/v1.m.io apiVersion ready optional"}},
		"volumes and their classes": {`
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, namespace: n}, spec: {serviceName: x, volumeClaimTemplates: [{metadata: {name: v}, spec: {storageClassName: fast}}]}}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, provisioner: csi.e.com}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {storageClassName: fast, csi: {driver: csi.e.com, nodeStageSecretRef: {name: s, namespace: k}}}}
`, []string{
			"Service/n/x spec.serviceName exists optional",
			"StorageClass.storage.k8s.io/fast spec.volumeClaimTemplates.spec.storageClassName exists optional",
			"CSIDriver.storage.k8s.io/csi.e.com provisioner exists optional",
			"StorageClass.storage.k8s.io/fast spec.storageClassName exists optional",
			"CSIDriver.storage.k8s.io/csi.e.com spec.csi.driver exists optional",
			"Secret/k/s spec.csi.nodeStageSecretRef exists optional",
		}},
		"pods come after what rules them": {`
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, namespace: n}, spec: {template: {metadata: {labels: {app: a}}}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: l, namespace: n}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: all, namespace: n}, spec: {podSelector: {}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: other, namespace: n}, spec: {podSelector: {matchLabels: {app: b}}}}
`, []string{
			"LimitRange/n/l spec.template.spec exists optional",
			"NetworkPolicy.networking.k8s.io/n/all spec.template.metadata.labels exists optional",
		}},
		"fields of the wrong type": {`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n}, spec: {volumes: {}, containers: [x], imagePullSecrets: [{name: 3}]}}`,
			[]string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objs, err := object.Decode([]byte(test.yaml), "x.yaml")
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, r := range Scan(objs) {
				if r.Path == "metadata.namespace" {
					continue
				}
				line := []string{r.To.String(), r.Path, string(r.Need)}
				if r.Optional {
					line = append(line, "optional")
				}
				got = append(got, strings.Join(line, " "))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNamespacedObjectsReferToTheirNamespace(t *testing.T) {
	objs, err := object.Decode([]byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: n}}"), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []Ref{{
		From: object.ID{Kind: "ConfigMap", Namespace: "n", Name: "c"}, To: object.ID{Kind: "Namespace", Name: "n"},
		Path: "metadata.namespace", Need: Exists,
	}}
	if d := cmp.Diff(want, Scan(objs)); d != "" {
		t.Error(d)
	}
}

func TestTheServersPluralCountsForWebhooks(t *testing.T) {
	objs, err := object.Decode([]byte(`
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: h}, webhooks: [{name: a, rules: [{apiGroups: [e.com], resources: [sheep]}]}]}
---
{apiVersion: e.com/v1, kind: Sheep, metadata: {name: p}}
`), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := Scan(objs); len(got) != 0 {
		t.Errorf("guessed %v", got)
	}
	got := ScanServed(objs, map[schema.GroupKind]string{{Group: "e.com", Kind: "Sheep"}: "sheep"})
	if len(got) != 1 || got[0].To.Name != "h" {
		t.Errorf("got %v", got)
	}
}
