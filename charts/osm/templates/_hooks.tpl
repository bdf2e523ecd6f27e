{{- /*
osm.hook returns the objects of a Helm hook. Takes root, suffix (of the object names), hook (the kind of hook), settings
(the values of the hook), rules (of the ClusterRole), container, and optionally backoffLimit.
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
