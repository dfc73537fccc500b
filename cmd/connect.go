package cmd

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/belay-sh/belay/internal/cluster"
)

// kubeFlags are kubectl's own flags, bound by clientcmd itself: see
// docs/decisions/5-start-up.md.
type kubeFlags struct {
	clientcmd.ConfigOverrides
	kubeconfig string
	userExtra  []string
}

func (f *kubeFlags) add(fs *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.AuthOverrideFlags.Username.LongName = "" // as kubectl, which has left passwords behind
	names.AuthOverrideFlags.Password.LongName = ""
	names.ClusterOverrideFlags.APIServer.ShortName = "s"
	clientcmd.BindOverrideFlags(&f.ConfigOverrides, fs, names)
	fs.StringVar(&f.kubeconfig, "kubeconfig", "", "Path to the kubeconfig file to use")
	fs.StringArrayVar(&f.userExtra, "as-user-extra", nil, "User extras to impersonate for the operation: KEY=VALUE; can be repeated")
}

// loader reads the kubeconfig, $KUBECONFIG's files merged, under the flags.
func (f *kubeFlags) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	rules.WarnIfAllMissing = false // said better by chooseContext
	overrides := f.ConfigOverrides
	for _, extra := range f.userExtra {
		if key, value, ok := strings.Cut(extra, "="); ok {
			if overrides.AuthInfo.ImpersonateUserExtra == nil {
				overrides.AuthInfo.ImpersonateUserExtra = map[string][]string{}
			}
			values := overrides.AuthInfo.ImpersonateUserExtra
			values[key] = append(values[key], value)
		}
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &overrides)
}

// connection is a cluster to talk to, and how the user chose it.
type connection struct {
	Client *cluster.Client
	// Context is the name in the kubeconfig, or "in-cluster".
	Context string
	Server  string
	// Namespace is the context's, or "default"; the -n flag is not in it.
	Namespace string
	// Contexts are all contexts of the kubeconfig, by name.
	Contexts map[string]kubeContext
}

// kubeContext is what matters of a context in a kubeconfig.
type kubeContext struct{ Server, Namespace string }

// Names for a connection without a context of the kubeconfig.
const (
	inCluster = "in-cluster" // a pod's, by its service account
	noContext = "none"       // --server alone
)

// connect finds the cluster that the flags and the kubeconfig name. It sends
// no request. The second call returns what the first found.
func (e *env) connect() (*connection, error) {
	if e.conn != nil {
		return e.conn, nil
	}
	loader := e.flags.loader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	conn := &connection{Contexts: map[string]kubeContext{}}
	for name, c := range raw.Contexts {
		known := kubeContext{Namespace: c.Namespace}
		if cl, ok := raw.Clusters[c.Cluster]; ok {
			known.Server = cl.Server
		}
		conn.Contexts[name] = known
	}
	if conn.Context, err = e.chooseContext(conn.Contexts, raw.CurrentContext); err != nil {
		return nil, err
	}
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	conn.Server = cfg.Host
	conn.Namespace = conn.Contexts[conn.Context].Namespace
	if conn.Context == inCluster && e.namespaceFlag() == "" {
		if conn.Namespace, _, err = loader.Namespace(); err != nil {
			return nil, kubeconfigError(err)
		}
	}
	if conn.Namespace == "" {
		conn.Namespace = "default"
	}
	if conn.Client, err = cluster.New(cfg); err != nil {
		return nil, err
	}
	if dir, err := os.UserCacheDir(); err == nil { // $XDG_CACHE_HOME, or what the system has for it
		conn.Client.CacheDir = filepath.Join(dir, "belay", "discovery")
	}
	e.conn = conn
	return conn, nil
}

// kubeconfigError says that it is the kubeconfig that is wrong: clientcmd's own
// words often do not.
func kubeconfigError(err error) error {
	text := err.Error()
	for _, noise := range []string{"error loading config file ", "invalid configuration: "} {
		text = strings.TrimPrefix(text, noise)
	}
	return &failure{code: exitInput, message: "reading the kubeconfig: " + text, cause: err}
}

func (e *env) chooseContext(known map[string]kubeContext, current string) (string, error) {
	name := current
	if e.flags.CurrentContext != "" {
		name = e.flags.CurrentContext
	}
	if _, ok := known[name]; ok {
		return name, nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	switch {
	case name != "":
		f := inputError("there is no context \"" + name + "\" in the kubeconfig")
		if names != "" {
			f.hint("contexts: " + names)
		}
		return "", f
	case e.flags.ClusterInfo.Server != "":
		return noContext, nil
	case e.getenv("KUBERNETES_SERVICE_HOST") != "":
		return inCluster, nil
	case names != "":
		return "", inputError("the kubeconfig has no current context").hint("--context NAME, with one of: " + names)
	default:
		return "", inputError("no cluster is configured: there is no kubeconfig").
			hint("point KUBECONFIG at one, or pass --kubeconfig FILE")
	}
}
