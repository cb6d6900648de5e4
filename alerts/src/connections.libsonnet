// Who opens connections, how they fail, and who does not close them.
local lib = import 'lib.libsonnet';

{
  local config = $._config,
  local fill = config {
    host: std.join(', ', config.hostLabels),
    fleet: std.join(', ', config.fleetLabels),
  },
  local alert = lib.alerts(config).alert,
  local destination = ['job', 'instance', 'netns', 'destination', 'destination_port'],
  local failing = lib.percent + ' of the connection attempts to ' + lib.destination +
                  ' fail; those without a free port are not counted.',

  prometheusAlerts+:: {
    groups+: [{
      name: 'socket-exporter-connections',
      rules: [
        lib.record('destination:socket_destination_sockets:time_wait_ratio', |||
          sum without (comm, state) (socket_destination_sockets{%(selector)s,destination!="other",state="time_wait"})
          / (sum without (comm, state) (socket_destination_sockets{%(selector)s,destination!="other"}) > 0)
        ||| % fill),
        lib.record('destination:socket_connect_attempts:rate5m', |||
          sum by (%(host)s, netns, destination, destination_port) (
            rate(socket_connect_attempts_total{%(selector)s,destination!="other"}[5m])
          )
        ||| % fill),
        lib.record('destination:socket_connection_duration_seconds:p50_5m', |||
          histogram_quantile(0.5, sum by (%(host)s, destination, destination_port, le) (
            rate(socket_connection_duration_seconds_bucket{%(selector)s,destination!="other"}[5m])
          ))
        ||| % fill),
        lib.record('fleet_destination:socket_connect_failures:ratio_rate2m', |||
          sum by (%(fleet)s, destination, destination_port, peer_service) (
            rate(socket_connect_failures_total{%(selector)s,destination!="other",reason!="no_port"}[2m])
          )
          / (
            sum by (%(fleet)s, destination, destination_port, peer_service) (
              rate(socket_connect_attempts_total{%(selector)s,destination!="other"}[2m])
            ) > %(failureAttempts)g
          )
        ||| % fill),
        lib.record('fleet_destination:socket_response_seconds:p95_5m', |||
          histogram_quantile(0.95, sum by (%(fleet)s, destination, destination_port, peer_service, le) (
            rate(socket_response_seconds_bucket{%(selector)s,destination!="other"}[5m])
          ))
          and sum by (%(fleet)s, destination, destination_port, peer_service) (
            rate(socket_response_seconds_count{%(selector)s,destination!="other"}[5m])
          ) > %(slowResponses)g
        ||| % fill),
        alert(
          'CloseWaitLeak',
          'warning',
          |||
            min_over_time(socket_process_sockets{%(selector)s,comm!="other",state="close_wait"}[15m]) > %(closeWaitFloor)g
            and (
              min_over_time(socket_process_sockets{%(selector)s,comm!="other",state="close_wait"}[15m])
              - min_over_time(socket_process_sockets{%(selector)s,comm!="other",state="close_wait"}[15m] offset 30m)
            ) > %(closeWaitRise)g
          ||| % config,
          'A process does not close connections that its peers have closed.',
          lib.process + ' on ' + lib.host + ' never had less than {{ $value }} sockets in CLOSE_WAIT in the last 15 minutes, ' +
          'more than half an hour before.',
          pending='10m',
          keep=true,
          dashboard='socket-connections',
          more={ process: lib.process },
        ),
        alert(
          'ConnectionChurn',
          'warning',
          |||
            destination:socket_destination_sockets:time_wait_ratio{%(selector)s} > %(churnTimeWait)g
            and on (%(host)s, netns, destination, destination_port)
            destination:socket_connect_attempts:rate5m{%(selector)s} > %(churnOpens)g
            and on (%(host)s, destination, destination_port)
            destination:socket_connection_duration_seconds:p50_5m{%(selector)s} < %(churnLifetimeSeconds)g
          ||| % fill,
          'Connections to one destination are opened and closed instead of kept.',
          lib.percent + ' of the sockets from ' + lib.host + ' to ' + lib.destination + ' are in TIME_WAIT; ' +
          lib.found('destination:socket_connect_attempts:rate5m', destination, '{{ . | value | humanize }}') +
          ' connections are opened a second.',
          pending='10m',
          keep=true,
          dashboard='socket-connections',
          more={ process: lib.openers(lib.found('socket_destination_sockets', destination, '{{ if eq .Labels.state "time_wait" }}{{ .Labels.comm }}{{ end }}')) },
        ),
        alert(
          'DestinationFailing',
          'critical',
          'fleet_destination:socket_connect_failures:ratio_rate2m{%(selector)s} > %(failureCritical)g\n' % config,
          'Many connections to a destination fail.',
          failing,
          pending='5m',
          keep=true,
          dashboard='socket-services',
        ),
        alert(
          'DestinationFailing',
          'warning',
          'fleet_destination:socket_connect_failures:ratio_rate2m{%(selector)s} > %(failureWarning)g\n' % config,
          'Some connections to a destination fail.',
          failing,
          pending='5m',
          keep=true,
          dashboard='socket-services',
        ),
        alert(
          'DestinationSlow',
          'warning',
          |||
            fleet_destination:socket_response_seconds:p95_5m{%(selector)s} > %(slowSeconds)g
            and fleet_destination:socket_response_seconds:p95_5m{%(selector)s}
              > %(slowFactor)g * fleet_destination:socket_response_seconds:p95_5m{%(selector)s} offset 1d
          ||| % config,
          'A destination answers much more slowly than a day ago.',
          'One in twenty responses of ' + lib.destination + ' begins after more than {{ $value | humanizeDuration }}, over ' +
          '%g times as late as a day ago.' % config.slowFactor,
          pending='10m',
          keep=true,
          dashboard='socket-services',
        ),
      ],
    }],
  },
}
