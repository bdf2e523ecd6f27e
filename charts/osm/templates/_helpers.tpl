{{- /* Names, labels and images: what every template of the chart needs. */ -}}

{{- /*
osm.text gives a value as text. Numbers in a values file are 64-bit floats, and one such as 20240101 would be
printed as 2.0240101e+07.
*/ -}}
{{- define "osm.text" -}}
{{- if kindIs "invalid" . -}}
{{- else if not (kindIs "float64" .) -}}
{{ toString . }}
{{- else if eq . (float64 (int64 .)) -}}
{{ int64 . | toString }}
{{- else -}}
{{ toString . }}
{{- end -}}
{{- end -}}

{{- /* osm.textMap gives the lines of a map whose values Kubernetes takes as strings only. */ -}}
{{- define "osm.textMap" -}}
{{- range $key, $value := . }}
{{ $key | quote }}: {{ include "osm.text" $value | quote }}
{{- end -}}
{{- end -}}

{{- define "osm.meshName" -}}
{{ include "osm.text" .Values.osm.meshName }}
{{- end -}}

{{- define "osm.namespace" -}}
{{ include "osm.text" .Values.osm.osmNamespace | default .Release.Namespace }}
{{- end -}}

{{- define "osm.validatorWebhookName" -}}
{{- $default := printf "osm-validator-mesh-%s" (include "osm.meshName" .) -}}
{{ .Values.osm.validatorWebhook.webhookConfigurationName | default $default }}
{{- end -}}

{{- define "osm.labels" -}}
app.kubernetes.io/name: openservicemesh.io
app.kubernetes.io/instance: {{ include "osm.meshName" . | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- /*
osm.image gives the image of one mesh component; takes root and key, the component's key under osm.image.
A tag decides for all components, so that tags of two builds are never mixed, and leaves no digest behind.
*/ -}}
{{- define "osm.image" -}}
{{- $image := .root.Values.osm.image -}}
{{- $name := get $image.name .key -}}
{{- $repository := printf "%s/%s" $image.registry $name -}}
{{- $tag := include "osm.text" $image.tag -}}
{{- $digest := get $image.digest .key -}}
{{- if $tag -}}
{{ printf "%s:%s" $repository $tag }}
{{- else if $digest -}}
{{ printf "%s@%s" $repository $digest }}
{{- else -}}
{{ fail (printf "no image for %s: neither osm.image.tag nor osm.image.digest.%s is set; set the digest (osm images list -o helm-values prints those of a release), or osm.image.tag for all components" $name .key) }}
{{- end -}}
{{- end -}}

{{- /* osm.otherImage gives an image that is not the mesh's own; takes image and key, the name of the value. */ -}}
{{- define "osm.otherImage" -}}
{{- if not .image -}}
{{ fail (printf "no image: %s is empty; set it to a reference with a digest (osm images list -o helm-values prints those of a release)" .key) }}
{{- end -}}
{{ .image }}
{{- end -}}

{{- /*
osm.account gives a ServiceAccount bound to a ClusterRole; takes root, name, role, and if wanted app (a label)
and hook (when Helm runs it). The ClusterRole itself is beside what uses it.
*/ -}}
{{- define "osm.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name | quote }}
  namespace: {{ include "osm.namespace" .root | quote }}
  {{- include "osm.ownership" . | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ .role | quote }}
  {{- include "osm.ownership" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ .role | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ .name | quote }}
    namespace: {{ include "osm.namespace" .root | quote }}
{{- end -}}

{{- /* osm.ownership gives labels and hook annotations; takes root, and if wanted app and hook. */ -}}
{{- define "osm.ownership" -}}
labels:
  {{- include "osm.labels" .root | nindent 2 }}
  {{- with .app }}
  app: {{ . }}
  {{- end }}
{{- with .hook }}
annotations:
  helm.sh/hook: {{ . }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end -}}

{{- /* osm.service gives a Service; takes root, name, app (whose pods) and ports. */ -}}
{{- define "osm.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "osm.namespace" .root | quote }}
  {{- include "osm.ownership" . | nindent 2 }}
spec:
  selector:
    app: {{ .app }}
  ports:
    {{- toYaml .ports | nindent 4 }}
{{- end -}}
