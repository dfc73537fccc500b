package cmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
)

// sourceFlags say how a bundle is read, and what is laid over it.
type sourceFlags struct {
	overlays    []string
	recursive   bool
	allowRemote bool
	chart       chartFlags
}

func addSourceFlags(fs *pflag.FlagSet, s *sourceFlags) {
	fs.StringArrayVar(&s.overlays, "overlay", nil, "`DIR` of a kustomization to lay over what is rendered; repeatable")
	fs.BoolVarP(&s.recursive, "recursive", "R", false, "read plain manifests in folders of the directory, too")
	fs.BoolVar(&s.allowRemote, "allow-remote", false, "fetch manifests and kustomizations that are URLs")
	addChartFlags(fs, &s.chart)
}

// load reads a bundle and the overlays that were asked for.
func (s *sourceFlags) load(e *env, path string) (*bundle.Bundle, []*bundle.Tree, error) {
	fetched := &fetcher{}
	defer fetched.close()
	loader := bundle.Loader{Stdin: e.stdin, Recursive: s.recursive}
	if s.allowRemote {
		loader.Remote = fetched.fetch
	}
	b, err := s.loadBundle(loader, path)
	if err != nil {
		return nil, nil, bundleErrors(path, err)
	}
	var overlays []*bundle.Tree
	for _, dir := range s.overlays {
		tree, err := bundle.LoadTree(dir, dir, loader.Remote)
		if err != nil {
			return nil, nil, bundleErrors(dir, err)
		}
		overlays = append(overlays, tree)
	}
	return b, overlays, nil
}

// loadBundle reads a bundle, which may be a manifest behind a URL.
func (s *sourceFlags) loadBundle(l bundle.Loader, path string) (*bundle.Bundle, error) {
	if !strings.HasPrefix(path, "https://") && !strings.HasPrefix(path, "http://") {
		return l.Load(path)
	}
	if l.Remote == nil {
		return nil, &object.Error{File: path, Message: "this is a URL", Hint: "--allow-remote lets belay fetch it; a copy beside your bundles is safer"}
	}
	local, err := l.Remote(path)
	if err != nil {
		return nil, &object.Error{File: path, Message: fmt.Sprintf("fetching it: %v", err)}
	}
	if info, err := os.Stat(local); err == nil && info.IsDir() {
		return nil, &object.Error{File: path, Message: "this is no manifest", Hint: "clone it, and name its directory"}
	}
	b, err := l.Load(local)
	if err != nil {
		return nil, err
	}
	b.Path = path
	for i := range b.Files {
		b.Files[i].Name = path
	}
	return b, nil
}
