{{- /* The Fluent Bit sidecar of the controller, and the log folders of the node that it reads. */ -}}

{{- /* osm.fluentBit.image returns the image. A mirror of the pinned image has the same tag and digest. */ -}}
{{- define "osm.fluentBit.image" -}}
{{- $fluentBit := .Values.osm.fluentBit -}}
{{- $repository := printf "%s/%s" $fluentBit.registry $fluentBit.image -}}
{{- $tag := include "osm.text" $fluentBit.tag -}}
{{- if $fluentBit.digest -}}
{{ printf "%s@%s" $repository $fluentBit.digest }}
{{- else if $tag -}}
{{ printf "%s:%s" $repository $tag }}
{{- else if $fluentBit.pinnedImage -}}
{{ printf "%s%s" $repository ($fluentBit.pinnedImage | base | regexFind "[:@].*") }}
{{- else -}}
{{ fail "no image for Fluent Bit: osm.fluentBit.pinnedImage, osm.fluentBit.digest and osm.fluentBit.tag are empty; set the digest (osm images list -o helm-values prints the images of a release)" }}
{{- end -}}
{{- end -}}

{{- /* osm.fluentBit.container returns the container. Takes root, podNameVariable and logFolders (volume names, paths on the node). */ -}}
{{- define "osm.fluentBit.container" -}}
{{- $fluentBit := .root.Values.osm.fluentBit -}}
- name: {{ $fluentBit.name | quote }}
  image: {{ include "osm.fluentBit.image" .root | quote }}
  imagePullPolicy: {{ $fluentBit.pullPolicy }}
  env:
    {{- if $fluentBit.enableProxySupport }}
    {{- range list "HTTP_PROXY" "HTTPS_PROXY" }}
    - name: {{ . }}
      valueFrom:
        secretKeyRef: {name: proxy-config, key: {{ . }}}
    {{- end }}
    {{- end }}
    - name: {{ .podNameVariable }}
      valueFrom:
        fieldRef:
          apiVersion: v1
          fieldPath: metadata.name
  # Root owns the logs on the node.
  securityContext:
    runAsUser: 0
    capabilities:
      drop: [ALL]
  volumeMounts:
    - name: config
      mountPath: /fluent-bit/etc
      readOnly: true
    {{- range .logFolders }}
    - name: {{ .name }}
      mountPath: {{ .path }}
      readOnly: true
    {{- end }}
{{- end -}}

{{- /* osm.fluentBit.volumes returns the volumes of the container. Takes logFolders. */ -}}
{{- define "osm.fluentBit.volumes" -}}
- name: config
  configMap:
    name: fluentbit-configmap
{{- range .logFolders }}
- name: {{ .name }}
  hostPath:
    path: {{ .path }}
{{- end }}
{{- end -}}
