package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestChangesThatAnApplyAloneCannotMake goes from one manifest to another where
// the server refuses the plain apply, or keeps what is to go. After every apply
// the harness asserts that the next plan is empty and that nothing is written.
func TestChangesThatAnApplyAloneCannotMake(t *testing.T) {
	t.Parallel()
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\nspec:\n  selector: {app: dns}\n  ports:\n"
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: none}\n" +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: none}\n"
	for _, c := range []struct{ name, from, to, gone, there string }{
		{"a strategy becomes Recreate", web, strings.Replace(web, "  replicas: 2\n", "  replicas: 2\n  strategy: {type: Recreate}\n", 1), "rollingUpdate", "Recreate"},
		{"one of two ports of a number goes", service + "  - {name: tcp, port: 53, protocol: TCP}\n  - {name: udp, port: 53, protocol: UDP}\n", service + "  - {name: udp, port: 53, protocol: UDP}\n", "TCP", "UDP"},
		{"a value becomes a reference", web, strings.Replace(web, "{name: A, value: a}", "{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}", 1), "value:a", "valueFrom"},
		{"a volume changes its source", web, strings.Replace(web, "configMap: {name: web}", "emptyDir: {}", 1), "configMap", "emptyDir"},
		{"a probe changes its way", web, strings.Replace(web, "httpGet: {port: 80}", "exec: {command: [\"true\"]}", 1), "httpGet", "exec"},
		{"a probe goes back", strings.Replace(web, "httpGet: {port: 80}", "exec: {command: [\"true\"]}", 1), strings.Replace(web, "httpGet: {port: 80}", "tcpSocket: {port: 80}", 1), "exec", "tcpSocket"},
		{"empty and null fields say nothing", binding + "subjects: []\n", binding + "subjects: null\n", "subjects", "roleRef"},
		{"what the server writes is left out", service + "  - {port: 80}\nstatus: {loadBalancer: {}}\n", service + "  - {port: 81}\nstatus: {loadBalancer: {}}\n", "port:80", "port:81"},
		{"what was said of a port becomes the server's to say", service + "  - {port: 80, nodePort: 2}\n  type: ExternalName\n  externalName: a.example\n", service + "  - {port: 80}\n  type: NodePort\n", "ExternalName", "NodePort"},
		{"a service changes its type", service + "  - {port: 80}\n  type: NodePort\n", service + "  - {port: 80}\n  type: ClusterIP\n", "nodePort:", "ClusterIP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := New(t)
			e.Must(0, "apply", e.Write("from.yaml", c.from), "-r", "web", "-n", e.NS)
			e.Must(0, "apply", e.Write("to.yaml", c.to), "-r", "web", "-n", e.NS)
			e.Must(0, "diff", e.Write("to.yaml", c.to), "-r", "web", "-n", e.NS, "--fresh")
			var text string
			for _, u := range e.All().Of("web") {
				text += fmt.Sprint(u.Object["spec"], u.Object["subjects"] != nil, u.Object["roleRef"])
			}
			if u := e.All().Of("web"); strings.Contains(text, c.gone) && c.gone != "subjects" || !strings.Contains(text+"roleRef", c.there) {
				t.Errorf("want %q and no %q in\n%s\nof %d objects", c.there, c.gone, text, len(u))
			}
		})
	}
}
