{{- /*
osm.hook gives the objects of a Helm hook but its rules and its container; takes root, suffix (of the names), hook
(when it runs), settings (the hook's part of the values), rules, container, and if wanted backoffLimit.
*/ -}}
{{- define "osm.hook" -}}
{{- $name := printf "%s-%s" (include "osm.meshName" .root) .suffix -}}
{{ include "osm.account" (dict "root" .root "name" $name "role" $name "hook" .hook) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name | quote }}
  {{- include "osm.ownership" . | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name | quote }}
  namespace: {{ include "osm.namespace" .root | quote }}
  {{- include "osm.ownership" . | nindent 2 }}
spec:
  {{- if hasKey . "backoffLimit" }}
  backoffLimit: {{ .backoffLimit }}
  {{- end }}
  template:
    metadata:
      name: {{ $name | quote }}
      labels:
        {{- include "osm.labels" .root | nindent 8 }}
    spec:
      serviceAccountName: {{ $name | quote }}
      restartPolicy: Never
      {{- include "osm.placement" . | trim | nindent 6 }}
      containers:
        {{- .container | nindent 8 }}
{{- end -}}
