{{- define "redis.selector" -}}
app.kubernetes.io/name: redis
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "redis.labels" -}}
{{ include "redis.selector" . }}
app.kubernetes.io/part-of: {{ .Bundle.Name }}
app.kubernetes.io/version: {{ .Bundle.Version | quote }}
{{- end }}

{{- define "redis.config" -}}
maxmemory {{ .Values.maxMemory }}
maxmemory-policy allkeys-lru
save ""
appendonly no
dir /data
{{- end }}
