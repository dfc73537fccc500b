package bundle

import (
	"path"
	"strings"
)

// ignore are the patterns of a .belayignore, in git's manner: one a line, * ? []
// within a name, ** for any folders, a slash at the end for folders only, a slash
// elsewhere for a path from the bundle's root, ! to take back.
type ignore []pattern

type pattern struct {
	parts       []string
	negated     bool
	foldersOnly bool
}

func parseIgnore(text string) ignore {
	var all ignore
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var p pattern
		line, p.negated = strings.CutPrefix(line, "!")
		line, p.foldersOnly = strings.CutSuffix(line, "/")
		anchored := strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		if !anchored {
			line = "**/" + line
		}
		p.parts = strings.Split(line, "/")
		all = append(all, p)
	}
	return all
}

// matches says whether a file or folder is ignored. Whatever is in an ignored
// folder is never asked for.
func (i ignore) matches(name string, folder bool) bool {
	ignored := false
	for _, p := range i {
		if p.foldersOnly && !folder {
			continue
		}
		if Match(p.parts, strings.Split(name, "/")) {
			ignored = !p.negated
		}
	}
	return ignored
}

// Match says whether the parts of a name match those of a pattern: * ? [] within a
// part, ** for any number of parts.
func Match(pattern, name []string) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == "**" {
		for skip := 0; skip <= len(name); skip++ {
			if Match(pattern[1:], name[skip:]) {
				return true
			}
		}
		return false
	}
	if len(name) == 0 {
		return false
	}
	// A malformed pattern matches nothing.
	ok, err := path.Match(pattern[0], name[0])
	return err == nil && ok && Match(pattern[1:], name[1:])
}
