// WebSocket connections by service: by namespace and port, over all hosts and pods.
local lib = import 'lib.libsonnet';

{
  _config+:: {
    // Abnormal closes a second, how many times more than an hour ago, and their part of the connections.
    stormCloses: 1,
    stormFactor: 10,
    stormShare: 0.05,
    // Disconnections a second of any kind; the part of them that a shutdown of servers makes a rollout.
    disconnections: 10,
    rolloutShare: 0.5,
    // How many times more handshakes than an hour ago.
    surgeFactor: 5,
    // Seconds of silence after which proxies close, and the part of all closes that tells of one.
    idleTimeouts: [[60, 59, 61], [100, 98, 102], [240, 238, 242], [300, 298, 302], [350, 348, 352]],
    idleShare: 0.5,
    idleCloses: 0.02,
    latencySeconds: 0.5,
    // Part of the handshakes that shall succeed, and how fast its budget burns over which windows.
    handshakeObjective: 0.99,
    handshakeBurns: [[14.4, '1h', '5m', 'critical'], [6, '6h', '30m', 'critical'], [3, '1d', '2h', 'warning'], [1, '3d', '6h', 'warning']],
    // Part of the connections that a server is configured to take.
    connectionsHigh: 0.8,
    // Connections that a service had within the last hour, to miss them when they are gone.
    connectionsToMiss: 10,
  },

  local config = $._config,
  local labels = std.join(', ', config.fleetLabels + ['namespace', 'port']),
  // Of servers: where both ends of a connection are followed, it counts once.
  local servers = config.selector + ',role=""',
  local fill = config { service: labels, host: std.join(', ', config.hostLabels), servers: servers + ',port!="other"' },
  local alert(name, severity, expr, summary, description, pending=null, keep=true, labels={}) = lib.alerts(config).alert(
    name, severity, expr % fill, summary, description, pending=pending, keep=keep, labels=labels, dashboard='socket-websocket'
  ),
  local service = 'port {{ $labels.port }}{{ with $labels.namespace }} in {{ . }}{{ end }}',
  local per_second(metric, matchers, window='2m') =
    'sum by (%s) (rate(%s{%s%s}[%s]))' % [labels, metric, fill.servers, matchers, window],
  // What the server could not or did not answer; http_4xx and no_request are the client's.
  local failed(window) = per_second('websocket_connection_errors_total', ',error_type=~"http_5xx|incomplete|refused"', window),
  local windows = std.set([window for burn in config.handshakeBurns for window in burn[1:3]]),

  websocket+:: {
    groups+: [{
      name: 'socket-exporter-websocket',
      rules: [
        lib.record('service:websocket_connections_active:sum', |||
          sum by (%(service)s) (websocket_connections_active{%(servers)s})
        ||| % fill),
        lib.record('service:websocket_disconnections:rate2m', per_second('websocket_disconnections_total', '') + '\n'),
        lib.record('service:websocket_disconnections:abnormal_rate2m', per_second('websocket_disconnections_total', ',reason=~"abnormal_.+"') + '\n'),
        // Without eBPF none is known, which is zero.
        lib.record('service:websocket_disconnections:sent_away_rate2m', |||
          %s
          or 0 * %s
        ||| % [per_second('websocket_disconnections_total', ',initiator="server",reason=~"going_away|service_restart"'), per_second('websocket_disconnections_total', '')]),
        lib.record('service:websocket_connections:rate2m', per_second('websocket_connections_total', '') + '\n'),
      ] + [
        lib.record('service:websocket_connection_errors:ratio_rate%s' % window, |||
          %s
          / (%s + %s > 0)
        ||| % [failed(window), failed(window), per_second('websocket_connections_total', '', window)])
        for window in windows
      ] + [
        alert(
          'WebSocketDisconnectStorm',
          'critical',
          |||
            service:websocket_disconnections:abnormal_rate2m{%(selector)s} > %(stormCloses)g
            and service:websocket_disconnections:abnormal_rate2m{%(selector)s}
              > %(stormFactor)g * service:websocket_disconnections:abnormal_rate2m{%(selector)s} offset 1h
            and 120 * service:websocket_disconnections:abnormal_rate2m{%(selector)s}
              > %(stormShare)g * max_over_time(service:websocket_connections_active:sum{%(selector)s}[10m])
          |||,
          'Many WebSocket connections break at once.',
          '{{ $value | humanize }} connections a second of ' + service + ' end without a close frame.',
          pending='1m',
        ),
        alert(
          'WebSocketDisconnectRateHigh',
          'warning',
          |||
            service:websocket_disconnections:rate2m{%(selector)s} - service:websocket_disconnections:sent_away_rate2m{%(selector)s}
            > %(disconnections)g
          |||,
          'Many WebSocket connections end.',
          '{{ $value | humanize }} connections a second of ' + service + ' end, those aside that servers send away.',
          pending='5m',
        ),
        alert(
          'WebSocketRolloutSurge',
          'info',
          |||
            service:websocket_disconnections:rate2m{%(selector)s} > 1
            and service:websocket_disconnections:sent_away_rate2m{%(selector)s}
              > %(rolloutShare)g * service:websocket_disconnections:rate2m{%(selector)s}
          |||,
          'Servers send their WebSocket clients away.',
          '{{ $value | humanize }} connections a second of ' + service + ' end, mostly because servers go away.',
          pending='1m',
        ),
        alert(
          'WebSocketReconnectSurge',
          'warning',
          |||
            service:websocket_connections:rate2m{%(selector)s} > 1
            and service:websocket_connections:rate2m{%(selector)s}
              > %(surgeFactor)g * service:websocket_connections:rate2m{%(selector)s} offset 1h
            unless max_over_time(service:websocket_disconnections:sent_away_rate2m{%(selector)s}[10m])
              > %(rolloutShare)g * service:websocket_connections:rate2m{%(selector)s}
          |||,
          'Many WebSocket clients connect at once.',
          '{{ $value | humanize }} handshakes a second at ' + service + ', over %g times as many as an hour ago.' % config.surgeFactor,
          pending='2m',
          keep=false,  // or it would be heard of when the storm that caused it, and inhibits it, is over
        ),
      ] + [
        alert(
          'WebSocketIdleTimeoutSuspected',
          'warning',
          |||
            (
              sum by (%%(service)s) (rate(websocket_idle_before_close_seconds_bucket{%%(servers)s,le=~"%d([.]0)?"}[30m]))
              - sum by (%%(service)s) (rate(websocket_idle_before_close_seconds_bucket{%%(servers)s,le=~"%d([.]0)?"}[30m]))
            )
            / (sum by (%%(service)s) (rate(websocket_idle_before_close_seconds_count{%%(servers)s}[30m])) > %%(idleCloses)g)
            > %%(idleShare)g
            unless %s
              > %%(idleShare)g * %s
          ||| % [edges[2], edges[1], per_second('websocket_disconnections_total', ',reason=~"abnormal_local|abnormal_timeout"', '30m'), per_second('websocket_disconnections_total', '', '30m')],
          'A proxy seems to close silent WebSocket connections.',
          lib.percent + ' of the connections of %s end after %d s of silence.' % [service, edges[0]],
          pending='15m',
          labels={ silence: '%ds' % edges[0] },
        )
        for edges in config.idleTimeouts
      ] + [
        alert(
          'WebSocketLatencyHigh',
          'warning',
          |||
            histogram_quantile(0.95, sum by (%(service)s, kind, le) (
              rate(websocket_message_latency_seconds_bucket{%(servers)s}[5m])
            )) > %(latencySeconds)g
          |||,
          'WebSocket messages are answered slowly.',
          'One in twenty answers ({{ $labels.kind }}) at ' + service + ' takes longer than {{ $value | humanizeDuration }}.',
          pending='5m',
        ),
      ] + [
        alert(
          'WebSocketHandshakeErrorBudgetBurn',
          burn[3],
          |||
            service:websocket_connection_errors:ratio_rate%s{%%(selector)s} > %g
            and service:websocket_connection_errors:ratio_rate%s{%%(selector)s} > %g
          ||| % [burn[1], threshold, burn[2], threshold],
          'WebSocket handshakes fail too often.',
          lib.percent + ' of the handshakes at ' + service + ' failed in ' + burn[1] + '; that burns the error budget %g times as fast as it may last.' % burn[0],
          keep=false,
          labels={ window: burn[1] },
        )
        for burn in config.handshakeBurns
        for threshold in [burn[0] * (1 - config.handshakeObjective)]
      ] + [
        alert(
          'WebSocketConnectionsNearLimit',
          'warning',
          |||
            websocket_connections_active{%(servers)s} / websocket_connections_limit{%(servers)s} > %(connectionsHigh)g
          |||,
          'A WebSocket server nears its limit of connections.',
          lib.percent + ' of the connections that a server at ' + service + ' takes are open{{ with $labels.pod }} (pod {{ . }}){{ end }}.',
          pending='5m',
        ),
        alert(
          'WebSocketNoConnections',
          'warning',
          |||
            service:websocket_connections_active:sum{%(selector)s} == 0
            and max_over_time(service:websocket_connections_active:sum{%(selector)s}[1h]) > %(connectionsToMiss)g
            unless on (%(service)s) (
              max_over_time(websocket_connections_active{%(servers)s}[1h])
              and on (%(host)s) time() - process_start_time_seconds{%(selector)s} < 3600
            )
          |||,
          'A WebSocket service has no connections any more.',
          'No connection to ' + service + ' is open; within the last hour there were more than %g.' % config.connectionsToMiss,
          pending='5m',
          keep=false,
        ),
      ],
    }],
  },
}
