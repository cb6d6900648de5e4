{{- define "socket-exporter.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "socket-exporter.selector" -}}
app.kubernetes.io/name: socket-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "socket-exporter.labels" -}}
{{ include "socket-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "socket-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "socket-exporter.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "socket-exporter.metadata" -}}
name: {{ include "socket-exporter.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "socket-exporter.labels" . | nindent 2 }}
{{- end }}

{{- /* Text with our example links, with those that were chosen: takes the list of the text and the values. */}}
{{- define "socket-exporter.linked" -}}
{{- $links := (index . 1).links -}}
{{- index . 0 | replace "https://runbooks.example.com/socket_exporter" $links.runbookBase | replace "https://grafana.example.com/d" $links.dashboardBase }}
{{- end }}

{{- /* An endpoint that is scraped: takes serviceMonitor or podMonitor. Its series name workloads: their pod is never the
exporter's own, which changes with each rollout. */}}
{{- define "socket-exporter.endpoint" -}}
port: metrics
interval: {{ .interval }}
honorLabels: true
relabelings:
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: instance
  - action: labeldrop
    regex: pod|container|endpoint|service|namespace
{{- end }}
