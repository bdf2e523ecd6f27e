{{- /* The arguments that the control plane's programs share. */ -}}

{{- define "osm.arguments.common" -}}
- --verbosity
- {{ .Values.osm.controllerLogLevel | quote }}
- --osm-namespace
- {{ include "osm.namespace" . | quote }}
- --osm-version
- {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- /*
osm.arguments.certificates says who signs certificates; takes root, and secretFlags, which asks for the flags of the
Vault token's Secret even where the token itself is given. Injector and bootstrap get them always, the controller only
when they are needed.
*/ -}}
{{- define "osm.arguments.certificates" -}}
{{- $osm := .root.Values.osm -}}
- --ca-bundle-secret-name
- {{ $osm.caBundleSecretName | quote }}
- --certificate-manager
- {{ $osm.certificateProvider.kind | quote }}
- --trust-domain
- {{ $osm.trustDomain | quote }}
- --enable-mesh-root-certificate={{ $osm.featureFlags.enableMeshRootCertificate }}
{{- if eq $osm.certificateProvider.kind "vault" }}
- --vault-host
- {{ $osm.vault.host | quote }}
- --vault-port
- {{ $osm.vault.port | int | quote }}
- --vault-protocol
- {{ $osm.vault.protocol | quote }}
{{- /* The programs' own default, so it can be left out. */ -}}
{{- if ne $osm.vault.role "openservicemesh" }}
- --vault-role
- {{ $osm.vault.role | quote }}
{{- end }}
{{- $token := include "osm.text" $osm.vault.token }}
{{- if $token }}
- --vault-token
- {{ $token | quote }}
{{- end }}
{{- if or .secretFlags (not $token) }}
- --vault-token-secret-name
- {{ include "osm.text" $osm.vault.secret.name | quote }}
- --vault-token-secret-key
- {{ include "osm.text" $osm.vault.secret.key | quote }}
{{- end }}
{{- end }}
- --cert-manager-issuer-name
- {{ $osm.certmanager.issuerName | quote }}
- --cert-manager-issuer-kind
- {{ $osm.certmanager.issuerKind | quote }}
- --cert-manager-issuer-group
- {{ $osm.certmanager.issuerGroup | quote }}
- --enable-reconciler={{ $osm.enableReconciler }}
{{- end -}}
