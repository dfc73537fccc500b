package cmd

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/report"
)

func newVersionCmd(e *env) *cobra.Command {
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML}}
	c := &cobra.Command{
		Use:   "version",
		Short: "Print belay's version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return report.WriteVersion(e.stdout, formats.stdout(), buildVersion())
		},
	}
	c.Flags().VarP(&formats, "output", "o", "`FORMAT`: "+formats.names())
	return withExits(c, exitOK, exitInput)
}

// buildVersion reads what the go command recorded in the binary.
func buildVersion() report.Version {
	v := report.Version{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
