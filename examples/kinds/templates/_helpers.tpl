{{- define "kinds.labels" -}}
app.kubernetes.io/part-of: {{ .Bundle.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* What lives outside of namespaces carries the namespace in its name. */ -}}
{{- define "kinds.global" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end }}
