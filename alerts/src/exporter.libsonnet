// The exporter itself, and escalation.
local lib = import 'lib.libsonnet';

{
  local config = $._config,
  local fill = config { host: std.join(', ', config.hostLabels) },
  local alert(name, severity, expr, summary, description, pending=null, labels={}) = lib.alerts(config).alert(
    name, severity, expr % fill, summary, description, pending=pending, labels=labels, dashboard='socket-exporter'
  ),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'socket-exporter-self',
        rules: [
          alert(
            'SocketExporterDown',
            'warning',
            'up{%(selector)s} == 0\n',
            'socket_exporter cannot be scraped.',
            'socket_exporter on {{ $labels.instance }} does not answer Prometheus.',
            pending='5m',
          ),
          alert(
            'SocketExporterAbsent',
            'warning',
            'absent(up{%(selector)s})\n',
            'No socket_exporter is scraped.',
            'Prometheus has no target with {{ $labels.job }} as its job.',
            pending='15m',
          ),
          alert(
            'SocketExporterCollectorFailing',
            'warning',
            'sum without (kind) (rate(socket_exporter_collector_errors_total{%(selector)s,kind!="unavailable"}[5m])) > 0\n',
            'A collector of socket_exporter fails.',
            'The collector {{ $labels.collector }} on {{ $labels.instance }} fails; its metrics are missing.',
            pending='15m',
          ),
          alert(
            'SocketExporterFeatureLost',
            'warning',
            |||
              socket_exporter_feature_info{%(selector)s,state="off"}
              and on (%(host)s, feature)
              count_over_time(socket_exporter_feature_info{%(selector)s,state="on"}[1d]) > 0
            |||,
            'socket_exporter sees less than it did.',
            '{{ $labels.feature }} on {{ $labels.instance }} was on within the last day and is off now: {{ $labels.reason }}.',
            pending='15m',
          ),
          alert(
            'SocketExporterLabelOverflow',
            'info',
            |||
              rate(socket_exporter_label_overflow_total{%(selector)s}[15m])
              > on (%(host)s) group_left ()
              (%(leftOut)g * rate(socket_exporter_scans_total{%(selector)s}[15m]))
            |||,
            'Much is summed up as "other".',
            '{{ $labels.metric }} on {{ $labels.instance }} leaves out more than %g label sets of each scrape.' % config.leftOut,
            pending='15m',
          ),
          alert(
            'SocketExporterMissedEvents',
            'warning',
            'rate(socket_exporter_bpf_missed_events_total{%(selector)s}[5m]) > %(missedEvents)g\n',
            'socket_exporter misses events of the kernel.',
            'The eBPF program {{ $labels.program }} on {{ $labels.instance }} misses {{ $value | humanize }} events a second; its counters are too low.',
            pending='15m',
          ),
        ],
      },
      {
        name: 'socket-exporter-escalation',
        rules: [
          alert(
            'SocketAlertEscalated',
            'critical',
            |||
              label_replace(
                time() - ALERTS_FOR_STATE{%%(selector)s,severity="%%(critical)s",alertname!="SocketAlertEscalated"} > %d
                and ignoring (alertstate)
                ALERTS{%%(selector)s,severity="%%(critical)s",alertname!="SocketAlertEscalated",alertstate="firing"},
                "origin", "$1", "alertname", "(.+)"
              )
            ||| % config.escalation[level],
            'A critical alert is still open.',
            '{{ $labels.origin }} has been open for {{ $value | humanizeDuration }}' +
            '{{ with $labels.instance }} on {{ . }}{{ end }}{{ with $labels.destination }}, towards {{ . }}{{ end }}.',
            labels={ escalation: std.toString(level + 1) },
          )
          for level in std.range(0, std.length(config.escalation) - 1)
        ],
      },
    ],
  },
}
