package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/values"
)

// deployOptions are the user's say in a run of deploy. Each verb declares the
// flags that it has; the others keep their defaults.
type deployOptions struct {
	// Op is the verb; DiffOnly ends after the plan is shown (belay diff).
	Op       diff.Op
	DiffOnly bool

	// Bundle is the path of what to apply; rollback and delete have none.
	Bundle string
	// Release is -r, or the argument of rollback and delete; empty means the
	// bundle says it.
	Release string
	// Env is the environment's name, or empty.
	Env string
	// Source says how the bundle is read.
	Source sourceFlags
	// Regenerate is the template whose random values are made anew; "*" is all.
	Regenerate string
	// Layers are -f and --set* in the order of the command line, files read.
	Layers []values.Layer
	// ToRevision is the revision to roll back to; 0 means the default one.
	ToRevision int

	Yes    bool
	DryRun bool

	// OnFailure is failureKeep or failureRollback.
	OnFailure string

	NoWait      bool
	WaitOldPods bool
	Logs        bool
	NoPrune     bool
	// NoHooks leaves hooks out; RunHooks runs them though nothing changes.
	NoHooks, RunHooks bool
	// Tests are the names of the tests to run; none means all.
	Tests []string
	// Filters choose tests by name, as they were given.
	Filters     []string
	Timeout     time.Duration // 0: the bundle's, else the default
	LockTimeout time.Duration
	Concurrency int

	ForceConflicts []string
	Adopt          []string
	// Helm is the release of Helm's that is taken over.
	Helm string
	// RemoveHelm removes what Helm remembers of it.
	RemoveHelm        bool
	AllowRestarts     bool
	Fresh             bool
	StrictPreview     bool
	MaxDelete         int // -1: not given
	DeleteCRDs        bool
	DeleteNamespace   bool
	PruneFirst        bool
	AllowEmpty        bool
	ReplaceBundle     bool
	ChangeEnvironment bool

	// Record makes a revision also where nothing changes.
	Record bool
	// NoDowngrade refuses a bundle whose commit does not come after the one in force.
	NoDowngrade bool

	// Note is recorded with the revision.
	Note string

	Quiet   bool
	Verbose int
	Full    bool
	// ShowSecrets is only true when stdout and stderr are terminals.
	ShowSecrets bool
	// Summary shows no fields; Graph shows the order instead.
	Summary, Graph bool
	Outputs        []output
	// Stateless leaves the release's records alone, also for reading.
	Stateless bool
	// Saved is the plan of --plan, or nil.
	Saved *savedPlan
}

// output is one -o FORMAT[=FILE]; without a file it takes stdout's place.
type output struct {
	Format report.Format
	File   string
	// Limit bounds markdown:BYTES; 0 means the default.
	Limit int
}

// Defaults of the flags.
const (
	defaultConcurrency = 32
	defaultLockTimeout = time.Minute
)

// addBundleFlags declares what says which bundle becomes which release.
func addBundleFlags(fs *pflag.FlagSet, o *deployOptions, layers *layerFlags) {
	fs.StringVarP(&o.Release, "release", "r", "", "name of the release (default: the environment's, else the bundle's)")
	addRenderFlags(fs, &o.Env, layers)
	addSourceFlags(fs, &o.Source)
}

func addRegenerateFlag(fs *pflag.FlagSet, o *deployOptions) {
	fs.StringVar(&o.Regenerate, "regenerate", "", "make new random values, all or those of a `TEMPLATE` (--regenerate=templates/secret.yaml)")
	fs.Lookup("regenerate").NoOptDefVal = everyTemplate
}

// addRenderFlags declares what rendering depends on.
func addRenderFlags(fs *pflag.FlagSet, environment *string, layers *layerFlags) {
	fs.StringVarP(environment, "env", "e", "", "environment of the bundle, as bundle.yaml names it")
	fs.SortFlags = false
	add := func(kind values.Kind, short, what string) {
		name := strings.TrimPrefix(string(kind), "--")
		fs.VarP(layerFlag{kind: kind, all: layers}, name, short, what)
	}
	add(values.File, "f", "YAML `FILE` of values; - is stdin; repeatable, later ones win")
	add(values.Set, "", "set a value: `a.b=1`; numbers, true, false and null are typed")
	add(values.SetString, "", "set a value that stays a string: `a.b=1`")
	add(values.SetJSON, "", "set a value from JSON: `a.b={\"c\":1}`")
	add(values.SetFile, "", "set a value to a file's content: `a.b=FILE`")
	add(values.SetLiteral, "", "set a value to the text as it is, commas too: `a.b=x,y`")
}

// addPlanFlags declares what a plan may do.
func addPlanFlags(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.NoPrune, "no-prune", false, "leave objects that are no longer in the bundle; they are named")
	fs.BoolVar(&o.Fresh, "fresh", false, "ask the server about every object, whatever the records say")
	addAdoptFlag(fs, o)
	fs.BoolVar(&o.StrictPreview, "strict-preview", false, "refuse what the server could not validate beforehand")
	addForceFlag(fs, o)
	fs.IntVar(&o.MaxDelete, "max-delete", -1, "allow the plan to delete up to `N` objects")
	fs.Lookup("max-delete").DefValue = "0" // help names no default
	addDeleteCRDsFlag(fs, o)
	addPruneFirstFlag(fs, o)
	fs.BoolVar(&o.AllowEmpty, "allow-empty", false, "allow a bundle without objects to empty the release")
	fs.BoolVar(&o.ReplaceBundle, "replace-bundle", false, "let the release become another bundle's")
	fs.BoolVar(&o.ChangeEnvironment, "change-environment", false, "let the release become another environment's")
}

func addAdoptFlag(fs *pflag.FlagSet, o *deployOptions) {
	fs.StringSliceVar(&o.Adopt, "adopt", nil, "take over objects that exist and are nobody's: all, or `KIND/NAME` (--adopt=Deployment/front; repeatable)")
	fs.Lookup("adopt").NoOptDefVal = "*"
}

func addDeleteCRDsFlag(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.DeleteCRDs, "delete-crds", false, "delete definitions that go, too, and with them all their objects, whoever made them")
}

func addPruneFirstFlag(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.PruneFirst, "prune-first", false, "delete what goes before anything else is done: for what two objects cannot hold at once")
}

func addForceFlag(fs *pflag.FlagSet, o *deployOptions) {
	fs.StringSliceVar(&o.ForceConflicts, "force-conflicts", nil,
		"take over fields of other managers: all, those of `MANAGER` (--force-conflicts=kubectl-*; repeatable)")
	fs.Lookup("force-conflicts").NoOptDefVal = "*"
}

// addRunFlags declares the manner of a run that writes.
func addRunFlags(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	fs.BoolVar(&o.DryRun, "dry-run", false, "show the plan and its exit code, change nothing")
	fs.Var((*runTime)(&o.Timeout), "timeout", "time for the run, from its first write (default: the bundle's, else 10m)")
	fs.DurationVar(&o.LockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another run; 0 fails at once")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "only the result and what went wrong")
	fs.CountVarP(&o.Verbose, "verbose", "v", "say more: decisions and retries; -vv: requests")
}

// addNoWait declares --no-wait. A delete has none: its records go when all is gone.
func addNoWait(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.NoWait, "no-wait", false, "do not wait until everything is ready, nor until what is deleted is gone")
}

// addWaitFlags declares how what is new is waited for.
func addWaitFlags(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.Logs, "logs", false, "show what a new pod of each workload prints, while it is waited for")
	fs.BoolVar(&o.WaitOldPods, "wait-old-pods", false, "wait until the pods of the revision before are gone, too")
}

// addHookFlags declares what becomes of hooks.
func addHookFlags(fs *pflag.FlagSet, o *deployOptions) {
	fs.BoolVar(&o.NoHooks, "no-hooks", false, "run no hooks")
	fs.BoolVar(&o.RunHooks, "run-hooks", false, "run the hooks though nothing else changes")
}

// addShowFlags declares how a plan is shown.
func addShowFlags(fs *pflag.FlagSet, o *deployOptions, formats *outputFlag) {
	fs.BoolVar(&o.Full, "full", false, "name every object, show whole manifests, cut nothing")
	fs.BoolVar(&o.Summary, "summary", false, "only say which objects change, not how")
	fs.BoolVar(&o.ShowSecrets, "show-secrets", false, "show values of Secrets; only on a terminal")
	fs.VarP(formats, "output", "o", "`FORMAT[=FILE]`: "+formats.names()+"; with a file, the text stays; repeatable")
	fs.IntVar(&o.Concurrency, "concurrency", defaultConcurrency, "requests at once")
}

// outputFlag is -o FORMAT[=FILE], repeatable.
type outputFlag struct {
	allowed []report.Format
	given   []output
}

func (f *outputFlag) String() string { return "" }
func (f *outputFlag) Type() string   { return "string" }

func (f *outputFlag) names() string {
	names := make([]string, len(f.allowed))
	for i, format := range f.allowed {
		names[i] = string(format)
	}
	return strings.Join(names, ", ")
}

func (f *outputFlag) Set(text string) error {
	name, file, hasFile := strings.Cut(text, "=")
	name, size, sized := strings.Cut(name, ":")
	limit := 0
	if sized {
		var err error
		if limit, err = strconv.Atoi(size); err != nil || limit < 1 || name != string(report.Markdown) {
			return fmt.Errorf("%q: a size in bytes follows markdown: alone", text)
		}
	}
	if name == string(report.SavedPlan) && !hasFile {
		return errors.New("a plan goes to a file: plan=FILE")
	}
	if !slices.Contains(f.allowed, report.Format(name)) {
		return fmt.Errorf("unknown format %q; there are %s", name, f.names())
	}
	if hasFile && file == "" {
		return fmt.Errorf("%q names no file", text)
	}
	out := output{Format: report.Format(name), File: file, Limit: limit}
	if slices.Contains(f.given, out) {
		return nil // said twice; a shell's completion sets flags twice
	}
	if !hasFile && slices.ContainsFunc(f.given, func(o output) bool { return o.File == "" }) {
		return fmt.Errorf("only one format can take stdout; give the others a file: %s=FILE", name)
	}
	f.given = append(f.given, out)
	return nil
}

// stdout is the format that takes stdout's place: Text when none was asked for.
func (f *outputFlag) stdout() report.Format {
	for _, o := range f.given {
		if o.File == "" {
			return o.Format
		}
	}
	return report.Text
}

// finishOptions reads what the flags only named, and checks what they say
// together.
func finishOptions(e *env, o *deployOptions, layers *layerFlags, formats *outputFlag) error {
	o.Outputs = formats.given
	if o.Concurrency < 1 {
		return inputError(fmt.Sprintf("--concurrency %d: it must be at least 1", o.Concurrency))
	}
	switch {
	case o.Timeout < 0 || o.LockTimeout < 0:
		return inputError("a timeout cannot be negative")
	case o.NoHooks && o.RunHooks:
		return inputError("--no-hooks and --run-hooks exclude each other")
	case o.NoPrune && o.PruneFirst:
		return inputError("--no-prune and --prune-first exclude each other")
	case o.MaxDelete < -1:
		return inputError(fmt.Sprintf("--max-delete %d: it cannot be negative", o.MaxDelete))
	}
	if o.OnFailure != "" && o.OnFailure != failureKeep && o.OnFailure != failureRollback {
		return inputError(fmt.Sprintf("--on-failure %q: it is keep or rollback", o.OnFailure))
	}
	for _, out := range o.Outputs {
		if (out.Format == report.Markdown || out.Format == report.Name) && !o.DiffOnly && !o.DryRun {
			return inputError(fmt.Sprintf("-o %s shows a plan, and no run", out.Format)).hint("with --dry-run")
		}
	}
	if err := e.checkShowSecrets(o.ShowSecrets); err != nil {
		return err
	}
	if err := e.checkColor(); err != nil {
		return err
	}
	if layers == nil {
		return nil
	}
	var err error
	o.Layers, err = layers.read(e.stdin)
	return err
}

// runTime is the value of --timeout. 0 is what is not given: given, it would be
// no time at all.
type runTime time.Duration

func (d *runTime) Set(text string) error {
	given, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return err
	case given == 0:
		return errors.New("a run needs some time")
	case given < 0:
		return errors.New("a timeout cannot be negative")
	}
	*d = runTime(given)
	return nil
}

func (d *runTime) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *runTime) Type() string { return "duration" }

// checkShowSecrets keeps secret values off files and CI logs.
func (e *env) checkShowSecrets(asked bool) error {
	if asked && (!e.stdoutTerminal || !e.stderrTerminal) {
		return inputError("--show-secrets shows values on a terminal only")
	}
	return nil
}

func (e *env) checkColor() error {
	if !slices.Contains([]string{"auto", "always", "never"}, e.color) {
		return inputError(fmt.Sprintf("--color %q: it is auto, always or never", e.color))
	}
	return nil
}
