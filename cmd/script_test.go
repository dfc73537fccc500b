package cmd

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"belay":                  func() { os.Exit(Main()) },
		"kubectl-belay":          func() { os.Exit(Main()) },
		"kubectl_complete-belay": func() { os.Exit(Main()) },
	})
}

// TestScripts runs the real command line, without a cluster.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_GOLDEN") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			// Nothing of the machine's own: no kubeconfig, no home, no BELAY_*.
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("NO_PROXY", "*")
			return nil
		},
	})
}

// exits runs a command and checks its exit code: exits 3 belay apply.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got := itoa(code); got != args[0] {
		ts.Fatalf("exit %s, not %s", got, args[0])
	}
}
