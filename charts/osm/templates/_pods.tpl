{{- /* The parts that pods of this chart share. */ -}}

{{- /*
osm.placement gives where pods may run; takes root and settings, the workload's part of the values. Its own
tolerations come on top of osm.controlPlaneTolerations, which are every pod's.
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

{{- /* osm.securityContext gives who a pod runs as. OpenShift chooses the user itself and refuses fixed ones. */ -}}
{{- define "osm.securityContext" -}}
{{- if not (.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
securityContext:
  runAsUser: 1000
  runAsGroup: 3000
  fsGroup: 2000
  supplementalGroups: [5555]
{{- end }}
{{- end -}}

{{- /* osm.controlPlane.metadata gives the metadata of a control plane Deployment; takes root and name. Labels end it. */ -}}
{{- define "osm.controlPlane.metadata" -}}
name: {{ .name }}
namespace: {{ include "osm.namespace" .root | quote }}
labels:
  {{- include "osm.labels" .root | nindent 2 }}
  app: {{ .name }}
  meshName: {{ include "osm.meshName" .root | quote }}
{{- end -}}

{{- /* osm.controlPlane.scale gives replicas and selector; takes name and settings. */ -}}
{{- define "osm.controlPlane.scale" -}}
selector:
  matchLabels:
    app: {{ .name }}
{{- /* With a number of replicas here, every upgrade would undo what the autoscaler did. */ -}}
{{- $autoScale := .settings.autoScale | default dict }}
{{- if not $autoScale.enable }}
replicas: {{ int .settings.replicaCount }}
{{- end }}
{{- end -}}

{{- /* osm.controlPlane.podMetadata gives the metadata of a control plane pod; takes root, name and settings. */ -}}
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

{{- /* osm.controlPlane.podSpec gives what is around the containers; takes root and settings. */ -}}
{{- define "osm.controlPlane.podSpec" -}}
serviceAccountName: {{ include "osm.meshName" .root | quote }}
priorityClassName: system-node-critical
{{- include "osm.securityContext" .root }}
{{- include "osm.placement" . }}
{{- end -}}

{{- /*
osm.controlPlane.container gives the container of a control plane pod but its arguments and environment; takes root,
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

{{- /* osm.podNameVariable tells a container the name of its pod; takes podNameVariable. */ -}}
{{- define "osm.podNameVariable" -}}
- name: {{ .podNameVariable }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{- /* osm.waitForBootstrap gives the init container that holds a pod until the CRDs are there; takes root and name. */ -}}
{{- define "osm.waitForBootstrap" -}}
- name: init-{{ .name }}
  image: {{ include "osm.otherImage" (dict "image" .root.Values.osm.curlImage "key" "osm.curlImage") | quote }}
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
