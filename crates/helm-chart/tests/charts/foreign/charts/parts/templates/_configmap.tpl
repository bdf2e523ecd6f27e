{{- define "parts.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  labels: {{- include "foreign.labels" .root | nindent 4 }}
data: {{- toYaml .data | nindent 2 }}
{{- end -}}
