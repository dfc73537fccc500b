{{- /* The helpers below take a dict: root, the whole scope; app, "front" or "api". */ -}}

{{- define "shop.selector" -}}
app.kubernetes.io/name: {{ .app }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "shop.labels" -}}
{{ include "shop.selector" . }}
app.kubernetes.io/part-of: {{ .root.Bundle.Name }}
app.kubernetes.io/version: {{ .root.Bundle.Version | quote }}
{{- end }}

{{- define "shop.podSecurity" -}}
runAsNonRoot: true
runAsUser: 101
runAsGroup: 101
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "shop.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* nginx, the same in front of every application. */ -}}
{{- define "shop.nginx" -}}
name: nginx
image: "{{ .root.Values.proxy.image.repository }}:{{ .root.Values.proxy.image.tag }}"
ports:
- name: http
  containerPort: 8080
# Ready when the way through to the application is; alive when nginx itself is.
readinessProbe:
  httpGet: {path: /ready, port: http}
  periodSeconds: 5
livenessProbe:
  httpGet: {path: /healthz, port: http}
resources: {{- toYaml .root.Values.proxy.resources | nindent 2 }}
securityContext: {{- include "shop.containerSecurity" . | nindent 2 }}
volumeMounts:
- {name: config, mountPath: /etc/nginx/conf.d/default.conf, subPath: default.conf, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "shop.nginxConfig" -}}
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
{{- end }}

{{- /* The application, the same shape for each: Python running app.py. env is its environment. */ -}}
{{- define "shop.app" -}}
name: app
image: "{{ .values.image.repository }}:{{ .values.image.tag }}"
command: [python, -u, /app/app.py]
env: {{- toYaml .env | nindent 0 }}
livenessProbe:
  exec:
    command: [python, -c, "import socket; socket.create_connection(('127.0.0.1', 8000), 2)"]
  initialDelaySeconds: 5
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext: {{- include "shop.containerSecurity" . | nindent 2 }}
volumeMounts:
- {name: config, mountPath: /app/app.py, subPath: app.py, readOnly: true}
{{- end }}

{{- define "shop.volumes" -}}
- name: config
  configMap:
    name: {{ .app }}-config
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "shop.frontCode" -}}
import json, os, urllib.request
from wsgiref.simple_server import make_server

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    if environ["PATH_INFO"] == "/ready":
        return [b"ok\n"]
    if environ["PATH_INFO"] == "/title":
        return [os.environ["TITLE"].encode()]
    with urllib.request.urlopen(os.environ["API_URL"] + "/products", timeout=2) as answer:
        products = json.load(answer)
    return ["\n- ".join([os.environ["TITLE"], *products]).encode() + b"\n"]

make_server("127.0.0.1", 8000, app).serve_forever()
{{- end }}

{{- define "shop.apiCode" -}}
import json, os, urllib.request
from wsgiref.simple_server import make_server

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    if environ["PATH_INFO"] == "/ready":
        return [b"{}\n"]
    if environ["PATH_INFO"] == "/bill":
        with urllib.request.urlopen(os.environ["FRONT_URL"] + "/title", timeout=2) as answer:
            return [json.dumps({"from": answer.read().decode()}).encode()]
    return [os.environ["PRODUCTS"].encode()]

make_server("127.0.0.1", 8000, app).serve_forever()
{{- end }}
