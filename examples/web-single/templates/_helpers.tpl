{{- define "web.selector" -}}
app.kubernetes.io/name: web
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "web.labels" -}}
{{ include "web.selector" . }}
app.kubernetes.io/part-of: {{ .Bundle.Name }}
app.kubernetes.io/version: {{ .Bundle.Version | quote }}
{{- end }}

{{- /* The page that PHP-FPM runs; a define, so that the Deployment can tell when it changes. */ -}}
{{- define "web.page" -}}
<?php
header('Content-Type: text/plain');
echo getenv('GREETING'), "\n";
echo 'served by ', gethostname(), "\n";
{{- end }}
