{{- /* Parts that the Pods of this chart share. */ -}}

{{- /*
osm.placement returns affinity, node selector, tolerations and pull secrets. Takes root and settings, the values of the
workload. The tolerations of the workload are added to osm.controlPlaneTolerations, which apply to every Pod.
*/ -}}
{{- define "osm.placement" -}}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- include "osm.textMap" . | trim | nindent 2 }}
{{- end }}
{{- $everywhere := .root.Values.osm.controlPlaneTolerations }}
{{- $own := .settings.tolerations }}
{{- if or $everywhere $own }}
tolerations:
  {{- with $everywhere }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $own }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .root.Values.osm.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* osm.securityContext returns the user of a Pod. OpenShift assigns users itself and refuses fixed ones. */ -}}
{{- define "osm.securityContext" -}}
{{- if not (.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
securityContext:
  runAsUser: 1000
  runAsGroup: 3000
  fsGroup: 2000
  supplementalGroups: [5555]
{{- end }}
{{- end -}}

{{- /* osm.controlPlane.metadata returns the metadata of a control plane Deployment, labels last. Takes root and name. */ -}}
{{- define "osm.controlPlane.metadata" -}}
name: {{ .name }}
namespace: {{ include "osm.namespace" .root | quote }}
labels:
  {{- include "osm.labels" .root | nindent 2 }}
  app: {{ .name }}
  meshName: {{ include "osm.meshName" .root | quote }}
{{- end -}}

{{- /* osm.controlPlane.scale returns replicas and selector. Takes name and settings. */ -}}
{{- define "osm.controlPlane.scale" -}}
selector:
  matchLabels:
    app: {{ .name }}
{{- /* Replicas set here would reset the number that the autoscaler chose, on every upgrade. */ -}}
{{- $autoScale := .settings.autoScale | default dict }}
{{- if not $autoScale.enable }}
replicas: {{ int .settings.replicaCount }}
{{- end }}
{{- end -}}

{{- /* osm.controlPlane.podMetadata returns the metadata of a control plane Pod. Takes root, name and settings. */ -}}
{{- define "osm.controlPlane.podMetadata" -}}
labels:
  {{- include "osm.labels" .root | nindent 2 }}
  app: {{ .name }}
  {{- with .settings.podLabels }}
  {{- include "osm.textMap" . | trim | nindent 2 }}
  {{- end }}
annotations:
  prometheus.io/scrape: "true"
  prometheus.io/port: "9091"
{{- end -}}

{{- /* osm.controlPlane.podSpec returns the Pod spec without the containers. Takes root and settings. */ -}}
{{- define "osm.controlPlane.podSpec" -}}
serviceAccountName: {{ include "osm.meshName" .root | quote }}
priorityClassName: system-node-critical
{{- include "osm.securityContext" .root }}
{{- include "osm.placement" . }}
{{- end -}}

{{- /*
osm.controlPlane.container returns the container of a control plane Pod without arguments and environment. Takes root,
name, key (of the image), settings, ports, and for the probes liveness and readiness (paths) and delay.
*/ -}}
{{- define "osm.controlPlane.container" -}}
name: {{ .name }}
image: {{ include "osm.image" . | quote }}
imagePullPolicy: {{ .root.Values.osm.image.pullPolicy }}
command: ["/{{ .name }}"]
ports:
  {{- toYaml .ports | nindent 2 }}
livenessProbe:
  {{- include "osm.controlPlane.probe" (dict "path" .liveness "delay" .delay) | nindent 2 }}
readinessProbe:
  {{- include "osm.controlPlane.probe" (dict "path" .readiness "delay" .delay) | nindent 2 }}
{{- with .settings.resource }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "osm.controlPlane.probe" -}}
initialDelaySeconds: {{ .delay }}
timeoutSeconds: 5
httpGet:
  scheme: HTTP
  path: {{ .path }}
  port: 9091
{{- end -}}

{{- /* osm.podNameVariable returns an environment variable with the name of the Pod. Takes podNameVariable. */ -}}
{{- define "osm.podNameVariable" -}}
- name: {{ .podNameVariable }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{- /* osm.waitForBootstrap returns the init container that waits until the CRDs exist. Takes root and name. */ -}}
{{- define "osm.waitForBootstrap" -}}
{{- $osm := .root.Values.osm -}}
{{- $image := include "osm.otherImage" (dict "image" $osm.curlImage "key" "osm.curlImage") -}}
{{- $policy := $osm.image.pullPolicy -}}
{{- /* The API server would set the same policy in a new Deployment. */ -}}
{{- $isDefault := false -}}
{{- if and (contains "@" $image) (not (contains ":latest@" $image)) (ne $policy "Never") -}}
{{- $policy = "IfNotPresent" -}}
{{- $isDefault = true -}}
{{- end -}}
- name: init-{{ .name }}
  image: {{ $image | quote }}
  {{- /* In an upgrade it would keep Always, if the earlier image had no tag. */}}
  {{- if or .root.Release.IsUpgrade (not $isDefault) }}
  imagePullPolicy: {{ $policy }}
  {{- end }}
  command:
    - curl
    - {{ printf "http://osm-bootstrap.%s.svc.cluster.local:9091/healthz" (include "osm.namespace" .root) | quote }}
    - --connect-timeout
    - "2"
    - --retry
    - "50"
    - --retry-connrefused
    - --retry-delay
    - "5"
{{- end -}}
