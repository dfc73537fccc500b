package rollout

import (
	"testing"
	"time"
)

func TestAMissingClassIsNamedAndDoesNotBlock(t *testing.T) {
	const nginx = "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}}"
	const standard = "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: std, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}}}"
	const ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: shop, uid: x}, spec: {"
	for _, test := range []struct {
		name, object string
		classes      []string
		refused      bool
		want         string
	}{
		{name: "a class that is there", object: ingress + "ingressClassName: nginx}}", classes: []string{nginx}, want: "no address yet"},
		{name: "a class that is not there", object: ingress + "ingressClassName: traefik}}", classes: []string{nginx}, want: "no address yet: there is no IngressClass traefik"},
		{name: "no class, and none is the default", object: ingress + "}}", classes: []string{nginx}, want: "no address yet: it names no IngressClass, and none is the default"},
		{name: "no class, and one is the default", object: ingress + "}}", classes: []string{nginx, standard}, want: "no address yet"},
		{name: "classes that may not be seen", object: ingress + "ingressClassName: traefik}}", refused: true, want: "no address yet"},
		{
			name:   "a class of old",
			object: "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: shop, uid: x, annotations: {kubernetes.io/ingress.class: old}}, spec: {}}",
			want:   "no address yet",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			for _, class := range test.classes {
				m.set(obj(t, class))
			}
			if test.refused {
				m.fail = forbidden("list IngressClass")
			}
			f := follow(t, m)
			f.Add(target(obj(t, test.object)))
			f.wants("a progressing no address yet")
			f.wants("a ready " + test.want)
			if n := m.count("list IngressClass"); n != 1 {
				t.Errorf("classes are asked for %d times", n)
			}
			u := obj(t, test.object)
			if got := ByClass(t.Context(), m, u, Of(u)).Summary; got != test.want {
				t.Errorf("at a glance it is %q, want %q", got, test.want)
			}
		})
	}
}

func TestAGatewayWithoutItsClassDoesNotBlock(t *testing.T) {
	f := follow(t, newMemory())
	f.Add(target(obj(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, namespace: shop, uid: x, generation: 1}, spec: {gatewayClassName: istio}}")))
	f.wants("a progressing no status yet")
	f.later(3 * time.Second)
	f.wants("a progressing no controller has taken it up")
	f.wants("a ready no controller has taken it up: there is no GatewayClass istio")
}
