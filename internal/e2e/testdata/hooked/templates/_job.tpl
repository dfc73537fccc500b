{{- define "hooked.job" -}}
{{- $fail := eq .root.Values.fail .name }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  annotations:
    helm.sh/hook: {{ .events }}
    {{- with .weight }}
    helm.sh/hook-weight: {{ . | quote }}
    {{- end }}
    {{- with .delete }}
    helm.sh/hook-delete-policy: {{ . }}
    {{- end }}
    {{- with .log }}
    helm.sh/hook-output-log-policy: {{ . }}
    {{- end }}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations:
        {{- if $fail }}
        playground.belay.sh/behavior: crash-loop
        {{- end }}
        playground.belay.sh/log: "{{ .name }} did its work"
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: {{ .root.Values.image }}
{{- end }}
