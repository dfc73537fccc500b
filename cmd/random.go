package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/belay-sh/belay/render"
)

// everyTemplate is --regenerate without a template.
const everyTemplate = "*"

// forget drops remembered random values of a template, or all; found is false
// when there are none.
func forget(remembered map[string]string, template string) (kept map[string]string, found bool) {
	kept = map[string]string{}
	for place, value := range remembered {
		file, _, _ := strings.Cut(place, ":")
		if template == everyTemplate || file == template || strings.HasSuffix(file, "/"+template) {
			found = true
			continue
		}
		kept[place] = value
	}
	return kept, found
}

// remembered are the random values that templates get back: the release's, save
// those to make anew, and all that this run made already, for a bundle is
// rendered several times and must say the same.
func (d *deployment) remembered(recorded map[string]string) (map[string]string, error) {
	known := maps.Clone(recorded)
	if d.o.Regenerate != "" {
		var found bool
		if known, found = forget(recorded, d.o.Regenerate); !found && d.random == nil && d.o.Regenerate != everyTemplate {
			return nil, inputError("--regenerate " + d.o.Regenerate + ": no random value of the release comes from it").
				hint("templates are named as in the plan: templates/secret.yaml")
		}
	}
	if known == nil {
		known = map[string]string{}
	}
	maps.Copy(known, d.random)
	return known, nil
}

// made notes random values that were not known before.
func (d *deployment) made(now, known map[string]string) {
	if d.random == nil {
		d.random = map[string]string{}
	}
	for place, value := range now {
		if _, old := known[place]; !old {
			d.random[place] = value
		}
	}
}

// readRandom reads a file of remembered random values; none is there at first.
func readRandom(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readBounded(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, asInput(fmt.Errorf("reading random values: %w", err))
	}
	var known map[string]string
	if json.Unmarshal(data, &known) != nil {
		return nil, inputError(file + " does not hold random values that belay wrote")
	}
	return known, nil
}

// writeRandom keeps the random values of a rendering. The file is replaced as a
// whole, and the user's alone: it holds passwords.
func writeRandom(file string, values map[string]string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(values); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".belay-random-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// newRandom warns of random values that are other ones at the next rendering.
func newRandom(wanted *render.Wanted, known map[string]string, kept bool) []render.Warning {
	fresh := 0
	for place := range wanted.Random {
		if _, remembered := known[place]; !remembered {
			fresh++
		}
	}
	if fresh == 0 || kept {
		return nil
	}
	what := fmt.Sprintf("%d random values are new", fresh)
	if fresh == 1 {
		what = "1 random value is new"
	}
	return []render.Warning{{Message: what + " in every rendering; a release remembers its own, --random FILE keeps these"}}
}
