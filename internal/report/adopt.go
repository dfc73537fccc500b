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
	if revisions == 0 {
		fmt.Fprintf(w, "Helm's records of %s are removed already\n", Clean(helm))
		return
	}
	fmt.Fprintf(w, "removed Helm's records of %s: %s\n", Clean(helm), count(revisions, "revision"))
}

// EjectQuestion is what belay eject asks.
func EjectQuestion(t diff.Target, objects int) string {
	return fmt.Sprintf("Forget %s in %s of %s? Its %s stay as they are. [y/N] ",
		t.Release, t.Namespace, Clean(t.Context), count(objects, "object"))
}

// Ejected says that a release is one no more. dir is empty where the manifests went
// to stdout.
func Ejected(w io.Writer, release string, objects int, dir string) {
	where := "stdout"
	if dir != "" {
		where = Quote(dir)
	}
	fmt.Fprintf(w, "%s is no release any more: %s written to %s, the objects were not touched\n", release, count(objects, "manifest"), where)
	fmt.Fprintln(w, "  they keep the label belay.sh/release, the annotation belay.sh/release-namespace, and belay as a field manager")
}
