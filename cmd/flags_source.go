package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// sourceFlags say how a bundle is read, and what is laid over it.
type sourceFlags struct {
	overlays    []string
	recursive   bool
	allowRemote bool
	params      []string
	paramFiles  []string
	chart       chartFlags

	parametersGiven []render.Parameter
	parametersRead  bool
}

func addSourceFlags(fs *pflag.FlagSet, s *sourceFlags) {
	fs.StringArrayVar(&s.overlays, "overlay", nil, "`DIR` of a kustomization to lay over what is rendered; repeatable")
	fs.BoolVarP(&s.recursive, "recursive", "R", false, "read plain manifests in folders of the directory, too")
	fs.BoolVar(&s.allowRemote, "allow-remote", false, "fetch manifests and kustomizations that are URLs")
	fs.StringArrayVarP(&s.params, "param", "p", nil, "set a parameter of an OpenShift Template: `NAME=VALUE`; repeatable")
	fs.StringArrayVar(&s.paramFiles, "param-file", nil, "`FILE` of parameters, NAME=VALUE a line; - is stdin; repeatable, --param wins")
	addChartFlags(fs, &s.chart)
}

// load reads a bundle and the overlays that were asked for.
func (s *sourceFlags) load(ctx context.Context, e *env, path string) (*bundle.Bundle, []*bundle.Tree, error) {
	ctx, done := e.untilStopped(ctx)
	defer done()
	fetched := &fetcher{}
	defer fetched.close()
	loader := bundle.Loader{Stdin: e.stdin, Recursive: s.recursive}
	if s.allowRemote {
		loader.Remote = func(reference string) (string, error) { return fetched.fetch(ctx, reference) }
	}
	b, err := s.loadBundle(ctx, loader, path)
	if err != nil && stopped(e.stopping) {
		return nil, nil, errInterrupted
	}
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
func (s *sourceFlags) loadBundle(ctx context.Context, l bundle.Loader, path string) (*bundle.Bundle, error) {
	if !isURL(path) {
		return l.Load(path)
	}
	shown := withoutPassword(path)
	if l.Remote == nil {
		return nil, &object.Error{File: shown, Message: "this is a URL", Hint: "--allow-remote lets belay fetch it; a copy beside your bundles is safer"}
	}
	data, err := download(ctx, path)
	if err != nil {
		return nil, &object.Error{File: shown, Message: fmt.Sprintf("fetching it: %v", err)}
	}
	return &bundle.Bundle{Type: bundle.Plain, Path: shown, Files: []bundle.File{{Name: shown, Data: data}}}, nil
}
