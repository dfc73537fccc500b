package report

import (
	"fmt"
	"io"

	"github.com/belay-sh/belay/diff"
)

// AdoptQuestion is what a takeover of a Helm release asks before its first write.
func AdoptQuestion(helm string, t diff.Target) string {
	return fmt.Sprintf("Take over Helm release %s in %s of %s? [y/N] ", Clean(helm), t.Namespace, Clean(t.Context))
}

// RemovalQuestion is what the removal of Helm's records asks.
func RemovalQuestion(helm string, revisions int, t diff.Target) string {
	return fmt.Sprintf("Remove Helm's records of %s (%s) in %s of %s? [y/N] ",
		Clean(helm), count(revisions, "revision"), t.Namespace, Clean(t.Context))
}

// Adopted says that a release was taken over before. removing is true when Helm's
// records are removed next.
func Adopted(w io.Writer, release, helm string, flags Flags, removing bool) {
	fmt.Fprintf(w, "%s was taken over from Helm release %s before; nothing to take over\n", release, Clean(helm))
	if !removing {
		fmt.Fprintln(w, "  "+helmStays(helm, flags))
	}
}

func helmStays(helm string, flags Flags) string {
	return "Helm's records stay, for reading; do not use helm upgrade or helm uninstall on it; to remove them: " +
		flags.Command("adopt", "helm/"+helm, "--remove-helm-records")
}

// HelmRecordsRemoved says that Helm remembers nothing of a release any more.
func HelmRecordsRemoved(w io.Writer, helm string, revisions int) {
	fmt.Fprintf(w, "removed Helm's records of %s: %s\n", Clean(helm), count(revisions, "revision"))
}
