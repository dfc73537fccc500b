package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// noise is what a person who made a mistake must not be shown.
var noise = regexp.MustCompile(`(?m)goroutine \d|^panic:|^Usage:|^Flags:|\.go:\d+`)

func TestBadInputGivesOneClearMessageAndItsExitCode(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := func(name, spec, values, template string) string {
		e.Write(name+"/values.yaml", values)
		e.Write(name+"/templates/all.yaml", template)
		return strings.TrimSuffix(e.Write(name+"/bundle.yaml", spec), "/bundle.yaml")
	}
	// In a namespace that is there the server can judge every manifest.
	if err := e.API.Create("/api/v1/namespaces", []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+e.NS+"}\n")); err != nil {
		t.Fatal(err)
	}
	const good = "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: input\nversion: 1.0.0\n"
	const config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "
	for _, c := range []struct {
		name string
		run  Run
		exit int
		want []string
	}{
		{"a bundle that is not there", Run{Args: []string{"apply", "no/such/bundle"}}, 3, []string{"no/such/bundle"}},
		{"a YAML error in a manifest", Run{Args: []string{"apply", "-r", "x", e.Write("broken.yaml", "a: b\n c: d\n")}}, 3,
			[]string{"broken.yaml:2"}},
		{"an unknown key in bundle.yaml", Run{Args: []string{"diff", bundle("key", good+"histry: 3\n", "", config+"b\n")}}, 3,
			[]string{"bundle.yaml:5", "histry", "history"}},
		{"a template that does not parse", Run{Args: []string{"diff", bundle("parse", good, "", config+"{{ if }}\n")}}, 3,
			[]string{"templates/all.yaml:6"}},
		{"a missing value", Run{Args: []string{"diff", bundle("value", good, "front: {image: x}\n", config+"{{ .Values.front.imgae }}\n")}}, 3,
			[]string{"templates/all.yaml:6", ".Values.front.imgae", "image"}},
		{"an environment that is not there", Run{Args: []string{"diff", "examples/microservices", "-e", "pord"}}, 3,
			[]string{"pord", "prod"}},
		{"a release that is not there", Run{Args: []string{"rollback", "nothing"}}, 3, []string{"nothing"}},
		{"a flag that is not there", Run{Args: []string{"apply", fifteen, "--forse"}}, 3, []string{"--forse"}},
		{"a command of another tool", Run{Args: []string{"upgrade", "x"}}, 3, []string{"belay apply"}},
		{"plain manifests without a release's name", Run{Args: []string{"diff", e.Write("plain.yaml", config+"b\n")}}, 3, []string{"-r"}},
		{"a manifest that the server finds invalid", Run{Args: []string{"apply", "-r", "x", e.Write("invalid.yaml",
			"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999}]}\n")}}, 3, []string{"invalid.yaml", "99999"}},
		{"a kind that the server does not know", Run{Args: []string{"apply", "-r", "x", e.Write("kind.yaml",
			"apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: a}\n")}}, 3, []string{"kind.yaml", "example.com/v1"}},
		{"a server that does not answer", Run{Args: []string{"apply", fifteen}, Server: "https://127.0.0.1:1"}, 1,
			[]string{"https://127.0.0.1:1"}},
		{"no rights at all", Run{Args: []string{"apply", fifteen, "--as", "nobody"}}, 5, []string{"not permitted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := e.start(c.run)
			e.check(c.run, r)
			if r.Exit != c.exit {
				t.Errorf("want exit %d, got\n%v", c.exit, r)
			}
			for _, want := range c.want {
				if !strings.Contains(r.Stderr, want) {
					t.Errorf("the message lacks %q:\n%v", want, r)
				}
			}
			if found := noise.FindString(r.Stdout + r.Stderr); found != "" {
				t.Errorf("the message holds %q:\n%v", found, r)
			}
			if n := strings.Count(r.Stderr, "error:"); n != 1 {
				t.Errorf("%d errors, want one clear one:\n%v", n, r)
			}
		})
	}
}

func TestARefusedApplyWritesNothing(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", fifteen, "-n", e.NS)
	configMaps := "/api/v1/namespaces/" + e.NS + "/configmaps"

	t.Run("another bundle on an existing release", func(t *testing.T) {
		r := e.Must(4, "apply", "examples/redis", "-r", "fifteen", "-n", e.NS)
		if !strings.Contains(r.Stderr, "--replace-bundle") {
			t.Error(r)
		}
	})
	t.Run("an object that is nobody's", func(t *testing.T) {
		if err := e.API.Create(configMaps, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: only-2}\n")); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.API.Delete(configMaps + "/only-2"); err != nil {
				t.Error(err)
			}
		}()
		r := e.Must(4, "apply", fifteen, "-n", e.NS, "--set", "version=2")
		if !strings.Contains(r.Stderr, "ConfigMap/only-2") || !strings.Contains(r.Stderr, "--adopt") {
			t.Error(r)
		}
	})
	t.Run("a field that another manager changed", func(t *testing.T) {
		err := e.API.Apply(configMaps+"/one", "somebody-else",
			[]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {version: theirs}\n"))
		if err != nil {
			t.Fatal(err)
		}
		r := e.Must(4, "apply", fifteen, "-n", e.NS, "--set", "version=2")
		for _, want := range []string{"ConfigMap/one", "data.version", "somebody-else", "--force-conflicts"} {
			if !strings.Contains(r.Stderr, want) {
				t.Errorf("the refusal lacks %q:\n%v", want, r)
			}
		}
		e.Must(0, "apply", fifteen, "-n", e.NS, "--set", "version=2", "--force-conflicts=somebody-else")
	})
	t.Run("an immutable field", func(t *testing.T) {
		const frozen = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: frozen}\nimmutable: true\ndata: {a: %s}\n"
		first := e.Write("frozen/1.yaml", strings.Replace(frozen, "%s", "first", 1))
		second := e.Write("frozen/2.yaml", strings.Replace(frozen, "%s", "second", 1))
		e.Must(0, "apply", first, "-r", "frozen", "-n", e.NS)
		r := e.Must(4, "apply", second, "-r", "frozen", "-n", e.NS)
		if !strings.Contains(r.Stderr, "ConfigMap/frozen") {
			t.Error(r)
		}
	})
}
