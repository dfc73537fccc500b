package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Bounds of what is fetched.
const (
	maxRemote     = 64 << 20
	remoteTimeout = 2 * time.Minute
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
var repository = regexp.MustCompile(`^(?:git::)?((?:https?://|ssh://|git@)?[^/?]+[/:][^/?]+/[^/?]+?)(\.git)?(?://?([^?]*))?(?:\?(.*))?$`)

// fetch brings a file or a directory here.
func (f *fetcher) fetch(reference string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), remoteTimeout)
	defer cancel()
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
		switch filepath.Ext(strings.TrimSuffix(reference, "/")) {
		case ".yaml", ".yml", ".json":
			return download(ctx, reference, into+".yaml")
		}
	}
	return clone(ctx, reference, into)
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

func download(ctx context.Context, url, into string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", errors.New("the server says " + answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxRemote+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxRemote {
		return "", fmt.Errorf("it is larger than %d MiB", maxRemote>>20)
	}
	return into, os.WriteFile(into, data, 0o600)
}

// clone fetches one state of a Git repository and returns the directory in it.
func clone(ctx context.Context, reference, into string) (string, error) {
	m := repository.FindStringSubmatch(reference)
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
