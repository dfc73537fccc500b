package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/values"
)

// layerFlags collects the layers of values in the order of the command line.
type layerFlags struct {
	given []givenLayer
	// environment are the layers of BELAY_* variables; they come before.
	environment []givenLayer
}

// givenLayer is a layer as it was given, before its file is read.
type givenLayer struct {
	kind values.Kind
	text string
}

// layerFlag is one of the flags that append to the same list.
type layerFlag struct {
	kind values.Kind
	all  *layerFlags
}

func (f layerFlag) String() string { return "" }
func (f layerFlag) Type() string   { return "string" }

func (f layerFlag) Set(text string) error {
	if f.kind != values.File {
		object := f.kind == values.SetJSON && strings.HasPrefix(strings.TrimSpace(text), "{")
		if !strings.Contains(text, "=") && !object {
			return fmt.Errorf("%q has no =", text)
		}
		f.all.given = append(f.all.given, givenLayer{f.kind, text})
		return nil
	}
	for _, name := range strings.Split(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			f.all.given = append(f.all.given, givenLayer{f.kind, name})
		}
	}
	return nil
}

// read reads the files of all layers; the mistakes of all are reported at once.
func (l *layerFlags) read(stdin io.Reader) ([]values.Layer, error) {
	var layers []values.Layer
	var lines, hints []string
	for _, g := range slices.Concat(l.environment, l.given) {
		layer, err := g.read(stdin)
		if err == nil {
			layers = append(layers, layer)
			continue
		}
		if errors.Is(err, errInterrupted) {
			return nil, errInterrupted
		}
		lines = append(lines, err.Error())
		var known *failure
		if errors.As(err, &known) {
			hints = append(hints, known.hints...)
		}
	}
	switch len(lines) {
	case 0:
		return layers, nil
	case 1:
		return nil, inputError(lines[0]).hint(hints...)
	default:
		f := inputError(fmt.Sprintf("%d files of values cannot be used", len(lines))).hint(hints...)
		f.lines = lines
		return nil, f
	}
}

func (g givenLayer) read(stdin io.Reader) (values.Layer, error) {
	layer := values.Layer{Kind: g.kind, Name: g.text}
	var err error
	switch g.kind {
	case values.File:
		if layer.Data, err = readInput(g.text, stdin); err != nil {
			return layer, err
		}
		if looksLikeManifest(layer.Data) {
			return layer, inputError(g.text + " is a manifest, not values").hint("belay apply " + report.Quote(g.text) + " -r NAME")
		}
	case values.SetFile:
		_, file, _ := strings.Cut(g.text, "=")
		layer.Data, err = readInput(file, stdin)
	}
	return layer, err
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return readAll("stdin", stdin)
	}
	return readBounded(name)
}

// readBounded reads a file that a person names, unless it is so large that it
// must be a mistake.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, notRead(name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > values.MaxSize {
		return nil, tooLarge(name)
	}
	return readAll(name, f)
}

func readAll(name string, from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, values.MaxSize+1))
	if err != nil {
		return nil, notRead(name, err)
	}
	if len(data) > values.MaxSize {
		return nil, tooLarge(name)
	}
	return data, nil
}

// notRead says the name once: the system's errors repeat it.
func notRead(name string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("reading %s: %w", name, err)
}

func tooLarge(name string) error {
	return inputError(fmt.Sprintf("%s is larger than %d MiB", name, values.MaxSize>>20))
}

var (
	apiVersionLine = regexp.MustCompile(`(?m)^apiVersion:\s*\S`)
	kindLine       = regexp.MustCompile(`(?m)^kind:\s*\S`)
)

// looksLikeManifest tells a manifest given as -f, as kubectl's users do, from
// values.
func looksLikeManifest(data []byte) bool {
	return apiVersionLine.Match(data) && kindLine.Match(data)
}
