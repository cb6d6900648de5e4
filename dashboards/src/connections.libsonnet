// One host, pod or container: its sockets over time, where to, by whom, and why.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local to = '{{peer_service}} {{destination}}:{{destination_port}}';
  local process = '{{namespace}} {{pod}} {{comm}}';
  local levels = [['info', config.portsSlow], ['warning', config.portsWarning], ['critical', config.portsCritical]];
  local states = 'established|time_wait|close_wait|fin_wait2|syn_sent';
  local sockets(state) = 'max(sum by (environment, cluster, job, instance, netns) (socket_tcp_sockets{<N>,state="%s"}))' % state;
  local services = lib.down('External services', 'socket-services', ['destination']);

  lib.dashboard('socket-connections', 'Sockets of one host, pod or container by state, destination and process, and what is wrong with them. Choose instance and network namespace above.', [
    lib.row('What is wrong here?', [
      lib.stat('Fullest tuple', 'Ports of the fullest tuple, of those connect() may take. Red: connect() to that destination is about to fail.',
               'max(%s)' % queries.fullest, unit='percentunit', thresholds=levels, runbooks=['EphemeralPortsHigh', 'EphemeralPortSearchSlow']),
      lib.stat('connect() without a port', 'EADDRNOTAVAIL a second. Any value is an outage towards that destination.',
               queries.no_port, zero=lib.following, unit='cps', thresholds=[['critical', 1e-9]], runbooks=['EphemeralPortsExhausted']),
      lib.stat('ESTABLISHED', 'Connections that are open, of either direction, in the namespace with most. The value of the optional alert is red: compare it with what is usual here, it is no limit of the kernel.',
               sockets('established'), thresholds=[['critical', config.establishedCritical]], runbooks=['TcpEstablishedHigh']),
      lib.stat('TIME_WAIT', 'Closed connections that hold their port for 60 s more, in the namespace with most. Harmless when spread over destinations; see the fullest tuple.',
               sockets('time_wait'), thresholds=[['warning', config.timeWaitWarning]], runbooks=['TcpTimeWaitHigh', 'ConnectionChurn']),
      lib.stat('CLOSE_WAIT of a process', 'Of the one with most. The peer has closed, the process has not. Over the line and never less: a leak; find the process below.',
               'max(socket_process_sockets{<N>,state="close_wait"})', thresholds=[['warning', config.closeWaitFloor]], runbooks=['CloseWaitLeak']),
      lib.stat('Connections opened', 'Outgoing, to all destinations. Thousands that last under a second are churn.',
               'sum(rate(socket_connect_attempts_total{<N>}[$__rate_interval]))', zero=lib.following, unit='cps', runbooks=['ConnectionChurn']),
      lib.conditions('What the alerts wait for', 'From the metrics; below them the alerts themselves. The first line to leave green is usually the cause.', [
        lib.condition('ports of the fullest tuple', queries.fullest, config.portsWarning, config.portsCritical, config.portsSlow),
        lib.condition('connect() without a port', queries.no_port, critical=0, zero=lib.following),
        lib.truth('CLOSE_WAIT of a process', |||
          min_over_time(socket_process_sockets{<N>,comm!="other",state="close_wait"}[15m]) > %(closeWaitFloor)g
        ||| % config, 2),
        lib.truth('churn', |||
          (%s > %g) and on (environment, cluster, job, instance, netns, destination, destination_port)
          sum by (environment, cluster, job, instance, netns, destination, destination_port) (rate(socket_connect_attempts_total{<N>,destination!="other"}[$__rate_interval])) > %g
        ||| % [queries.churn('environment, cluster, job, instance, netns, destination, destination_port'), config.churnTimeWait, config.churnOpens], 2),
        lib.condition('connects fail', queries.failing('environment, cluster, destination, destination_port', config.failureAttempts), config.failureWarning, config.failureCritical, zero=lib.following),
        lib.condition('file descriptors', queries.descriptors, config.descriptors),
        lib.alerts('CloseWaitLeak|ConnectionChurn|EphemeralPort.+|ProcessFdsNearLimit'),
      ], runbooks=['CloseWaitLeak', 'ConnectionChurn']),
    ]),
    lib.row('States over time', [
      lib.lines('TCP sockets by state', 'All sockets of the namespace. A time_wait that outgrows established is churn; a close_wait that only rises is a leak; many syn_sent: a destination does not answer.', [
        lib.query('sum by (state) (socket_tcp_sockets{<N>,state=~"%s"})' % states, '{{state}}'),
        lib.query('sum(socket_tcp_sockets{<N>,state!~"%s|listen|close"})' % states, 'other'),
      ], h=9, stack=true, runbooks=['ConnectionChurn', 'CloseWaitLeak']),
      lib.lines('Ports used by tuple', 'Each line is a (source, destination, port) with ports of its own. At 100 % connect() to it fails, while others go on.', [
        lib.query('topk(10, max by (source, destination, destination_port, peer_service) (%s))' % queries.tuples, '{{source}} → ' + to),
      ], h=9, unit='percentunit', max=1, thresholds=levels, runbooks=['EphemeralPortsHigh', 'EphemeralPortSearchSlow']),
    ]),
    lib.row('Where to?', [
      lib.lines('Outgoing sockets by destination', 'The destinations with the most sockets; all the rest is "other". One that grows alone: its pool, or its clients per request.', [
        lib.query('topk(10, sum by (destination, destination_port, peer_service) (socket_destination_sockets{<N>}))', to),
      ], w=10, h=9, runbooks=['EphemeralPortsHigh']),
      lib.table('Destinations by state', 'What the sockets to each destination do now, and the process with most of them. Click a destination for its failures and response times.', [
        lib.cells('topk(30, sum by (destination, destination_port, peer_service, comm, state) (socket_destination_sockets{<N>}) > 0)'),
      ], [
        ['Value', 'sockets', [lib.unit('locale'), lib.width(80)]],
        ['state', 'state', [lib.width(105)]],
        ['destination', 'destination', [lib.linked([services])]],
        ['destination_port', 'port', [lib.width(65)]],
        ['peer_service', 'service'],
        ['comm', 'process'],
      ], w=14, h=9, sort='sockets', runbooks=['EphemeralPortsExhausted']),
    ]),
    lib.row('Who?', [
      lib.lines('Sockets by process', 'With outgoing TIME_WAIT, counted where its connections were opened. The steepest line is whom to look at first.', [
        lib.query('topk(10, sum by (namespace, pod, comm) (socket_process_sockets{<N>}))', process),
      ], w=8, runbooks=['ConnectionChurn']),
      lib.lines('CLOSE_WAIT by process', 'A line that stays over the threshold and only rises does not close its sockets: a response body that nobody reads, a pool that forgets. Restarting helps until it is full again.', [
        lib.query('topk(10, sum by (namespace, pod, comm) (socket_process_sockets{<N>,state="close_wait"}))', process),
      ], w=8, thresholds=[['warning', config.closeWaitFloor]], runbooks=['CloseWaitLeak']),
      lib.lines('File descriptors by process', 'Of their limit. At 100 % socket() and accept() fail with EMFILE: raise LimitNOFILE, then find the leak.', [
        lib.query('topk(10, max by (namespace, pod, comm) (%s))' % queries.descriptors, process),
      ], w=8, unit='percentunit', max=1, thresholds=[['warning', config.descriptors]], runbooks=['ProcessFdsNearLimit']),
    ]),
    lib.row('Churn and lifetimes', [
      lib.lines('Opened by process and destination', 'Attempts by process and destination.', [
        lib.query('topk(15, %s)' % queries.opens('pod, comm, destination, destination_port'), '{{pod}} {{comm}} → {{destination}}:{{destination_port}}'),
      ], w=8, unit='cps', thresholds=[['warning', config.churnOpens]], runbooks=['ConnectionChurn']),
      lib.lines('Closed a second, by what ended them', 'active: this side closed first, and pays with TIME_WAIT. passive: the peer did. reset, timeout, aborted: they broke.', [
        lib.query('sum by (kind) (rate(socket_connections_closed_total{<N>}[$__rate_interval]))', '{{kind}}'),
        lib.query('sum(rate(socket_time_wait_created_total{<N>}[$__rate_interval]))', 'left in TIME_WAIT'),
      ], w=8, unit='cps', runbooks=['ConnectionChurn']),
      lib.lines('Who opened the connections', 'Part of a destination\'s connections in the last minute. This is how TIME_WAIT, which has no process any more, gets one.', [
        lib.query('topk(15, max by (pod, comm, destination, destination_port) (socket_destination_opener_ratio{<N>}))', '{{pod}} {{comm}} → {{destination}}:{{destination_port}}'),
      ], w=8, unit='percentunit', max=1, runbooks=['ConnectionChurn']),
      lib.heatmap('Lifetime of connections', 'Of all namespaces of the host. A dark band under 1 s with many connections: one per request. Bands at round seconds are timeouts of pools and proxies.',
                  queries.buckets('socket_connection_duration_seconds'), runbooks=['ConnectionChurn']),
      lib.heatmap('Time in CLOSE_WAIT', 'Of all namespaces of the host: from the peer\'s FIN until this side closed too. Seconds and more: the application notices late, or a timer does it. Sockets that are still in CLOSE_WAIT are not here.',
                  queries.buckets('socket_close_wait_seconds'), runbooks=['CloseWaitLeak']),
    ]),
    lib.row('Listeners', [
      lib.lines('Sockets by listening port', 'Incoming connections. A step down is a restart; a slow rise without more requests is clients that do not close.', [
        lib.query('topk(10, sum by (port) (socket_inbound_sockets{<N>}))', 'port {{port}}'),
      ], w=10, runbooks=['ListenQueueFull']),
      lib.table('Accept queues', 'Connections that wait for accept(), of the backlog. Over 100 %: new connections are dropped, the process is stuck or too slow.', [
        lib.cells('topk(20, %s)' % queries.queues),
      ], [
        ['Value', 'filled', lib.share(1) + [lib.width(90)]],
        ['address', 'address'],
        ['port', 'port', [lib.width(80)]],
        ['comm', 'process'],
        ['netns', 'namespace'],
      ], w=14, sort='filled', runbooks=['ListenQueueFull']),
    ]),
    lib.row('Settings', [
      lib.table('Sysctls', 'As they are in the chosen namespaces. tcp_tw_reuse 0 or 2 with many TIME_WAIT, a small somaxconn: the runbook on sysctls has their risks.', [
        lib.cells('max by (netns, name) (socket_sysctl_value{<N>})'),
      ], [
        ['name', 'sysctl'],
        ['Value', 'value', [lib.unit('none'), lib.width(110)]],
        ['netns', 'namespace'],
      ], w=8, runbooks=['EphemeralPortsHigh']),
      lib.lines('Ports', 'Of the fullest namespace. range: of ip_local_port_range. usable: less reserved and bound ones. used: held by any socket. Only used of the same tuple counts for connect().', [
        lib.query('max(socket_ephemeral_port_range_ports{<N>})', 'range'),
        lib.query('max(socket_ephemeral_reserved_ports{<N>})', 'reserved'),
        lib.query('min by (protocol) (socket_ephemeral_ports_usable{<N>})', 'usable {{protocol}}'),
        lib.query('max by (protocol) (socket_ephemeral_ports_used{<N>})', 'used {{protocol}}'),
      ], w=8, runbooks=['EphemeralPortsHigh']),
      lib.table('Network namespaces', 'Those that are chosen, and whose they are. One without a pod or container is by a name in /run/netns, or its inode.', [
        lib.cells('max by (environment, cluster, instance, netns, pod, container) (socket_netns_info{<N>})'),
      ], [
        ['netns', 'namespace'],
        ['pod', 'pod', [lib.width(90)]],
        ['container', 'container', [lib.width(90)]],
        ['instance', 'host', [lib.width(150)]],
      ], w=8, runbooks=['SocketExporterLabelOverflow']),
    ]),
  ], 'CloseWaitLeak|ConnectionChurn|EphemeralPort.+|ProcessFdsNearLimit')
