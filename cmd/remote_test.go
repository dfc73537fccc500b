package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

func TestManifestsBehindURLs(t *testing.T) {
	const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n"
	mux := http.NewServeMux()
	says := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	says("/ok.yaml", manifest)
	says("/plain", manifest)
	says("/page.yaml", "<!DOCTYPE html><html>log in</html>")
	says("/chart.tgz", "\x1f\x8b\x08 and so on")
	says("/huge.yaml", strings.Repeat("#", maxRemote+1))
	mux.Handle("/moved.yaml", http.RedirectHandler("/ok.yaml", http.StatusFound))
	mux.Handle("/round.yaml", http.RedirectHandler("/round.yaml", http.StatusFound))
	mux.Handle("/file.yaml", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/cut.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, manifest)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	withPassword := strings.Replace(server.URL, "http://", "http://user:password@", 1)

	loader := bundle.Loader{Remote: func(string) (string, error) { return "", nil }}
	for url, want := range map[string]string{
		server.URL + "/ok.yaml":      "",
		server.URL + "/ok.yaml?v=1":  "",
		server.URL + "/plain":        "",
		server.URL + "/moved.yaml":   "",
		withPassword + "/ok.yaml":    "",
		withPassword + "/none.yaml":  "the server says 404 Not Found",
		server.URL + "/page.yaml":    "the answer is a web page and no manifest",
		server.URL + "/chart.tgz":    "the answer is an archive and no manifest",
		server.URL + "/huge.yaml":    "it is larger than 64 MiB",
		server.URL + "/round.yaml":   "it was redirected 10 times",
		server.URL + "/file.yaml":    `unsupported protocol scheme "file"`,
		server.URL + "/cut.yaml":     "the connection broke before the end of the file",
		"http://a b/c.yaml":          "it is no URL that can be fetched",
		"https://127.0.0.1:1/c.yaml": "refused",
	} {
		b, err := (&sourceFlags{}).loadBundle(context.Background(), loader, url)
		switch {
		case want != "":
			if !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "user:password") {
				t.Errorf("%s: %v; want %s", url, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", url, err)
		case string(b.Files[0].Data) != manifest || strings.Contains(b.Path+b.Files[0].Name, "user:password"):
			t.Errorf("%s: %s, %s, %q", url, b.Path, b.Files[0].Name, b.Files[0].Data)
		}
	}
}

func TestRedirectsLeaveNoEncryptedConnection(t *testing.T) {
	check := remoteClient().CheckRedirect
	request := func(url string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := check(request("https://b.example/m.yaml"), []*http.Request{request("https://a.example/m.yaml")}); err != nil {
		t.Error(err)
	}
	if check(request("http://b.example/m.yaml"), []*http.Request{request("https://a.example/m.yaml")}) == nil {
		t.Error("https was left for http")
	}
}

func TestAURLIsRefusedUnlessAllowed(t *testing.T) {
	_, err := (&sourceFlags{}).loadBundle(context.Background(), bundle.Loader{}, "https://user:password@a.example/m.yaml")
	if got := fmt.Sprint(err); got != "https://user:xxxxx@a.example/m.yaml: this is a URL" {
		t.Error(got)
	}
}

func TestWaitingForInputEndsAtTheFirstSignal(t *testing.T) {
	stopping := make(chan struct{})
	silent, _ := io.Pipe()
	e := &env{stdin: &interruptible{from: silent, stopping: stopping}, stopping: stopping}
	close(stopping)
	layers := layerFlags{}
	if err := (layerFlag{kind: values.File, all: &layers}).Set("-"); err != nil {
		t.Fatal(err)
	}
	_, _, err := (&sourceFlags{}).load(context.Background(), e, "-")
	_, valuesErr := layers.read(e.stdin)
	_, parametersErr := (&sourceFlags{paramFiles: []string{"-"}}).parameters(e.stdin)
	for _, err := range []error{err, valuesErr, parametersErr} {
		if exitCodeOf(err) != exitInterrupted {
			t.Errorf("%v", err)
		}
	}
}

func TestParametersOfFilesAreReadAsOCReadsThem(t *testing.T) {
	source := &sourceFlags{paramFiles: []string{"-"}, params: []string{"F=flag=1"}}
	text := "\uFEFF# comment\r\nA=a b # comment\r\nexport B=\"x\\n\\\"y\\\"\" # comment\n\nC='q#\\n'\nD=\nE = a#b \n"
	all, err := source.parameters(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range all {
		got = append(got, fmt.Sprintf("%s %s=%q", p.From, p.Name, p.Value))
	}
	want := []string{`-:2 A="a b"`, `-:3 B="x\n\"y\""`, `-:5 C="q#\\n"`, `-:6 D=""`, `-:7 E="a#b"`, `--param F="flag=1"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if again, err := source.parameters(strings.NewReader("")); err != nil || len(again) != len(all) {
		t.Errorf("a second reading: %v, %v", again, err)
	}
}

func TestMistakesInParametersAreAllReportedWithoutWhatAFileHolds(t *testing.T) {
	source := &sourceFlags{paramFiles: []string{"-", "none.env"}, params: []string{"none", "=1"}}
	_, err := source.parameters(strings.NewReader("hunter2\nA=\"hunter2\nB='hunter2' x\n=hunter2\n"))
	f := failureOf(&env{}, err)
	got := strings.Join(append([]string{f.message}, f.lines...), "\n")
	want := `-:1: NAME=VALUE is expected
-:2: a quote is opened and never closed
-:3: there is more behind the closing quote
-:4: NAME=VALUE is expected
reading none.env: no such file or directory
--param "none": NAME=VALUE is expected
--param "=1": NAME=VALUE is expected`
	if got != want || f.code != exitInput {
		t.Errorf("exit %d, %s", f.code, got)
	}
}
