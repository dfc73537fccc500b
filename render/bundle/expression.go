package bundle

import (
	"regexp"
	"sync"
)

// Paths in a kustomization whose values name files or directories.
var (
	aBase      = lazily(`^(resources|bases|components|generators|transformers|validators)\[\d+\]$`)
	aPlugin    = lazily(`^(generators|transformers|validators)\[\d+\]$`)
	aFile      = lazily(`^((crds|configurations|patchesStrategicMerge)\[\d+\]|(patches|patchesJson6902|replacements)\[\d+\]\.path|openapi\.path)$`)
	aSource    = lazily(`^(configMapGenerator|secretGenerator)\[\d+\]\.files\[\d+\]$`)
	aList      = lazily(`^(configMapGenerator|secretGenerator)\[\d+\]\.(envs\[\d+\]|env)$`)
	aGenerated = lazily(`^(configMapGenerator|secretGenerator)\[\d+\]\.name$`)
	aChart     = lazily(`^(helmCharts|helmChartInflationGenerator)\[\d+\]\.(name|chartName)$`)
	remoteForm = lazily(`^([a-z+]+://|git@|git::|gh:|(www\.)?(github|gitlab|bitbucket)\.(com|org)[/:])|\?(.*&)?(ref|version)=|\.git(//|$)`)
)

// expression is a regular expression that is compiled when it is first used: what
// is compiled when the program starts is paid by every command.
type expression struct{ compiled func() *regexp.Regexp }

func lazily(text string) expression {
	return expression{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString says whether the expression is in s.
func (e expression) MatchString(s string) bool { return e.compiled().MatchString(s) }
