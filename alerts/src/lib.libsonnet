// How rules are written down.
local percent = '{{ $value | humanizePercentage }}';

{
  percent:: percent,
  host:: '{{ $labels.instance }}{{ with $labels.netns }} (namespace {{ . }}){{ end }}',
  destination:: '{{ $labels.destination }}{{ with $labels.destination_port }}:{{ . }}{{ end }}' +
                '{{ with $labels.peer_service }} ({{ . }}){{ end }}',
  process:: '{{ $labels.comm }}{{ with $labels.pod }} of pod {{ $labels.namespace }}/{{ . }}{{ end }}',

  // What a template asks Prometheus for: series of `metric` with these labels of the alert.
  query(metric, labels, order='%s'):: 'printf "%s" %s | query' % [
    order % (metric + '{' + std.join(',', [label + '=%q' for label in labels]) + '}'),
    std.join(' ', ['$labels.' + label for label in labels]),
  ],
  found(metric, labels, text):: '{{ range %s }}%s{{ end }}' % [self.query(metric, labels), text],
  // Who opened the connections to the alert's destination, or else `otherwise`.
  openers(otherwise)::
    '{{ with %s }}' % self.query('socket_destination_opener_ratio', ['job', 'instance', 'netns', 'destination', 'destination_port'], 'sort_desc(%s)') +
    '{{ range $index, $opener := . }}{{ if $index }}, {{ end }}{{ $opener.Labels.comm }}' +
    '{{ with $opener.Labels.pod }} of pod {{ $opener.Labels.namespace }}/{{ . }}{{ end }}' +
    ' {{ $opener | value | humanizePercentage }}{{ end }}{{ else }}' + otherwise + '{{ end }}',

  record(name, expr):: { record: name, expr: expr },

  // Alerts of one configuration.
  alerts(config):: {
    alert(name, severity, expr, summary, description, pending=null, keep=false, dashboard='socket-ports', labels={}, more={}):: {
      alert: name,
      expr: expr,
      [if pending != null then 'for']: pending,
      [if keep then 'keep_firing_for']: config.keepFiring,
      labels: { severity: config[severity] } + labels,
      annotations: {
        summary: summary,
        description: description,
        runbook_url: '%s/%s.md' % [config.runbookBase, name],
        dashboard_url: '%s/%s' % [config.dashboardBase, dashboard],
      } + more,
    },
  },
}
