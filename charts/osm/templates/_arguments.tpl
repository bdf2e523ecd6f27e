{{- /* Arguments that the programs of the control plane share. */ -}}

{{- define "osm.arguments.common" -}}
- --verbosity
- {{ .Values.osm.controllerLogLevel | quote }}
- --osm-namespace
- {{ include "osm.namespace" . | quote }}
- --osm-version
- {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- /*
osm.arguments.certificates returns the arguments of the certificate issuer. Takes root, and secretFlags: whether to add
the flags of the Secret with the Vault token even if the token itself is set. The injector and bootstrap always get these
flags, the controller only if it needs them.
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
{{- /* The default of the programs, so that the flag can be omitted. */ -}}
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
