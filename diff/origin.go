package diff

import "fmt"

// checkOrigin refuses another bundle, or another environment, than the one that
// the release was made from. A revision left by a rollback carries the origin of
// what it brought back, so the newest one tells.
func (p *planner) checkOrigin() {
	current := p.s.Current()
	if p.o.Op != OpApply || current == nil {
		return
	}
	was, is := current.Origin, p.w.Origin
	var this, hint string
	switch {
	case was.Bundle != is.Bundle && !p.o.ReplaceBundle:
		this = "this is " + bundleName(is.Bundle)
		hint = fmt.Sprintf("another name: -r %s; or, to turn %s into it: --replace-bundle", suggestedName(is.Bundle), p.o.Target.Release)
	case was.Bundle == is.Bundle && was.Environment != is.Environment && !p.o.ChangeEnvironment && !p.o.ReplaceBundle:
		this = "this is " + bundleName(is.Bundle) + ", " + environmentName(is.Environment)
		hint = "another name: -r NAME; or, if it is meant: --change-environment"
		if was.Environment != "" && is.Environment == "" {
			hint = "-e " + shellWord(was.Environment) + ", or " + hint
		}
	default:
		return
	}
	from := bundleName(was.Bundle)
	if was.Environment != "" || was.Environment != is.Environment {
		from += ", " + environmentName(was.Environment)
	}
	p.plan.Refused = append(p.plan.Refused, Refusal{
		Code: RefusedByRule,
		Message: fmt.Sprintf("refused: release %s was made from %s (%s); %s; nothing was changed",
			p.o.Target.Release, from, plural(current.Number, "revision", "revisions"), this),
		Hints: []string{hint},
	})
}

func bundleName(name string) string {
	if name == "" {
		return "plain manifests"
	}
	return "bundle " + name
}

func suggestedName(bundle string) string {
	if bundle == "" {
		return "NAME"
	}
	return bundle
}

func environmentName(name string) string {
	if name == "" {
		return "no environment"
	}
	return "environment " + name
}
