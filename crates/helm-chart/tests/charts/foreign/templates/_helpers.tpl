{{/*
The name of everything.
*/}}
{{- define "foreign.name" -}}
{{- default .Chart.Name .Values.name | trunc 20 | trimSuffix "-" -}}
{{- end }}

{{- define "foreign.labels" -}}
app.kubernetes.io/name: {{ include "foreign.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "foreign.count" -}}
{{- if gt (int .) 0 -}}{{ . }},{{ include "foreign.count" (sub . 1) }}{{- else -}}go{{- end -}}
{{- end -}}
