package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Bounds of what is fetched.
const (
	maxRemote     = 64 << 20
	remoteTimeout = 2 * time.Minute
	remoteSilence = 30 * time.Second
)

// fetcher brings what is remote into a directory of its own, for as long as a
// bundle is read.
type fetcher struct {
	dir   string
	count int
}

func (f *fetcher) close() {
	if f.dir != "" {
		_ = os.RemoveAll(f.dir) // a leftover in the directory for temporary files harms nobody
	}
}

// repository is how kustomizations name a directory in a Git repository:
// https://github.com/org/repo//path?ref=v1, git@host:org/repo.git//path.
var repository = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:git::)?((?:https?://|ssh://|git@)?[^/?]+[/:][^/?]+/[^/?]+?)(\.git)?(?://?([^?]*))?(?:\?(.*))?$`)
})

// fetch brings a file or a directory of a kustomization here.
func (f *fetcher) fetch(ctx context.Context, reference string) (string, error) {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "belay-")
		if err != nil {
			return "", err
		}
		f.dir = dir
	}
	f.count++
	into := filepath.Join(f.dir, fmt.Sprint(f.count))
	if isURL(reference) && !strings.Contains(reference, "?ref=") && !strings.Contains(reference, ".git") {
		file, _, _ := strings.Cut(strings.TrimSuffix(reference, "/"), "?")
		switch filepath.Ext(file) {
		case ".yaml", ".yml", ".json":
			data, err := download(ctx, reference)
			if err != nil {
				return "", err
			}
			return into + ".yaml", os.WriteFile(into+".yaml", data, 0o600)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	return clone(ctx, reference, into)
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// withoutPassword is a URL as it may be shown and recorded.
func withoutPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}

// download reads the manifest behind a URL.
func download(ctx context.Context, from string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, errors.New("it is no URL that can be fetched")
	}
	answer, err := remoteClient().Do(request)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New("the server says " + answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxRemote+1))
	switch {
	case err != nil:
		return nil, unanswered(ctx, err)
	case len(data) > maxRemote:
		return nil, fmt.Errorf("it is larger than %d MiB", maxRemote>>20)
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")):
		return nil, errors.New("the answer is a web page and no manifest; a site that shows files has another URL for the file itself, often called raw")
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return nil, errors.New("the answer is an archive and no manifest; a chart is fetched with helm pull, and its file is the bundle")
	}
	return data, nil
}

// remoteClient follows redirects, but not from an encrypted URL to one that is
// not, and does not wait long for a server that says nothing.
func remoteClient() *http.Client {
	client := &http.Client{CheckRedirect: func(next *http.Request, before []*http.Request) error {
		switch {
		case len(before) >= 10:
			return errors.New("it was redirected 10 times")
		case before[0].URL.Scheme == "https" && next.URL.Scheme != "https":
			return fmt.Errorf("it is redirected to %s, which is not encrypted", next.URL.Redacted())
		}
		return nil
	}}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		patient := usual.Clone()
		patient.ResponseHeaderTimeout = remoteSilence
		client.Transport = patient
	}
	return client
}

// unanswered says why there is no answer, without the URL, which may hold a
// password, and without the words of Go's packages.
func unanswered(ctx context.Context, err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection broke before the end of the file")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("it did not arrive within %s", remoteTimeout)
	case errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return err
}

// clone fetches one state of a Git repository and returns the directory in it.
func clone(ctx context.Context, reference, into string) (string, error) {
	m := repository().FindStringSubmatch(reference)
	if m == nil {
		return "", errors.New("neither a URL of a manifest nor a Git repository")
	}
	from, ref := m[1]+m[2], "HEAD"
	if !strings.Contains(from, "://") && !strings.HasPrefix(from, "git@") {
		from = "https://" + from
	}
	for _, option := range strings.Split(m[4], "&") {
		key, value, _ := strings.Cut(option, "=")
		if (key == "ref" || key == "version") && value != "" {
			ref = value
		}
	}
	if strings.HasPrefix(ref, "-") || strings.HasPrefix(from, "-") {
		return "", errors.New("it begins with a dash")
	}
	for _, args := range [][]string{
		{"init", "--quiet", into},
		{"-C", into, "fetch", "--quiet", "--depth=1", from, ref},
		{"-C", into, "checkout", "--quiet", "FETCH_HEAD"},
	} {
		git := exec.CommandContext(ctx, "git", args...)
		git.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
		if out, err := git.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git: %s", strings.TrimSpace(string(out)+" "+err.Error()))
		}
	}
	inside := filepath.Join(into, filepath.FromSlash(m[3]))
	if relative, err := filepath.Rel(into, inside); err != nil || strings.HasPrefix(relative, "..") {
		return "", errors.New("the directory is outside of the repository")
	}
	return inside, nil
}
