// What a thousand hosts come to, small enough for one place: worst of each host, sums of all. Sums add up over the
// Prometheus servers that share the hosts, which ratios and quantiles would not.
local lib = import 'lib.libsonnet';

{
  _config+:: {
    // What destinations are told apart by; ['peer_service'] where hosts have many.
    destinationLabels: ['destination', 'destination_port', 'peer_service'],
  },

  local config = $._config,
  local fleet = config.fleetLabels,
  local host = fleet + [label for label in config.hostLabels if !std.member(fleet, label)],
  local destination = fleet + config.destinationLabels,
  local service = fleet + ['namespace', 'port'],
  local fill = config { host: std.join(', ', config.hostLabels) },

  local over(how, labels, expr) = '%s by (%s) (\n  %s\n)\n' % [how, std.join(', ', labels), expr % fill],
  local sum(name, labels, metric) = lib.record(name, over('sum', labels, metric + '{%(selector)s}')),
  local rate(name, labels, metric, matchers='') =
    lib.record(name, over('sum', labels, 'rate(%s{%%(selector)s%s}[5m])' % [metric, matchers])),
  local worst(name, labels, expr) = lib.record(name, over('max', labels, expr)),
  local level(labels) = if labels == service then 'service' else 'fleet_destination',
  local buckets(metric, labels, more=[]) =
    rate('%s:%s:bucket_rate5m' % [level(labels), metric], labels + more + ['le'], metric + '_bucket'),

  central+:: {
    groups+: [
      {
        name: 'socket-exporter-central-hosts',
        rules: [
          worst(
            'instance:socket_ephemeral_tuple_ports_used:ratio_max',
            host + ['protocol'],
            'socket_ephemeral_tuple_ports_used_max{%(selector)s} / (socket_ephemeral_ports_usable{%(selector)s} > 0)',
          ),
          lib.record('instance:socket_ephemeral_tuple_ports_used:seconds_left_min', |||
            clamp_max(min by (%s) (
              (socket_ephemeral_ports_usable{%s} - socket_ephemeral_tuple_ports_used_max{%s})
              / clamp_min(deriv(socket_ephemeral_tuple_ports_used_max{%s}[15m]), 1e-9)
            ), 86400)
          ||| % [std.join(', ', host + ['protocol']), config.selector, config.selector, config.selector]),
          worst(
            'instance:socket_process_open_fds:ratio_max',
            host,
            'socket_process_open_fds{%(selector)s} / (socket_process_fds_limit{%(selector)s} > 0)',
          ),
          worst(
            'instance:socket_listen_queue_length:ratio_max',
            host,
            'socket_listen_queue_length{%(selector)s} / (socket_listen_queue_limit{%(selector)s} > 0)',
          ),
          worst(
            'instance:socket_tcp_sockets:time_wait_ratio_max',
            host,
            'sum without (family, state) (socket_tcp_sockets{%(selector)s,state="time_wait"})\n' +
            '  / (socket_tcp_time_wait_limit{%(selector)s} > 0)',
          ),
          rate('instance:socket_connect_failures:no_port_rate5m', host, 'socket_connect_failures_total', ',reason="no_port"'),
        ],
      },
      {
        name: 'socket-exporter-central-fleet',
        rules: [
          sum('fleet:socket_tcp_sockets:sum', fleet + ['state'], 'socket_tcp_sockets'),
          sum('fleet:socket_udp_sockets:sum', fleet, 'socket_udp_sockets'),
          rate('fleet:socket_connections_closed:rate5m', fleet + ['kind'], 'socket_connections_closed_total'),
          sum('fleet_destination:socket_destination_sockets:sum', destination + ['state'], 'socket_destination_sockets'),
          worst(
            'fleet_destination:socket_ephemeral_tuple_ports_used:ratio_max',
            destination,
            'socket_ephemeral_tuple_ports_used{%(selector)s}\n' +
            '  / on (%(host)s, netns, protocol) group_left () (socket_ephemeral_ports_usable{%(selector)s} > 0)',
          ),
          rate('fleet_destination:socket_connect_attempts:rate5m', destination, 'socket_connect_attempts_total'),
          rate('fleet_destination:socket_connect_failures:rate5m', destination + ['reason'], 'socket_connect_failures_total'),
          rate('fleet_destination:socket_connections_closed:rate5m', destination, 'socket_connections_closed_total'),
          rate('fleet_destination:socket_connections_short_lived:rate5m', destination, 'socket_connections_short_lived_total'),
          buckets('socket_connect_duration_seconds', destination),
          buckets('socket_response_seconds', destination),
        ],
      },
      {
        name: 'socket-exporter-central-websocket',
        rules: [
          rate('service:websocket_disconnections:reason_rate5m', service + ['reason'], 'websocket_disconnections_total'),
          rate('service:websocket_connection_errors:rate5m', service + ['error_type'], 'websocket_connection_errors_total'),
          rate('service:websocket_messages:rate5m', service + ['direction'], 'websocket_messages_total'),
          rate('service:websocket_message_bytes:rate5m', service + ['direction'], 'websocket_message_bytes_total'),
          buckets('websocket_message_latency_seconds', service, ['kind']),
          buckets('websocket_idle_before_close_seconds', service),
        ],
      },
    ],
  },
}
