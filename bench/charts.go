package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// chartRounds is how often a chart is rendered.
const chartRounds = 15

// charts prints how long rendering a chart takes, a whole process each time, and
// its peak of memory, beside helm template: two charts that are written here, and
// those that the user names.
func charts(ctx context.Context, w io.Writer, o options) error {
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	texts, subs := filepath.Join(dir, "tpl"), filepath.Join(dir, "subcharts")
	if err := errors.Join(writeTexts(texts), writeSubcharts(subs)); err != nil {
		return err
	}
	all := []string{texts, subs}
	for chart := range strings.SplitSeq(o.charts, ",") {
		if chart != "" {
			all = append(all, chart)
		}
	}
	helm := findHelm(o)
	fmt.Fprintf(w, "rendering a chart, median of %d, in ms and MiB:\n", chartRounds)
	fmt.Fprintf(w, "%-24s %8s %8s %8s %8s %8s\n", "", "belay", "helm", "ratio", "memory", "helm's")
	for _, chart := range all {
		if err := chartRow(ctx, w, o.belay, helm, chart); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	return nil
}

// chartRow measures one chart; the programs take turns.
func chartRow(ctx context.Context, w io.Writer, belay, helm, chart string) error {
	jobs := [][]string{{belay, "render", chart, "-r", "rel", "-n", "ns", "--include-hooks", "--skip-crds"}}
	if helm != "" {
		jobs = append(jobs, []string{helm, "template", "rel", chart, "-n", "ns"})
	}
	took := make([][]time.Duration, len(jobs))
	peak := make([]int64, len(jobs))
	for range chartRounds {
		for i, job := range jobs {
			began := time.Now()
			memory, err := renderOnce(ctx, job)
			if err != nil {
				return err
			}
			took[i] = append(took[i], time.Since(began))
			peak[i] = max(peak[i], memory)
		}
	}
	fmt.Fprintf(w, "%-24s %8.1f", filepath.Base(chart), ms(median(took[0])))
	if helm == "" {
		fmt.Fprintf(w, " %8s %8s %8d\n", "-", "-", peak[0]>>10)
		return nil
	}
	fmt.Fprintf(w, " %8.1f %8.2f %8d %8d\n", ms(median(took[1])), ms(median(took[1]))/ms(median(took[0])), peak[0]>>10, peak[1]>>10)
	return nil
}

// renderOnce runs a program and returns the most memory that it had, in KiB.
func renderOnce(ctx context.Context, job []string) (int64, error) {
	cmd := exec.CommandContext(ctx, job[0], job[1:]...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(job, " "), err, said.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, nil
	}
	return usage.Maxrss, nil
}

// writeTexts writes a chart that calls tpl 2,040 times over 60 templates.
func writeTexts(dir string) error {
	var values strings.Builder
	values.WriteString("texts:\n")
	for i := range 34 {
		fmt.Fprintf(&values, "  k%d: 'v%d {{ .Release.Name }} {{ include \"name\" . }}'\n", i, i)
	}
	files := map[string]string{
		"Chart.yaml":             "apiVersion: v2\nname: texts\nversion: 1.0.0\n",
		"values.yaml":            values.String(),
		"templates/_helpers.tpl": "{{- define \"name\" -}}name{{- end -}}\n",
	}
	for i := range 60 {
		files[fmt.Sprintf("templates/c%d.yaml", i)] = fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: c%d}
data:
{{- range $k, $v := .Values.texts }}
  {{ $k }}: {{ tpl $v $ | quote }}
{{- end }}
`, i)
	}
	return writeAll(dir, files)
}

// writeSubcharts writes a chart of 60 subcharts that make ten objects each.
func writeSubcharts(dir string) error {
	files := map[string]string{}
	head := "apiVersion: v2\nname: subcharts\nversion: 1.0.0\ndependencies:\n"
	for i := range 60 {
		name := fmt.Sprintf("s%d", i)
		head += fmt.Sprintf("- {name: %s, version: \"*\", condition: %s.enabled}\n", name, name)
		files["charts/"+name+"/Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n"
		files["charts/"+name+"/values.yaml"] = "enabled: true\nimage: {repository: nginx, tag: \"1\"}\n" +
			"resources: {limits: {cpu: 1, memory: 1Gi}}\nargs: [a, b, c]\n"
		for k := range 10 {
			files[fmt.Sprintf("charts/%s/templates/d%d.yaml", name, k)] = fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-%[1]s-d%[2]d
  labels: {{- toYaml (dict "app" .Chart.Name "version" .Chart.Version) | nindent 4 }}
spec:
  selector: {matchLabels: {app: %[1]s-%[2]d}}
  template:
    metadata: {labels: {app: %[1]s-%[2]d}}
    spec:
      containers:
      - name: c
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        resources: {{- toYaml .Values.resources | nindent 10 }}
        args: {{- toYaml .Values.args | nindent 8 }}
`, name, k)
		}
	}
	files["Chart.yaml"] = head
	return writeAll(dir, files)
}

func writeAll(dir string, files map[string]string) error {
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	return nil
}
