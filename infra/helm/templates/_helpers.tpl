{{/* In the labels by which parts are selected, which an upgrade must not change. */}}
{{- define "media.chartName" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{- define "media.labels" -}}
app.kubernetes.io/name: {{ include "media.chartName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of one part: (dict "root" $ "part" "web") */}}
{{- define "media.selector" -}}
app.kubernetes.io/name: {{ include "media.chartName" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "media.name" -}}
{{ .root.Release.Name }}-{{ .part }}
{{- end }}

{{/* By digest where one is given: a tag can be moved. */}}
{{- define "media.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Which nodes a part may run on: (dict "root" $ "part" "web") */}}
{{- define "media.nodes" -}}
{{- $part := get .root.Values .part }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The pod security standard `restricted`. */}}
{{- define "media.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "media.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The secret with the connection string: the one that is named, or Azurite's. */}}
{{- define "media.connectionString" -}}
{{- if .Values.azurite.enabled -}}
secretKeyRef: {name: {{ .Release.Name }}-azurite, key: connection-string}
{{- else -}}
secretKeyRef: {name: {{ .Values.storage.connectionStringSecret.name }}, key: {{ .Values.storage.connectionStringSecret.key }}}
{{- end -}}
{{- end }}

{{/* The environment that web, worker and sweeper share. */}}
{{- define "media.environment" -}}
{{- if .Values.storage.account }}
- {name: STORAGE_ACCOUNT, value: {{ .Values.storage.account | quote }}}
{{- else }}
- name: AZURE_STORAGE_CONNECTION_STRING
  valueFrom:
    {{- include "media.connectionString" . | nindent 4 }}
{{- end }}
- {name: RESULTS_CONTAINER, value: {{ .Values.storage.resultsContainer | quote }}}
- {name: QUEUE_NAME, value: {{ .Values.storage.queueName | quote }}}
- {name: TABLE_NAME, value: {{ .Values.storage.tableName | quote }}}
- {name: DEFAULT_MEDIA_TYPE, value: {{ .Values.defaultMediaType | quote }}}
- {name: REPORTS_BY, value: {{ .Values.reportsBy | quote }}}
{{- with .Values.enginesAvailable }}
- {name: ENGINES_AVAILABLE, value: {{ . | quote }}}
{{- end }}
- {name: LOG_FORMAT, value: json}
- {name: LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
{{- with .Values.extraEnvironment }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* KEDA's trigger of a queue beside that of the jobs: (dict "root" $ "queue" "reports" "strategy" "all") */}}
{{- define "media.sideTrigger" -}}
- type: azure-queue
  metadata:
    queueName: {{ .root.Values.storage.queueName }}-{{ .queue }}
    queueLength: "8"
    queueLengthStrategy: {{ .strategy }}
    {{- with .root.Values.storage.account }}
    accountName: {{ . }}
    {{- end }}
  authenticationRef: {name: {{ include "media.name" (dict "root" .root "part" "worker") }}}
{{- end }}

{{/*
KEDA's triggers of the queues beside that of the jobs: (dict "root" $ "strategy" "all"). A call that failed is hidden
until its next try, for hours: it must start no worker.
*/}}
{{- define "media.sideTriggers" -}}
{{ include "media.sideTrigger" (dict "root" .root "queue" "reports" "strategy" .strategy) }}
{{- if .root.Values.callbacks.hosts }}
{{ include "media.sideTrigger" (dict "root" .root "queue" "callbacks" "strategy" "visibleonly") }}
{{- end }}
{{- end }}

{{/* Callbacks: of web, which checks the addresses, and of workers, which call them. */}}
{{- define "media.callbacks" -}}
{{- with .Values.callbacks }}
{{- if .hosts }}
- {name: CALLBACK_HOSTS, value: {{ join "," .hosts | quote }}}
- name: CALLBACK_SECRET
  valueFrom:
    secretKeyRef: {name: {{ .secret.name }}, key: {{ .secret.key }}}
- {name: CALLBACK_ALLOW_PRIVATE, value: {{ .allowPrivate | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Traces of web and worker, and people's galleries. */}}
{{- define "media.extras" -}}
{{- if .Values.traces.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.traces.otlpEndpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .Values.traces.share | quote }}}
{{- else if .Values.traces.connectionStringSecret.name }}
- name: APPLICATIONINSIGHTS_CONNECTION_STRING
  valueFrom:
    secretKeyRef: {name: {{ .Values.traces.connectionStringSecret.name }}, key: {{ .Values.traces.connectionStringSecret.key }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .Values.traces.share | quote }}}
{{- end }}
{{- if .Values.galleries.enabled }}
- {name: IDENTITY, value: "true"}
- name: IDENTITY_DATABASE
  valueFrom:
    secretKeyRef: {name: {{ .Values.galleries.databaseSecret.name }}, key: {{ .Values.galleries.databaseSecret.key }}}
{{- end }}
{{- end }}

{{/* The API keys as a file, which running servers read again when the secret changes. */}}
{{- define "media.keysFile" -}}
/keys/{{ .Values.keys.secret.key }}
{{- end }}

{{/* Metrics for Prometheus, of web and worker: without a key, and so on a port that the network policies protect. */}}
{{- define "media.metrics" -}}
- {name: METRICS_PORT, value: {{ .Values.metrics.port | quote }}}
- {name: METRICS_HOST, value: 0.0.0.0}
{{- end }}

{{/* Exactly one storage, and keys or the words that none are needed. */}}
{{- define "media.checked" -}}
{{- $ways := list -}}
{{- if .Values.storage.account }}{{ $ways = append $ways "storage.account" }}{{ end -}}
{{- if .Values.storage.connectionStringSecret.name }}{{ $ways = append $ways "storage.connectionStringSecret" }}{{ end -}}
{{- if .Values.azurite.enabled }}{{ $ways = append $ways "azurite.enabled" }}{{ end -}}
{{- if ne (len $ways) 1 }}{{ fail (printf "set one of storage.account, storage.connectionStringSecret.name and azurite.enabled; set now: %s" (join ", " $ways | default "none")) }}{{ end -}}
{{- if and .Values.galleries.enabled (not .Values.galleries.databaseSecret.name) }}{{ fail "galleries.enabled needs galleries.databaseSecret.name: SQLite in a pod does not last" }}{{ end -}}
{{- if and .Values.callbacks.hosts (not .Values.callbacks.secret.name) }}{{ fail "callbacks.hosts needs callbacks.secret.name: receivers could not trust a call" }}{{ end -}}
{{- if and .Values.traces.otlpEndpoint .Values.traces.connectionStringSecret.name }}{{ fail "set one of traces.otlpEndpoint and traces.connectionStringSecret.name" }}{{ end -}}
{{- if and (not .Values.keys.secret.name) (not .Values.keys.allowAnonymous) }}{{ fail "set keys.secret.name, or keys.allowAnonymous=true where something else keeps strangers out" }}{{ end -}}
{{- end }}
