// Command belay deploys applications to Kubernetes. It is the kubectl plugin
// kubectl-belay as well.
package main

import (
	"os"

	"github.com/belay-sh/belay/cmd"
)

func main() { os.Exit(cmd.Main()) }
