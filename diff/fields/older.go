package fields

// olderTools are field managers that stand for an older tool or a client-side
// apply, by operation. When an object is taken over, what they own becomes ours,
// for else it could never be removed. Editors are not among them: what a person
// set by hand is a conflict.
var olderTools = map[[2]string]bool{
	{"kubectl-client-side-apply", "Update"}: true,
	{"kubectl-create", "Update"}:            true,
	{"kubectl-replace", "Update"}:           true,
	{"kubectl-expose", "Update"}:            true,
	{"kubectl-run", "Update"}:               true,
	{"kubectl-autoscale", "Update"}:         true,
	{"kubectl", "Update"}:                   true,
	{"kubectl", "Apply"}:                    true,
	{"helm", "Update"}:                      true,
	{"helm", "Apply"}:                       true,
	{"Helm", "Update"}:                      true,
	{"Go-http-client", "Update"}:            true,
	{"nelm", "Apply"}:                       true,
	{"kapp", "Update"}:                      true,
	{"kapp-server-side-apply", "Apply"}:     true,
	{"kustomize-controller", "Apply"}:       true,
	{"helm-controller", "Update"}:           true,
	{"argocd-controller", "Apply"}:          true,
	{"argocd-controller", "Update"}:         true,
	{"kluctl", "Apply"}:                     true,
	{"timoni", "Apply"}:                     true,
	{BeforeFirstApply, "Update"}:            true,
}

// clientSide are those among them that are no longer at work once an object is a
// release's: a client-side apply, an older Helm, what the server invents. What they
// own becomes ours also without an adoption, for else it could never be removed.
// The others may be running still, and would fight for it.
var clientSide = map[string]bool{
	"kubectl-client-side-apply": true, "kubectl-create": true, "helm": true, "Helm": true, BeforeFirstApply: true,
}

// ClientSide says whether an entry is one whose fields become a release's wherever
// they are found on its objects.
func ClientSide(e Entry) bool {
	return e.Subresource == "" && e.Operation == "Update" && clientSide[e.Manager]
}

// HelmName is the annotation by which Helm knows what belongs to a release. Who
// owns it is Helm, whatever the program is called that Helm is a library of.
const HelmName = "meta.helm.sh/release-name"

// OlderTool says whether an entry is one of an older tool's.
func OlderTool(e Entry) bool {
	return e.Subresource == "" &&
		(olderTools[[2]string{e.Manager, e.Operation}] || has(e.Fields, []string{"f:metadata", "f:annotations", "f:" + HelmName}))
}
