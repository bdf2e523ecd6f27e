{{- /* Names, labels and images, which every template of the chart needs. */ -}}

{{- /*
osm.text returns a value as a string. Numbers in a values file are 64-bit floats, so that 20240101 would be printed as
2.0240101e+07.
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

{{- /* osm.textMap returns the lines of a map whose values must be strings in Kubernetes. */ -}}
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
osm.image returns the image of one mesh component. Takes root and key, the key of the component under osm.image.
A tag applies to all components, so that tags of different builds are never mixed, and overrides all digests.
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
{{ fail (printf "no image for %s: neither osm.image.tag nor osm.image.digest.%s is set; set the digest (osm images list -o helm-values prints the digests of a release), or osm.image.tag for all components" $name .key) }}
{{- end -}}
{{- end -}}

{{- /* osm.otherImage returns a third-party image. Takes image and key, the name of the value. */ -}}
{{- define "osm.otherImage" -}}
{{- if not .image -}}
{{ fail (printf "no image: %s is empty; set it to a reference with a digest (osm images list -o helm-values prints the images of a release)" .key) }}
{{- end -}}
{{ .image }}
{{- end -}}

{{- /*
osm.account returns a ServiceAccount bound to a ClusterRole. Takes root, name, role, and optionally app (a label) and
hook (the Helm hook). The ClusterRole itself is in the file of the workload that uses it.
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

{{- /* osm.ownership returns labels and hook annotations. Takes root, and optionally app and hook. */ -}}
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

{{- /* osm.service returns a Service. Takes root, name, app (the label of the Pods) and ports. */ -}}
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
