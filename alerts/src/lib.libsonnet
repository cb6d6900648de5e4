// How rules are written down.
local percent = '{{ $value | humanizePercentage }}';

{
  percent:: percent,
  host:: '{{ $labels.instance }}{{ with $labels.netns }} (namespace {{ . }}){{ end }}',
  destination:: '{{ $labels.destination }}{{ with $labels.destination_port }}:{{ . }}{{ end }}' +
                '{{ with $labels.peer_service }} ({{ . }}){{ end }}',
  process:: '{{ $labels.comm }}{{ with $labels.pod }} of pod {{ $labels.namespace }}/{{ . }}{{ end }}',

  // What a template finds for this alert: `text` of each series of `metric` that has its `labels`.
  found(metric, labels, text)::
    '{{ range printf "%s{%s}" %s | query }}%s{{ end }}' % [
      metric,
      std.join(',', [label + '=%q' for label in labels]),
      std.join(' ', ['$labels.' + label for label in labels]),
      text,
    ],

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
