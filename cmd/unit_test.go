package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

func itoa(n int) string { return fmt.Sprint(n) }

func TestErrorsHaveTheExitCodesOfTheTable(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, 0},
		{"anything else", errors.New("x"), 1},
		{"a mistake", fmt.Errorf("x: %w", inputError("y")), 3},
		{"a mistake below", asInput(errors.New("x")), 3},
		{"a refusal", refusedError("y"), 4},
		{"no right", fmt.Errorf("x: %w", apierrors.NewForbidden(secrets, "x", errors.New("no"))), 5},
		{"nobody", apierrors.NewUnauthorized("who"), 5},
		{"too late", context.DeadlineExceeded, 7},
		{"locked", &release.LockedError{}, 8},
		{"lock lost", fmt.Errorf("x: %w", release.ErrLost), 8},
		{"interrupted", fmt.Errorf("x: %w", context.Canceled), 130},
		{"only a code", exitWith(6), 6},
	} {
		if got := exitCodeOf(c.err); got != c.want {
			t.Errorf("%s: exit %d, not %d", c.name, got, c.want)
		}
	}
}

func TestOfSeveralRefusalsInputComesBeforeRightsAndThoseBeforeRules(t *testing.T) {
	for want, codes := range map[int][]int{0: nil, 4: {4, 4}, 5: {4, 5, 4}, 3: {5, 4, 3}} {
		var refused []diff.Refusal
		for _, code := range codes {
			refused = append(refused, diff.Refusal{Code: code})
		}
		if got := refusalCode(refused); got != want {
			t.Errorf("%v: exit %d, not %d", codes, got, want)
		}
	}
}

func shopBundle() *bundle.Bundle {
	return &bundle.Bundle{Type: bundle.Belay, Path: "shop", Spec: bundle.Spec{
		Name: "shop",
		Environments: map[string]bundle.Environment{
			"prod": {Namespace: "shop-prod", Release: "web", Cluster: bundle.Cluster{Server: "https://prod.example:6443"}},
			"dev":  {},
		},
	}}
}

func TestTheReleaseIsNamedByTheFlagElseTheEnvironmentElseTheBundle(t *testing.T) {
	b := shopBundle()
	prod := b.Spec.Environments["prod"]
	for _, c := range []struct {
		flag string
		env  bundle.Environment
		b    *bundle.Bundle
		want string
	}{
		{"mine", prod, b, "mine"}, {"", prod, b, "web"}, {"", bundle.Environment{}, b, "shop"},
	} {
		got, err := releaseNameOf(c.flag, c.env, c.b)
		if err != nil || got != c.want {
			t.Errorf("%q, %v; not %q", got, err, c.want)
		}
	}
	_, err := releaseNameOf("", bundle.Environment{}, &bundle.Bundle{Type: bundle.Plain, Path: "x.yaml"})
	if exitCodeOf(err) != exitInput || !strings.Contains(err.Error(), "x.yaml") {
		t.Errorf("a bundle without a name: %v", err)
	}
	for _, bad := range []string{"Shop", "a.b", "-a", strings.Repeat("a", 54)} {
		if _, err := releaseNameOf(bad, prod, b); exitCodeOf(err) != exitInput {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTheNamespaceIsTheFlagsElseTheEnvironmentsElseTheContexts(t *testing.T) {
	prod := bundle.Environment{Namespace: "shop-prod"}
	for _, c := range []struct {
		flag    string
		env     bundle.Environment
		context string
		want    string
	}{
		{"mine", prod, "ctx", "mine"}, {"", prod, "ctx", "shop-prod"}, {"", bundle.Environment{}, "ctx", "ctx"},
		{"", bundle.Environment{}, "", "default"},
	} {
		if got, err := namespaceOf(c.flag, c.env, c.context); err != nil || got != c.want {
			t.Errorf("%q, %v; not %q", got, err, c.want)
		}
	}
	if _, err := namespaceOf("A b", prod, ""); exitCodeOf(err) != exitInput {
		t.Errorf("a bad namespace: %v", err)
	}
}

func TestAnUnknownEnvironmentNamesThoseThatThereAre(t *testing.T) {
	_, err := environmentOf(shopBundle(), "prd")
	var f *failure
	if !errors.As(err, &f) || f.code != exitInput || strings.Join(f.hints, "") != "environments: dev, prod" {
		t.Errorf("%+v", err)
	}
	if _, err := environmentOf(shopBundle(), ""); err != nil {
		t.Error(err)
	}
}

func TestAnEnvironmentRefusesAnyOtherCluster(t *testing.T) {
	conn := &connection{Context: "staging", Server: "https://staging.example:6443", Contexts: map[string]kubeContext{
		"staging": {Server: "https://staging.example:6443"}, "prod-eu": {Server: "https://PROD.example:6443/"},
	}}
	want := shopBundle().Spec.Environments["prod"].Cluster
	err := checkCluster(t.Context(), "prod", want, conn)
	var f *failure
	if !errors.As(err, &f) || f.code != exitRefused {
		t.Fatalf("%+v", err)
	}
	wanted := "refused: environment prod is https://prod.example:6443; context staging is https://staging.example:6443; nothing was changed"
	if f.message != wanted || f.hints[0] != "contexts with that server: prod-eu (--context prod-eu)" {
		t.Errorf("%s\n%s", f.message, f.hints)
	}
	conn.Server = "https://Prod.example:6443"
	if err := checkCluster(t.Context(), "prod", want, conn); err != nil {
		t.Error(err)
	}
}

func TestServersAreComparedAsURLs(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://a", "https://a:443/", true}, {"https://a:6443", "a:6443", true}, {"https://a", "http://a", false},
		{"https://a/x", "https://a/y", false}, {"https://a:1", "https://a:2", false}, {"https://[::1]:6443", "https://[::1]:6443/", true},
	} {
		if got := sameServer(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestValuesKeepTheOrderOfTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, raw := file("a.yaml", "a: 1\n"), file("b.yaml", "b: 2\n"), file("raw", "text")
	var layers layerFlags
	var environment string
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	addRenderFlags(fs, &environment, &layers)
	if err := fs.Parse([]string{"--set", "x=1", "-f", a + "," + b, "--set-string", "y=2", "--set-file", "z=" + raw, "--set", "x=3", "-f", "-"}); err != nil {
		t.Fatal(err)
	}
	layers.environment = []givenLayer{{values.Set, "first=1"}}
	got, err := layers.read(strings.NewReader("stdin: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []values.Layer{
		{Kind: values.Set, Name: "first=1"},
		{Kind: values.Set, Name: "x=1"},
		{Kind: values.File, Name: a, Data: []byte("a: 1\n")},
		{Kind: values.File, Name: b, Data: []byte("b: 2\n")},
		{Kind: values.SetString, Name: "y=2"},
		{Kind: values.SetFile, Name: "z=" + raw, Data: []byte("text")},
		{Kind: values.Set, Name: "x=3"},
		{Kind: values.File, Name: "-", Data: []byte("stdin: 1\n")},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAllFilesOfValuesThatCannotBeReadAreReported(t *testing.T) {
	manifest := filepath.Join(t.TempDir(), "deploy.yaml")
	if err := os.WriteFile(manifest, []byte("apiVersion: apps/v1\nkind: Deployment\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	layers := layerFlags{given: []givenLayer{{values.File, "/no/such"}, {values.File, manifest}}}
	_, err := layers.read(nil)
	var f *failure
	if !errors.As(err, &f) || f.code != exitInput || len(f.lines) != 2 {
		t.Fatalf("%+v", err)
	}
	if !strings.Contains(f.lines[1], "is a manifest, not values") || !strings.Contains(f.hints[0], "belay apply ") {
		t.Errorf("%q, %q", f.lines, f.hints)
	}
}

// brokenPipe fails every write.
type brokenPipe struct{ err error }

func (b brokenPipe) Write([]byte) (int, error) { return 0, b.err }

func TestAClosedPipeIsNoErrorAndAFullDiskIs(t *testing.T) {
	for err, want := range map[error]bool{syscall.EPIPE: false, syscall.ENOSPC: true} {
		e := &env{stdout: &pipeWriter{w: brokenPipe{err}}}
		for range 3 {
			if n, err := e.stdout.Write([]byte("abc")); n != 3 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if got := e.outputErr(); (got != nil) != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestTheFirstSignalEndsReading(t *testing.T) {
	stopping := make(chan struct{})
	e := &env{stopping: stopping}
	ctx, done := e.untilStopped(context.Background())
	defer done()
	if ctx.Err() != nil {
		t.Fatal("ended before the signal")
	}
	close(stopping)
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
	if f := failureOf(e, fmt.Errorf("getting: %w", ctx.Err())); f.code != exitInterrupted || f.message != "interrupted" {
		t.Errorf("%+v", f)
	}
}

func TestTheNearestNameIsFound(t *testing.T) {
	names := []string{"apply", "diff", "status", "rollback"}
	for word, want := range map[string]string{
		"aply": "apply", "dif": "diff", "stauts": "status", "rolback": "rollback", "xyz": "", "": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%s: %q, not %q", word, got, want)
		}
	}
}

func TestAFileOfOutputIsTheUsersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	var out bytes.Buffer
	e := &env{stdout: &pipeWriter{w: &out}}
	err := e.write([]output{{Format: report.JSON, File: file}}, report.Text, func(s report.Sink) error {
		_, err := fmt.Fprint(s.Writer, s.Format)
		return err
	})
	if err != nil || out.String() != "text" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestOnlyTheVerbThatIsCalledIsMade(t *testing.T) {
	e := &env{program: "belay", stdout: &pipeWriter{w: &bytes.Buffer{}}, stderr: &pipeWriter{w: &bytes.Buffer{}}}
	for _, v := range verbs() {
		var names []string
		for _, c := range newRootCmd(e, []string{v.name, "--help"}).Commands() {
			names = append(names, c.Name())
		}
		if !slices.Equal(names, []string{v.name}) {
			t.Errorf("%s: made are %q", v.name, names)
		}
		for _, args := range [][]string{nil, {"-v", v.name}, {v.name + "x"}, {"help", v.name}, {"__complete", v.name}} {
			if made := len(newRootCmd(e, args).Commands()); made <= len(verbs()) {
				t.Errorf("%q: %d verbs are made", args, made)
			}
		}
	}
}

func TestEveryVerbHasAnExampleAndItsExitCodes(t *testing.T) {
	e := &env{program: "belay", stdout: &pipeWriter{w: &bytes.Buffer{}}, stderr: &pipeWriter{w: &bytes.Buffer{}}}
	seen := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { seen[f.Name] = true })
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.Runnable() || !c.HasParent() || strings.HasPrefix(c.CommandPath(), "belay completion") || c.Name() == "help" {
			return
		}
		if c.Short == "" || c.Example == "" && c.Name() != "version" {
			t.Errorf("%s: no words or no example", c.CommandPath())
		}
		if c.Annotations["exits"] == "" && !c.HasSubCommands() {
			t.Errorf("%s: no exit codes", c.CommandPath())
		}
	}
	walk(newRootCmd(e, nil))
	for _, name := range oneRun {
		if !seen[name] {
			t.Errorf("no command has --%s", name)
		}
	}
}
