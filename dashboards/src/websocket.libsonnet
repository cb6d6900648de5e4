// WebSocket services: connections, what they end of, latency, handshakes.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local service = 'environment, cluster, namespace, port';
  local name = '{{namespace}} port {{port}} {{cluster}}';
  local rate(metric, matchers='', by=service, more='') = 'sum by (%s) (rate(%s{<N>,role=""%s}[$__rate_interval]%s))' % [by, metric, matchers, more];
  local ends(matchers='', by=service, more='') = rate('websocket_disconnections_total', matchers, by, more);
  local begins(by=service, more='') = rate('websocket_connections_total', '', by, more);
  local abnormal = ',reason=~"abnormal_.+"';
  local sent_away = ',initiator="server",reason=~"going_away|service_restart"';
  // But for those whom a server sends away; without eBPF nobody knows of any.
  local ended = '%s - (%s or 0 * %s)' % [ends(), ends(sent_away), ends()];
  local failed(by=service) = rate('websocket_connection_errors_total', ',error_type=~"http_5xx|incomplete|refused"', by);
  local handshakes = '%s / (%s + %s > 0)' % [failed(), failed(), begins()];
  local active = 'sum by (%s) (websocket_connections_active{<N>,role=""})' % service;
  local server = 'environment, cluster, job, instance, netns, namespace, pod, port';
  local near = 'sum by (%s) (websocket_connections_active{<N>,role=""}) / on (%s) max by (%s) (websocket_connections_limit{<N>,role=""} > 0)' % [server, server, server];
  local p95 = queries.quantile(0.95, 'websocket_message_latency_seconds', ',netns=~"$netns",role=""', service + ', kind, le');
  local latency(kind) = [
    lib.query('histogram_quantile(%g, sum by (le) (rate(websocket_message_latency_seconds_bucket{<N>,role="",kind="%s"}[$__rate_interval])))' % [q / 100, kind], 'p%d' % q)
    for q in [50, 95, 99]
  ];
  local budget = 1 - config.handshakeObjective;
  local burns = [burn[0] * budget for burn in config.handshakeBurns];
  local silent(edges, by='') = |||
    clamp_min(
      (
        sum(rate(websocket_idle_before_close_seconds_bucket{<N>,role="",le=~"%(above)d([.]0)?"}[$__rate_interval]))
        - sum(rate(websocket_idle_before_close_seconds_bucket{<N>,role="",le=~"%(below)d([.]0)?"}[$__rate_interval]))
      )
      / (sum(rate(websocket_idle_before_close_seconds_count{<N>,role=""}[$__rate_interval])) > 0),
      0
    )
  ||| % { below: edges[1], above: edges[2] };
  // Who is known to close at that silence.
  local culprits = { '60': 'nginx, HAProxy, AWS ALB', '100': 'Cloudflare', '240': 'Azure LB', '300': 'application, ingress', '350': 'AWS NLB, NAT' };
  // Buckets that end just above such a timeout are named after it.
  local marks = { ['%d' % edges[2]]: '%d s: %s' % [edges[0], culprits['%d' % edges[0]]] for edges in config.idleTimeouts };
  local detail = [lib.along('Host and pod detail', 'socket-connections', ['instance', 'netns'])];
  local disconnections = [['warning', config.disconnections]];

  lib.dashboard('socket-websocket', 'WebSocket services: open connections, how they begin and end, message latency, failed handshakes, idle timeouts, and how exact all that is.', [
    lib.row('Are users connected?', [
      lib.stat('Active connections', 'Open now. A step down is a disconnect storm or a rollout; 0 is an outage.',
               'sum(websocket_connections_active{<N>,role=""})', runbooks=['WebSocketNoConnections']),
      lib.stat('Connections broken', 'Connections of the worst service that end without a close frame: users notice. Red with everything else green: the network or proxy in front.',
               'max(%s)' % ends(abnormal), zero=lib.websockets, unit='cps', thresholds=[['critical', config.stormCloses]], runbooks=['WebSocketDisconnectStorm']),
      lib.stat('Connections ended', 'Disconnections of the worst service, but for those of servers that go away. See by reason below.',
               'max(%s)' % ended, zero=lib.websockets, unit='cps', thresholds=disconnections, runbooks=['WebSocketDisconnectRateHigh']),
      lib.stat('Connections begun', 'Handshakes that succeeded. Many right after a storm: all come back at once; let clients wait a random time.',
               'sum(%s)' % begins(), zero=lib.websockets, unit='cps', runbooks=['WebSocketReconnectSurge']),
      lib.stat('Latency p95', 'Of the slowest service: request to answer, or ping to pong. Over the line: servers are overloaded, or their event loop is blocked.',
               'max(%s)' % p95, unit='s', thresholds=[['warning', config.latencySeconds]], runbooks=['WebSocketLatencyHigh']),
      lib.stat('Handshakes failing', 'Part that the server could not or did not answer (5xx, incomplete, refused) of the worst service. Over %g %% the error budget burns; red: fast.' % (100 * budget),
               'max(%s)' % handshakes, zero=lib.websockets, unit='percentunit', thresholds=[['warning', burns[3]], ['critical', burns[1]]], runbooks=['WebSocketHandshakeErrorBudgetBurn']),
      lib.conditions('What the alerts wait for', 'From the metrics: worst service of each. Rollout before surge is a deployment; storm before surge is a break in between.', [
        lib.truth('disconnect storm', |||
          (%(now)s > %(stormCloses)g)
          and %(now)s > %(stormFactor)g * %(before)s
          and 120 * %(now)s > %(stormShare)g * sum by (%(service)s) (max_over_time(websocket_connections_active{<N>,role=""}[10m]))
        ||| % (config { service: service, now: ends(abnormal), before: ends(abnormal, more=' offset 1h') }), 3, zero=lib.websockets),
        lib.condition('many end', ended, config.disconnections, zero=lib.websockets),
        lib.truth('rollout: servers send clients away', '(%s > 1) and %s > %g * %s' % [ends(), ends(sent_away), config.rolloutShare, ends()], 1, zero=lib.websockets),
        lib.truth('all reconnect at once', '(%s > 1) and %s > %g * %s' % [begins(), begins(), config.surgeFactor, begins(more=' offset 1h')], 2, zero=lib.websockets),
        lib.condition('answers are slow', p95, config.latencySeconds, zero=lib.websockets),
        lib.condition('handshakes fail', handshakes, burns[3], burns[1], zero=lib.websockets),
        lib.condition('a server is near its limit', near, config.connectionsHigh, zero=lib.websockets),
        lib.truth('nobody is connected', '(%s == 0) and max by (%s) (max_over_time(websocket_connections_active{<N>,role=""}[1h])) > %g' % [active, service, config.connectionsToMiss], 2, zero=lib.websockets),
        lib.condition('closed at a known idle timeout', std.join(' or ', ['label_replace(%s, "silence", "%d", "", "")' % [std.rstripChars(silent(edges), '\n'), edges[0]] for edges in config.idleTimeouts]), config.idleShare, zero=lib.websockets),
      ], runbooks=['WebSocketDisconnectStorm', 'WebSocketReconnectSurge', 'WebSocketRolloutSurge']),
    ]),
    lib.row('What happens?', [
      lib.lines('Active connections by service', 'By service. A step down and a slow recovery: clients wait before they come back, as they should.', [
        lib.query(active, name),
      ], runbooks=['WebSocketNoConnections']),
      lib.lines('Begin and end', 'Up: handshakes. Below: ends by reason. abnormal_*: without a close frame. going_away: a rollout, or closed browser tabs.', [
        lib.query('sum(%s)' % begins(), 'begin'),
        lib.query(ends(by='reason') + ' > 0', '{{reason}}'),
      ], unit='cps', thresholds=disconnections, runbooks=['WebSocketDisconnectStorm', 'WebSocketDisconnectRateHigh']),
      lib.lines('Latency: request to answer', 'p99 alone: single slow requests. All together: the server is overloaded.', latency('request'), w=8, unit='s', thresholds=[['warning', config.latencySeconds]], runbooks=['WebSocketLatencyHigh']),
      lib.lines('Latency: ping to pong', 'No application in it but its event loop. High: the loop is blocked, or the network is slow.', latency('ping'), w=8, unit='s', thresholds=[['warning', config.latencySeconds]], runbooks=['WebSocketLatencyHigh']),
      lib.lines('Failed handshakes by type', 'http_5xx: the server or its proxy. http_4xx: the client: authentication, path. refused, incomplete: the server is gone, or overloaded.', [
        lib.query(rate('websocket_connection_errors_total', '', 'error_type'), '{{error_type}}'),
      ], w=8, unit='cps', stack=true, runbooks=['WebSocketHandshakeErrorBudgetBurn']),
    ]),
    lib.row('Why do connections end?', [
      lib.lines('Ends by who began them', 'server: a rollout, a limit, an error. client: users leave, or a proxy in front of the server closes for them: the reasons tell which. none: the peer was not heard of any more.', [
        lib.query(ends(by='initiator'), '{{initiator}}'),
      ], w=8, unit='cps', stack=true, runbooks=['WebSocketDisconnectRateHigh']),
      lib.lines('Ends after a known silence', 'Part of the ends that come after 60, 100, 240, 300 or 350 s without data, where proxies and NAT close. Over the line: ping more often than that, or raise the timeout.', [
        lib.query(silent(edges), '%d s: %s' % [edges[0], culprits['%d' % edges[0]]])
        for edges in config.idleTimeouts
      ], w=16, unit='percentunit', max=1, thresholds=[['warning', config.idleShare]], runbooks=['WebSocketIdleTimeoutSuspected']),
      lib.heatmap('Silence before the end, in seconds', 'A sharp band at 60 s (nginx, HAProxy, AWS ALB), 100 s (Cloudflare), 240 s (Azure), 300 s or 350 s (AWS NLB, NAT) is an idle timeout: the buckets are cut just below and above them.',
                  queries.buckets('websocket_idle_before_close_seconds', '<N>,role=""'), h=11, unit='none', marks=marks, runbooks=['WebSocketIdleTimeoutSuspected']),
      lib.heatmap('Lifetime of connections, in seconds', 'A sharp band at a round time, however much was sent, is a maximal lifetime of a proxy. Near 0: clients that connect and are thrown out.',
                  queries.buckets('websocket_connection_duration_seconds', '<N>,role=""'), h=11, unit='none', marks=marks, runbooks=['WebSocketDisconnectRateHigh']),
    ]),
    lib.row('Which pod?', [
      lib.lines('Active connections by pod', 'Uneven: the load balancer keeps connections where they are; new pods stay empty until clients come back.', [
        lib.query('topk(15, sum by (environment, cluster, instance, netns, namespace, pod, port) (websocket_connections_active{<N>,role=""}))', '{{instance}} {{namespace}} {{pod}} port {{port}}'),
      ], datalinks=detail, runbooks=['WebSocketNoConnections']),
      lib.lines('Breaks by pod', 'One pod: it, or its node. All: what is in front of them.', [
        lib.query('topk(15, %s)' % ends(abnormal, 'environment, cluster, instance, netns, namespace, pod, port'), '{{instance}} {{namespace}} {{pod}} port {{port}}'),
      ], unit='cps', thresholds=[['critical', config.stormCloses]], datalinks=detail, runbooks=['WebSocketDisconnectStorm']),
    ]),
    lib.row('How busy are they?', [
      lib.lines('Messages', 'By direction and kind. out without in is a feed; pings without pongs are dead clients.', [
        lib.query(rate('websocket_messages_total', '', 'direction, opcode') + ' > 0', '{{direction}} {{opcode}}'),
      ], w=8, unit='cps', runbooks=['WebSocketLatencyHigh']),
      lib.lines('Payload', 'As it was sent. A step up with the same messages: somebody sends larger ones.', [
        lib.query(rate('websocket_message_bytes_total', '', 'direction'), '{{direction}}'),
      ], w=8, unit='Bps', runbooks=['WebSocketLatencyHigh']),
      lib.heatmap('Latency of all messages', 'Two bands: two kinds of requests, or one slow pod.', queries.buckets('websocket_message_latency_seconds', '<N>,role=""'), w=8, runbooks=['WebSocketLatencyHigh']),
    ]),
    lib.row('Can the servers take it?', [
      lib.lines('Connections of the limit', 'Of each server, of websocket.limits in socket_exporter.yml. Over the line: scale up before clients are refused; let them reconnect elsewhere.', [
        lib.query('topk(15, max by (environment, cluster, instance, namespace, pod, port) (%s))' % near, '{{instance}} {{namespace}} {{pod}} port {{port}}'),
      ], w=8, unit='percentunit', thresholds=[['warning', config.connectionsHigh]], runbooks=['WebSocketConnectionsNearLimit']),
      lib.lines('CPU of the servers', 'Of one CPU. At 100 % with one process per pod its event loop is full: answers come late, see latency.', [
        lib.query('topk(15, sum by (environment, cluster, instance, namespace, pod, port, comm) (rate(websocket_server_cpu_seconds_total{<N>}[$__rate_interval])))', '{{comm}} {{namespace}} {{pod}} on {{instance}}'),
      ], w=8, unit='percentunit', runbooks=['WebSocketLatencyHigh']),
      lib.lines('Memory of the servers', 'Resident. Rises with connections; alone, it is a leak.', [
        lib.query('topk(15, max by (environment, cluster, instance, namespace, pod, port, comm) (websocket_server_resident_memory_bytes{<N>}))', '{{comm}} {{namespace}} {{pod}} on {{instance}}'),
      ], w=8, unit='bytes', runbooks=['WebSocketConnectionsNearLimit']),
    ]),
    lib.row('How exact is this?', [
      lib.lines('Tracker', 'adopted: connections that were there before the exporter. repaired: packets out of order, all counted. desync, missed, pool exhausted: messages that are not in the numbers above; constantly over 0 is worth an issue.', [
        lib.query('sum(rate(websocket_tracker_%s_total{<H>}[$__rate_interval]))' % of, std.strReplace(of, '_', ' '))
        for of in ['adopted', 'desync', 'resync', 'repaired', 'pool_exhausted', 'missed']
      ], unit='cps', runbooks=['SocketExporterMissedEvents']),
      lib.table('Tracking', 'Whether WebSockets are followed on each host, and why not. "off": see the reason; no ports in the configuration is one.', [
        lib.cells('max by (environment, cluster, instance, state, reason) (socket_exporter_feature_info{<H>,feature="websocket_tracking"})'),
      ], [
        ['instance', 'host', [lib.width(220)]],
        ['state', 'state', lib.state + [lib.width(80)]],
        ['reason', 'reason'],
      ], runbooks=['SocketExporterFeatureLost']),
    ]),
  ], 'WebSocket.+')
