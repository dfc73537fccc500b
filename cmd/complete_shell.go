package cmd

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// kubectlCompletes is the name by which kubectl asks a plugin for completions: a
// program beside the plugin.
const kubectlCompletes = "kubectl_complete-belay"

// asCompletion are the arguments of a process that kubectl started to complete
// those of its plugin.
func asCompletion(args []string) []string {
	if strings.TrimSuffix(filepath.Base(args[0]), ".exe") != kubectlCompletes {
		return args
	}
	return append([]string{"kubectl-belay", cobra.ShellCompRequestCmd}, args[1:]...)
}

// bashWords follows the script for bash. It needs one function of the package
// bash-completion, whose lack would be an error at every Tab; where the package is
// not there, this does the same: it puts together what bash took apart at = and :.
const bashWords = `
# The words up to the cursor, where the package bash-completion is not installed.
__belay_words()
{
    local line=${COMP_LINE:0:$COMP_POINT} rest word i
    words=() cword=-1
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=${line#"${line%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || word=$rest
        if ((cword >= 0)) && [[ $rest == "$line" && ($word == [=:]* || ${words[cword]} == *[=:]) ]]; then
            words[cword]+=$word
        else
            words[++cword]=$word
        fi
        line=${rest:${#word}}
    done
    cur=${words[cword]} prev=
    ((cword == 0)) || prev=${words[cword-1]}
}

__belay_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
    else
        __belay_words
    fi
}
`

const completionLong = `Writes a script that lets a shell complete belay's commands, flags, and the names of
releases, revisions, namespaces and environments. Tab asks the cluster where only
the cluster knows, for two seconds at the most, and shows no errors.

As a plugin, belay is completed by kubectl's own script: copy or link belay to
kubectl-belay and to kubectl_complete-belay, both on the PATH.`

const completionExample = `  source <(belay completion bash)   # in ~/.bashrc
  source <(belay completion zsh)    # in ~/.zshrc, after compinit
  belay completion fish > ~/.config/fish/completions/belay.fish
  belay completion powershell | Out-String | Invoke-Expression   # in the profile`

// finishCompletion makes the command completion speak as the others do.
func finishCompletion(c *cobra.Command) {
	c.Short, c.Long, c.Example = "Generate the completion script of a shell", completionLong, completionExample
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args[0])
		}
		return c.Help()
	}
	for _, shell := range c.Commands() {
		shell.Short, shell.Long = "The script for "+shell.Name(), completionLong
		shell.Example = completionLine(shell.Name())
		if shell.Name() != "bash" {
			continue
		}
		script := shell.RunE
		shell.RunE = func(c *cobra.Command, args []string) error {
			if err := script(c, args); err != nil {
				return err
			}
			_, err := io.WriteString(c.Root().OutOrStdout(), bashWords)
			return err
		}
	}
}

// completionLine is the example for one shell.
func completionLine(shell string) string {
	for line := range strings.Lines(completionExample) {
		if strings.Contains(line, "completion "+shell) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}
