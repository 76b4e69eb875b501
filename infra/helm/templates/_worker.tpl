{{/* A worker's pod: (dict "root" $ "args" (list "worker") "restartPolicy" "") */}}
{{- define "media.workerPod" -}}
metadata:
  labels:
    {{- include "media.selector" (dict "root" .root "part" "worker") | nindent 4 }}
    {{- if .root.Values.storage.account }}
    azure.workload.identity/use: "true"
    {{- end }}
  annotations:
    {{- if .root.Values.metrics.port }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ .root.Values.metrics.port | quote }}
    {{- end }}
    {{- if .restartPolicy }}
    # A job that ends by itself: a node is not emptied under a long video to save its cost.
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    karpenter.sh/do-not-disrupt: "true"
    {{- end }}
spec:
  serviceAccountName: {{ include "media.name" (dict "root" .root "part" "worker") }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  imagePullSecrets:
    {{- toYaml .root.Values.image.pullSecrets | nindent 4 }}
  securityContext:
    {{- include "media.podSecurity" .root | nindent 4 }}
  {{- if .restartPolicy }}
  restartPolicy: {{ .restartPolicy }}
  {{- end }}
  {{- include "media.nodes" (dict "root" .root "part" "worker") | nindent 2 }}
  # Above SHUTDOWN_GRACE_S, so that a worker finishes its jobs or releases them.
  terminationGracePeriodSeconds: {{ add .root.Values.worker.shutdownGraceS 30 }}
  containers:
    - name: worker
      image: {{ include "media.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ .args | toJson }}
      securityContext:
        {{- include "media.containerSecurity" .root | nindent 8 }}
      {{- if .root.Values.metrics.port }}
      ports:
        - {name: metrics, containerPort: {{ .root.Values.metrics.port }}}
      {{- end }}
      env:
        {{- include "media.environment" .root | nindent 8 }}
        {{- if .root.Values.metrics.port }}
        {{- include "media.metrics" .root | nindent 8 }}
        {{- end }}
        - name: WORKER_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- include "media.extras" .root | nindent 8 }}
        {{- include "media.callbacks" .root | nindent 8 }}
        - {name: ENGINES, value: {{ .root.Values.worker.engines | quote }}}
        - {name: ENGINE_MEMORY_MB, value: {{ .root.Values.worker.engineMemoryMb | quote }}}
        - {name: DECODER_MEMORY_MB, value: {{ .root.Values.worker.decoderMemoryMb | quote }}}
        - {name: MAX_MEDIA_MB, value: {{ .root.Values.worker.maxMediaMb | quote }}}
        - {name: MAX_DURATION_S, value: {{ .root.Values.worker.maxDurationS | quote }}}
        - {name: SHUTDOWN_GRACE_S, value: {{ .root.Values.worker.shutdownGraceS | quote }}}
        - {name: CANARY_WITHDRAW, value: {{ .root.Values.canary.withdraw | quote }}}
      # It is well when it holds its workspace: once it has found its engine, and until it ends.
      startupProbe:
        exec: {command: [python, /app/infra/images/healthcheck.py, worker]}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 24
      livenessProbe:
        exec: {command: [python, /app/infra/images/healthcheck.py, worker]}
        periodSeconds: 30
        timeoutSeconds: 10
      {{- if .root.Values.metrics.port }}
      # Not ready while storage is away or the canary has withdrawn it: for people and rollouts, nothing calls it.
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 20
        timeoutSeconds: 8
      {{- end }}
      resources:
        {{- toYaml .root.Values.worker.resources | nindent 8 }}
      volumeMounts:
        - {name: workspace, mountPath: /workspace}
  volumes:
    - name: workspace
      emptyDir: {sizeLimit: {{ .root.Values.worker.workspaceSize }}}
{{- end }}
