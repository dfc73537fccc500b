package cmd

import (
	"fmt"
	"os"
	"strings"

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
}

func addSourceFlags(fs *pflag.FlagSet, s *sourceFlags) {
	fs.StringArrayVar(&s.overlays, "overlay", nil, "`DIR` of a kustomization to lay over what is rendered; repeatable")
	fs.BoolVarP(&s.recursive, "recursive", "R", false, "read plain manifests in folders of the directory, too")
	fs.BoolVar(&s.allowRemote, "allow-remote", false, "fetch manifests and kustomizations that are URLs")
	fs.StringArrayVarP(&s.params, "param", "p", nil, "set a parameter of an OpenShift Template: `NAME=VALUE`; repeatable")
	fs.StringArrayVar(&s.paramFiles, "param-file", nil, "`FILE` of parameters, NAME=VALUE a line; repeatable, --param wins")
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

// parameters reads those of OpenShift Templates. All mistakes are reported.
func (s *sourceFlags) parameters() ([]render.Parameter, error) {
	var all []render.Parameter
	var mistakes []string
	add := func(from, text string) {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			mistakes = append(mistakes, fmt.Sprintf("%s: %q has no =", from, text))
		}
		all = append(all, render.Parameter{Name: strings.TrimSpace(name), Value: value, From: from})
	}
	for _, file := range s.paramFiles {
		data, err := readBounded(file)
		if err != nil {
			mistakes = append(mistakes, err.Error())
		}
		for i, line := range strings.Split(string(data), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				add(fmt.Sprintf("%s:%d", file, i+1), line)
			}
		}
	}
	for _, text := range s.params {
		add("--param", text)
	}
	if len(mistakes) == 0 {
		return all, nil
	}
	f := inputError(mistakes[0])
	f.lines = mistakes[1:]
	return nil, f
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
