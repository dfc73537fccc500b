package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
)

// prefix begins the names of all annotations of belay's.
const prefix = "belay.sh/"

// keepAnnotation is Helm's word for belay.sh/prune: never.
const keepAnnotation = "helm.sh/resource-policy"

// readers read the annotations that manifests may carry.
var readers = map[string]func(p *Policy, o object.Object, value string) error{
	"belay.sh/prune":        readPrune,
	"belay.sh/on-immutable": readOnImmutable,
	"belay.sh/depends-on":   readDependsOn,
	"belay.sh/weight":       readWeight,
	runAnnotation:           readRun,
	"belay.sh/wait":         readWait,
	"belay.sh/timeout": func(p *Policy, _ object.Object, value string) (err error) {
		p.Timeout, err = duration(value)
		return err
	},
	"belay.sh/fail-after": func(p *Policy, _ object.Object, value string) (err error) {
		p.FailAfter, err = duration(value)
		return err
	},
	"belay.sh/max-restarts": readMaxRestarts,
	"belay.sh/fields":       readFields,
	"belay.sh/restart-on":   readRestartOn,
}

// foreign read the annotations by which other tools order objects. belay.sh/weight
// says more than a sync wave.
var foreign = map[string]func(p *Policy, o object.Object, value string) error{
	"argocd.argoproj.io/sync-wave":    readSyncWave,
	"config.kubernetes.io/depends-on": readForeignDependsOn,
}

// written are the names that belay writes itself.
var written = []string{object.NamespaceAnnotation, object.ReleaseLabel, object.ConfigHashAnnotation}

// Of reads an object's policy. An unknown belay.sh/ annotation or a bad value
// is an error of the user's; all of an object's are reported together, as a join
// of *object.Error.
func Of(o object.Object, r Rules) (Policy, error) {
	p := Policy{
		Wait: WaitReady, FailAfter: r.FailAfter, MaxRestarts: r.MaxRestarts,
		Fields:                rulesFor(o.ID(), r.Fields),
		RestartOnConfigChange: r.RestartOnConfigChange && Restarts(o.ID().GroupKind()),
	}
	annotations := o.Body.GetAnnotations()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		if name == keepAnnotation && annotations[name] == "keep" {
			p.Keep = true
		}
		read, known := readers[name]
		if !known {
			read, known = foreign[name]
		}
		if !known && !strings.HasPrefix(name, prefix) {
			continue
		}
		if !known {
			errs = append(errs, unknown(o, name))
			continue
		}
		if err := read(&p, o, annotations[name]); err != nil {
			errs = append(errs, fault(o, "annotation %s: %v", name, err))
		}
	}
	return p, errors.Join(errs...)
}

// Order reads how a live object asked to be ordered: its weight, and what it
// depends on. What cannot be read asks nothing: it was judged when it was applied.
func Order(live object.Object) (weight int, dependsOn []object.ID) {
	annotations := live.Body.GetAnnotations()
	var p Policy
	for _, name := range []string{"belay.sh/weight", "belay.sh/depends-on", "argocd.argoproj.io/sync-wave", "config.kubernetes.io/depends-on"} {
		value, said := annotations[name]
		if !said {
			continue
		}
		read := readers[name]
		if read == nil {
			read = foreign[name]
		}
		_ = read(&p, live, value)
	}
	return p.Weight, p.DependsOn
}

// Recreation reads what a live object says of being recreated: a rollback, which brings
// back what cannot be annotated any more, asks it. What cannot be read says nothing.
func Recreation(live *unstructured.Unstructured) OnImmutable {
	switch said := OnImmutable(live.GetAnnotations()["belay.sh/on-immutable"]); said {
	case ImmutableFail, ImmutableRecreate, ImmutableOrphan:
		return said
	}
	return ""
}

// Check reads the policies of all objects, and reports all mistakes in them at
// once. A label that belay writes itself is one too.
func Check(objs []object.Object, r Rules) error {
	var errs []error
	for _, o := range objs {
		_, err := Of(o, r)
		if err == nil && IsHook(o) {
			_, err = HookOf(o)
		}
		if err != nil {
			errs = append(errs, err)
		}
		for _, name := range slices.Sorted(maps.Keys(o.Body.GetLabels())) {
			if strings.HasPrefix(name, prefix) {
				errs = append(errs, fault(o, "label %s is written by belay; remove it", name))
			}
		}
	}
	return errors.Join(errs...)
}

// Protected says whether a live object forbids its deletion
// (belay.sh/prune: never, helm.sh/resource-policy: keep) or is of a kind that is
// never deleted unasked. The reason is for people.
func Protected(live object.Object) (reason string, yes bool) {
	annotations := live.Body.GetAnnotations()
	switch {
	case annotations["belay.sh/prune"] == "never":
		return "belay.sh/prune: never", true
	case annotations[keepAnnotation] == "keep":
		return keepAnnotation + ": keep", true
	}
	reason, yes = protectedKinds[live.ID().GroupKind()]
	return reason, yes
}

var protectedKinds = map[schema.GroupKind]string{
	{Kind: "PersistentVolumeClaim"}: "a claim's data is never deleted unasked",
	{Kind: "PersistentVolume"}:      "a volume's data is never deleted unasked",
	object.NamespaceKind:            "a namespace is never deleted unasked: all that is in it would go",
	object.CRDKind:                  "a definition is never deleted unasked: all its objects would go",
}

func fault(o object.Object, format string, args ...any) error {
	return &object.Error{
		File: o.Source.File, Line: o.Source.Line,
		Message: o.ID().String() + ": " + fmt.Sprintf(format, args...),
	}
}

func unknown(o object.Object, name string) error {
	if slices.Contains(written, name) {
		return fault(o, "annotation %s is written by belay; remove it", name)
	}
	message := "there is no annotation " + name
	if like := nearest.Name(name, slices.Sorted(maps.Keys(readers))); like != "" {
		message += "; the nearest is " + like
	}
	return fault(o, "%s", message)
}

func oneOf(value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", value, strings.Join(known, ", "))
}

func readPrune(p *Policy, _ object.Object, value string) error {
	p.Keep = p.Keep || value == "never"
	return oneOf(value, "auto", "never")
}

func readOnImmutable(p *Policy, _ object.Object, value string) error {
	p.OnImmutable = OnImmutable(value)
	return oneOf(value, string(ImmutableFail), string(ImmutableRecreate), string(ImmutableOrphan))
}

// Restarts says whether objects of a kind have a pod template whose change
// restarts their pods.
func Restarts(gk schema.GroupKind) bool {
	return gk.Group == "apps" && (gk.Kind == "Deployment" || gk.Kind == "StatefulSet" || gk.Kind == "DaemonSet")
}

func readRestartOn(p *Policy, o object.Object, value string) error {
	if !Restarts(o.ID().GroupKind()) {
		return errors.New("it is for Deployments, StatefulSets and DaemonSets")
	}
	p.RestartOnConfigChange = value == "config"
	return oneOf(value, "config", "none")
}

func readWait(p *Policy, _ object.Object, value string) error {
	p.Wait = Wait(value)
	return oneOf(value, string(WaitReady), string(WaitExists), string(WaitNone))
}

func readWeight(p *Policy, _ object.Object, value string) (err error) {
	if p.Weight, err = strconv.Atoi(value); err != nil {
		return fmt.Errorf("%q is not a whole number", value)
	}
	return nil
}

// readSyncWave reads Argo CD's word for a weight.
func readSyncWave(p *Policy, o object.Object, value string) error {
	if _, said := o.Body.GetAnnotations()["belay.sh/weight"]; said || value == "" {
		return nil
	}
	return readWeight(p, o, value)
}

func readMaxRestarts(p *Policy, _ object.Object, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a whole number above 0", value)
	}
	p.MaxRestarts = n
	return nil
}

func duration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration such as 90s or 5m", value)
	}
	return d, nil
}

// readDependsOn reads [group/]Kind/[namespace/]name, comma-separated. With three
// parts, the first is a group if it has a dot, for no kind has one.
func readDependsOn(p *Policy, o object.Object, value string) error {
	var errs []error
	for _, text := range strings.Split(value, ",") {
		text = strings.TrimSpace(text)
		id, ok := reference(text)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%q is not [group/]Kind/[namespace/]name", text))
		case id == o.ID():
			errs = append(errs, fmt.Errorf("%q is the object itself", text))
		default:
			p.DependsOn = append(p.DependsOn, id)
		}
	}
	return errors.Join(errs...)
}

// reference reads [group/]Kind/[namespace/]name, and Kind.group/name as belay
// prints it. Groups without a dot are Kubernetes' own: apps, batch, autoscaling, policy.
func reference(text string) (object.ID, bool) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 4 || slices.Contains(parts, "") {
		return object.ID{}, false
	}
	var id object.ID
	if first := parts[0]; len(parts) > 2 && strings.ToLower(first) == first {
		id.Group, parts = first, parts[1:]
	}
	if len(parts) > 3 {
		return object.ID{}, false
	}
	id.Kind = parts[0]
	if kind, group, ok := strings.Cut(id.Kind, "."); ok && id.Group == "" {
		id.Kind, id.Group = kind, group
	}
	if len(parts) == 3 {
		id.Namespace = parts[1]
	}
	id.Name = parts[len(parts)-1]
	return id, id.Kind != "" && strings.ToLower(id.Kind[:1]) != id.Kind[:1]
}

// readForeignDependsOn reads [GROUP]/namespaces/NAMESPACE/KIND/NAME, or
// [GROUP]/KIND/NAME for what has no namespace, comma-separated: what cli-utils and
// kpt read.
func readForeignDependsOn(p *Policy, o object.Object, value string) error {
	var errs []error
	for text := range strings.SplitSeq(value, ",") {
		text = strings.TrimSpace(text)
		parts := strings.Split(text, "/")
		var id object.ID
		switch {
		case len(parts) == 5 && parts[1] == "namespaces":
			id = object.ID{Group: parts[0], Namespace: parts[2], Kind: parts[3], Name: parts[4]}
		case len(parts) == 3:
			id = object.ID{Group: parts[0], Kind: parts[1], Name: parts[2]}
		}
		switch {
		case id.Kind == "" || id.Name == "" || len(parts) == 5 && id.Namespace == "":
			errs = append(errs, fmt.Errorf("%q is not [GROUP]/namespaces/NAMESPACE/KIND/NAME or [GROUP]/KIND/NAME", text))
		case id == o.ID():
			errs = append(errs, fmt.Errorf("%q is the object itself", text))
		default:
			p.DependsOn = append(p.DependsOn, id)
		}
	}
	return errors.Join(errs...)
}
