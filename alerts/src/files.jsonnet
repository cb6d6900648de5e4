// The files that alerts/generate writes.
function(config={})
  local mixin = (import 'mixin.libsonnet') + { _config+:: config };
  {
    'socket_exporter.rules.yml': mixin.prometheusAlerts,
    'websocket.rules.yml': mixin.websocket,
    'optional/totals.rules.yml': mixin.totals,
    'optional/central.rules.yml': mixin.central,
    'prometheusrule.yaml': {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'socket-exporter', labels: { 'app.kubernetes.io/name': 'socket-exporter' } },
      spec: { groups: mixin.prometheusAlerts.groups + mixin.websocket.groups },
    },
  }
