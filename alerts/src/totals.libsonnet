// Thresholds on host totals, which know neither the range of ports nor the destinations.
local lib = import 'lib.libsonnet';

{
  local config = $._config,
  local alert(name, severity, metric, threshold, what) = lib.alerts(config).alert(
    name,
    severity,
    '%s{%s} > %g\n' % [metric, config.selector, threshold],
    'The host has many %s.' % what,
    '{{ $labels.instance }} has {{ $value }} %s.' % what,
    pending='5m',
    keep=true,
  ),

  totals+:: {
    groups+: [{
      name: 'socket-exporter-totals',
      rules: [
        alert('TcpEstablishedHigh', 'critical', 'node_netstat_Tcp_CurrEstab', config.establishedCritical, 'established TCP connections'),
        alert('TcpTimeWaitHigh', 'warning', 'node_netstat_Tcp_TimeWait', config.timeWaitWarning, 'TCP sockets in TIME_WAIT'),
      ],
    }],
  },
}
