{{- define "web.selector" -}}
app.kubernetes.io/name: web
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "web.labels" -}}
{{ include "web.selector" . }}
app.kubernetes.io/part-of: {{ .Bundle.Name }}
app.kubernetes.io/version: {{ .Bundle.Version | quote }}
{{- end }}

{{- define "web.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Both files of the ConfigMap; a define, so that the Deployment can tell when they change. */ -}}
{{- define "web.config" -}}
default.conf: |
  upstream app {
    server 127.0.0.1:8000;
  }
  server {
    listen 8080;
    location = /healthz { return 200 "ok\n"; }
    location / {
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_pass http://app;
    }
  }
app.py: |
  import os, socket
  from wsgiref.simple_server import make_server

  def app(environ, start_response):
      start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
      return [f"{os.environ['GREETING']}\nserved by {socket.gethostname()}\n".encode()]

  make_server("127.0.0.1", 8000, app).serve_forever()
{{- end }}
