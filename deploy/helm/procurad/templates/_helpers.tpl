{{- define "procurad.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "procurad.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "procurad.labels" -}}
{{ include "procurad.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The file as the server reads it. A [store] of its own would say things twice. */}}
{{- define "procurad.config" -}}
{{- if regexMatch "(?m)^\\s*\\[store\\]" .Values.config -}}
{{- fail "leave [store] out of config: it comes from the values under store" -}}
{{- end -}}
{{- .Values.config | trimSuffix "\n" }}
{{- if eq .Values.store.kind "postgres" }}

[store]
url_file = "/run/secrets/store/url"
{{- if gt (int .Values.replicas) 1 }}
nodes = "several"
{{- end }}
{{- else if gt (int .Values.replicas) 1 -}}
{{- fail "more than one node takes a database that they share: store.kind \"postgres\"" -}}
{{- end }}
{{ end -}}
