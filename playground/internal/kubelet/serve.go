package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"k8s.io/klog/v2"
)

// serveLogs answers the API server's requests for container logs; whatever else a kubelet serves (exec, port forwarding) is refused.
func (k *Kubelet) serveLogs(ctx context.Context, opts Options) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.logs)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a playground runs no containers: only their logs are pretended", http.StatusNotImplemented)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(tls.NewListener(opts.Listener, opts.TLS)); err != nil && ctx.Err() == nil {
		klog.ErrorS(err, "Serving container logs")
	}
}

// logs writes a container's log, once or, asked to follow, until the client goes or the container does.
func (k *Kubelet) logs(w http.ResponseWriter, r *http.Request) {
	worker := k.find(r.PathValue("namespace"), r.PathValue("pod"))
	if worker == nil {
		http.Error(w, fmt.Sprintf("pod %q not found", r.PathValue("pod")), http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	name, previous := r.PathValue("container"), query.Get("previous") == "true"
	lines, err := worker.log(name, previous)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if n, err := strconv.Atoi(query.Get("tailLines")); err == nil && n >= 0 && n < len(lines) {
		lines = lines[len(lines)-n:]
	}
	printed := printLog(w, lines, query.Get("timestamps") == "true")
	if query.Get("follow") != "true" || previous {
		return
	}
	worker.follow(r.Context(), w, name, printed, query.Get("timestamps") == "true")
}

// follow prints lines later than the given time until the container's run ends.
func (w *worker) follow(ctx context.Context, out http.ResponseWriter, name string, printed time.Time, stamps bool) {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		if flusher, ok := out.(http.Flusher); ok {
			flusher.Flush()
		}
		if !w.runs(name) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		lines, _ := w.log(name, false)
		for len(lines) > 0 && !lines[0].at.After(printed) {
			lines = lines[1:]
		}
		if len(lines) > 0 {
			printed = printLog(out, lines, stamps)
		}
	}
}

// printLog writes lines and returns the last one's time.
func printLog(w http.ResponseWriter, lines []logLine, stamps bool) (last time.Time) {
	for _, line := range lines {
		if stamps {
			_, _ = fmt.Fprint(w, line.at.UTC().Format(time.RFC3339Nano), " ")
		}
		_, _ = fmt.Fprintln(w, line.text)
		last = line.at
	}
	return last
}

func (w *worker) log(name string, previous bool) ([]logLine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pod.Log(name, previous)
}

// runs reports whether a container is running.
func (w *worker) runs(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pod.Running(name)
}
