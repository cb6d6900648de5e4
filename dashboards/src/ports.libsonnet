// Socket exhaustion: which host, namespace and destination of the fleet is closest to the edge.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local levels = [['info', config.portsSlow], ['warning', config.portsWarning], ['critical', config.portsCritical]];
  local share = lib.share(config.portsWarning, config.portsCritical, config.portsSlow);
  local to = '{{peer_service}} {{destination}}:{{destination_port}}';
  local detail = lib.down('Host and pod detail', 'socket-connections', ['instance', 'netns']);
  local along = [lib.along('Host and pod detail', 'socket-connections', ['instance', 'netns'])];
  local services = lib.down('External services', 'socket-services', ['instance', 'destination']);
  local held = |||
    topk(10, sum by (environment, cluster, instance, netns, namespace, pod, comm) (
      socket_destination_opener_ratio{<N>}
      * on (environment, cluster, job, instance, netns, destination, destination_port) group_left ()
      max by (environment, cluster, job, instance, netns, destination, destination_port) (socket_ephemeral_tuple_ports_used{<N>,protocol="tcp"})
    ))
  |||;

  lib.dashboard('socket-ports', 'Which host, namespace and destination runs out of ephemeral ports, when, and because of whom.', [
    lib.row('Is anything running out?', [
      lib.stat(
        'Fullest tuple', 'Ports of the fullest (source, destination, port) tuple, of those connect() may take. Red: connect() to that destination is about to fail. See the table below for which one, then its runbook; tcp_tw_reuse=1 helps at once where TIME_WAIT holds the ports.',
        'max(%s)' % queries.fullest, unit='percentunit', thresholds=levels, runbooks=['EphemeralPortsHigh', 'EphemeralPortSearchSlow'],
      ),
      lib.stat(
        'Time to exhaustion', 'How long until the first tuple has no port left, if it grows as in the last 15 minutes. Orange: within %d minutes. Slow down or restart the process in "Who holds the ports" before that.' % (config.portsFillSeconds / 60),
        queries.seconds_left, unit='s', base=lib.severity.warning, thresholds=[['ok', config.portsFillSeconds]], runbooks=['EphemeralPortsFillingUp'], graph=false, decimals=0,
        mappings=[
          { type: 'value', options: { '0': { text: 'exhausted', color: lib.severity.critical, index: 0 } } },
          { type: 'range', options: { from: 86400, to: null, result: { text: '> 1 day', color: lib.severity.ok, index: 1 } } },
        ],
      ),
      lib.stat(
        'connect() without a port', 'connect() that fail with EADDRNOTAVAIL. This is the outage itself: any value over 0 is requests that fail now. Runbook: first 5 minutes.',
        queries.no_port, zero=lib.following, unit='cps', thresholds=[['critical', 1e-9]], runbooks=['EphemeralPortsExhausted'],
      ),
      lib.stat(
        'Namespaces over %d %%' % (100 * config.portsWarning), 'Hosts, pods and containers of which a tuple has used more than that. One: look at it. Many: a destination they share, or a release.',
        'count(%s > %g)' % [queries.fullest, config.portsWarning], zero='0 * count(socket_ephemeral_tuple_ports_used_max{<N>})', thresholds=[['warning', 1]], runbooks=['EphemeralPortsHigh'],
      ),
      lib.stat(
        'Worst service failing', 'Part of the connection attempts to the worst destination that fail for another reason than a missing port. Red: the destination or the way to it is down, not the ports. See External services.',
        'max(%s)' % queries.failing('environment, cluster, destination, destination_port', config.failureAttempts), zero=lib.following, unit='percentunit', thresholds=[['warning', config.failureWarning], ['critical', config.failureCritical]], runbooks=['DestinationFailing'],
      ),
      lib.stat(
        'Hosts seen', 'Exporters that answer, of those that are configured here. Fewer than there should be: this dashboard is blind for the rest, see Exporter health.',
        'sum(up{<H>})', graph=false, runbooks=['SocketExporterDown'],
      ),
      lib.conditions('What the alerts wait for', 'Each line is what an alert waits for, worst of what is chosen above: computed from the metrics, with or without the rules. Lines that begin with "alert" are the alerts themselves. The first line to leave green is usually the cause, later ones follow from it.', [
        lib.condition('ports of the fullest tuple', queries.fullest, config.portsWarning, config.portsCritical, config.portsSlow),
        lib.query('2 * (%s < bool %g)' % [std.rstripChars(queries.seconds_left, '\n'), config.portsFillSeconds], 'full within %d min' % (config.portsFillSeconds / 60)),
        lib.condition('connect() without a port', queries.no_port, critical=0, zero=lib.following),
        lib.condition('connects to a destination fail', queries.failing('environment, cluster, destination, destination_port', config.failureAttempts), config.failureWarning, config.failureCritical, zero=lib.following),
        lib.truth('CLOSE_WAIT of a process', 'min_over_time(socket_process_sockets{<N>,comm!="other",state="close_wait"}[15m]) > %g' % config.closeWaitFloor, 2),
        lib.condition('file descriptors', queries.descriptors, config.descriptors),
        lib.alerts('EphemeralPort.+'),
      ], runbooks=['EphemeralPortsExhausted', 'EphemeralPortsHigh']),
    ]),
    lib.row('Where?', [
      lib.table('Fullest tuples', 'The tuples that are closest to the edge, over all hosts. "process" has most sockets to that destination, or opened most of its TIME_WAIT. Click a row for the host, or the destination; then its runbook.', [
        lib.cells('topk(20, %s)' % queries.tuples),
      ], [
        ['Value', 'used', share + [lib.width(80)]],
        ['instance', 'host', [lib.linked([detail]), lib.width(145)]],
        ['netns', 'namespace', [lib.linked([detail]), lib.width(145)]],
        ['source', 'source', [lib.width(90)]],
        ['destination', 'destination', [lib.linked([services]), lib.width(130)]],
        ['destination_port', 'port', [lib.width(65)]],
        ['peer_service', 'service', [lib.width(125)]],
        ['comm', 'process', [lib.width(140)]],
      ], w=14, sort='used', runbooks=['EphemeralPortsHigh', 'EphemeralPortSearchSlow']),
      lib.lines('Ports used by the fullest tuples', 'From half on connect() searches long; at the red line it is minutes until it fails. A straight rise is a leak or a rising load; a saw-tooth is a process that is restarted.', [
        lib.query('topk(10, max by (environment, cluster, instance, netns, destination, destination_port, peer_service) (%s))' % queries.tuples, to + ' from {{instance}} {{netns}}'),
      ], w=10, unit='percentunit', thresholds=levels, max=1, datalinks=along, runbooks=['EphemeralPortsHigh', 'EphemeralPortsFillingUp', 'EphemeralPortSearchSlow']),
    ]),
    lib.row('Who?', [
      lib.bars('Who holds the ports', 'Ports of the fullest tuples by the process that opened their connections in the last minute; TIME_WAIT has no process any more, this is how it gets one. The longest bar is whom to slow down, or restart.', [
        lib.now(held, '{{comm}} {{pod}} on {{instance}}'),
      ], w=8, datalinks=along, runbooks=['EphemeralPortsExhausted']),
      lib.lines('Connections opened', 'By process. What rises together with the ports is the cause. Over %g a second to one destination, short-lived, is churn: reuse connections.' % config.churnOpens, [
        lib.query('topk(10, %s)' % queries.opens('environment, cluster, instance, netns, namespace, pod, comm'), '{{comm}} {{pod}} on {{instance}}'),
      ], w=8, unit='cps', datalinks=along, runbooks=['ConnectionChurn']),
      lib.lines('Connects that fail', 'By reason. no_port: ports. refused, reset: the server. timeout, unreachable: the network. Only the first is about this host.', [
        lib.query('sum by (reason) (rate(socket_connect_failures_total{<N>}[$__rate_interval]))', '{{reason}}'),
      ], w=8, unit='cps', stack=true, runbooks=['EphemeralPortsExhausted', 'DestinationFailing']),
    ]),
    lib.row('Why?', [
      lib.lines('Sockets to the largest destinations by state', 'What holds the ports. Mostly time_wait: connections are made per request. Mostly established: they are never closed, or the load needs them. Mostly close_wait: the process does not close.', [
        lib.query('sum by (state) (socket_destination_sockets{<N>})', '{{state}}'),
      ], w=8, stack=true, runbooks=['ConnectionChurn', 'CloseWaitLeak']),
      lib.lines('TIME_WAIT of the sockets to a destination', 'Over the line, with many connections a second that live short, is churn: a client per request. The runbook says how to reuse connections in each runtime.', [
        lib.query('topk(10, %s)' % queries.churn('environment, cluster, instance, destination, destination_port, peer_service'), to + ' from {{instance}}'),
      ], w=8, unit='percentunit', max=1, thresholds=[['warning', config.churnTimeWait]], runbooks=['ConnectionChurn']),
      lib.lines('Connections shorter than a second', 'Part of the closed connections. Near 100 % with thousands of TIME_WAIT: nothing is reused.', [
        lib.query(|||
          topk(15, sum by (environment, cluster, instance, destination, destination_port, peer_service) (rate(socket_connections_short_lived_total{<N>,destination!="other"}[$__rate_interval]))
          / (sum by (environment, cluster, instance, destination, destination_port, peer_service) (rate(socket_connections_closed_total{<N>,destination!="other"}[$__rate_interval])) > 0))
        |||, to + ' from {{instance}}'),
      ], w=8, unit='percentunit', max=1, runbooks=['ConnectionChurn']),
      lib.heatmap('Search for a port', 'How long connect() looked for a free port. A cloud that rises to milliseconds is CPU time lost to a range that is over half full. Where the feature port_search_tracking is off, only searches in vain are here.',
                  queries.buckets('socket_port_search_seconds', '<N>'), runbooks=['EphemeralPortSearchSlow']),
      lib.lines('bind() that fails', 'in_use: a port asked for by number is taken. no_port: bind() to any port found none. denied: a privileged port. Restart loops and wrong unit files show here.', [
        lib.query('sum by (reason) (rate(socket_bind_failures_total{<N>}[$__rate_interval]))', '{{reason}}'),
      ], unit='cps', stack=true, runbooks=['EphemeralPortsExhausted']),
    ]),
    lib.row('Or is it another limit?', [
      lib.bars('Worst of each other limit', 'Ports are one way to run out of sockets; here are the others, worst host of each. Over the line: see Limits.', [
        lib.now('max(%s)' % of[1], of[0])
        for of in [
          ['file descriptors of a process', queries.descriptors],
          ['accept queue', queries.queues],
          ['connection tracking', queries.conntrack],
          ['TCP memory', queries.memory],
          ['orphans', queries.orphans],
          ['TIME_WAIT buckets', queries.time_wait],
        ]
      ], unit='percentunit', thresholds=[['warning', config.tableWarning], ['critical', config.tableCritical]], max=1, runbooks=['ProcessFdsNearLimit', 'ConntrackFillingUp']),
      lib.lines('Ports that connect() may take', 'The range less reserved ports and those of listeners. Small, or falling: somebody narrowed ip_local_port_range, or holds ports by bind(). More in the runbook on sysctls.', [
        lib.query('min by (environment, cluster, instance, protocol) (socket_ephemeral_ports_usable{<N>})', '{{instance}} {{protocol}}'),
      ], runbooks=['EphemeralPortsHigh'], calcs=['lastNotNull', 'min']),
    ]),
  ], 'EphemeralPort.+|ConnectionChurn|CloseWaitLeak|DestinationFailing')
