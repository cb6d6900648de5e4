// The other limits: descriptors, accept queues, connection tracking, memory, orphans, TIME_WAIT.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local table = [['warning', config.tableWarning], ['critical', config.tableCritical]];
  local host = '{{instance}}';
  local hosts = [lib.along('Host and pod detail', 'socket-connections', ['instance'])];
  local namespaces = [lib.along('Host and pod detail', 'socket-connections', ['instance', 'netns'])];
  local rate(field) = 'sum by (environment, cluster, instance) (rate(node_netstat_%s{<H>}[$__rate_interval]))' % field;
  local stat(title, description, expr, thresholds, runbook) = lib.stat(title, description, 'max(%s)' % expr, unit='percentunit', thresholds=thresholds, runbooks=[runbook]);

  lib.dashboard('socket-limits', 'Limits other than ports at which connections fail: descriptors, accept queues, connection tracking, TCP memory, orphans, TIME_WAIT buckets.', [
    lib.row('Which limit is near?', [
      stat('File descriptors', 'Of the fullest process. At 100 % socket() and accept() fail with EMFILE: raise LimitNOFILE and restart; find the leak.', queries.descriptors, [['warning', config.descriptors]], 'ProcessFdsNearLimit'),
      stat('Accept queue', 'The fullest. Over 100 % connections are dropped: the server does not accept fast enough.', queries.queues, [['warning', 1]], 'ListenQueueFull'),
      stat('Connection tracking', 'At 100 % packets of new connections are dropped, of all processes: raise nf_conntrack_max now, it takes effect at once.', queries.conntrack, table, 'ConntrackFillingUp'),
      stat('TCP memory', 'Of tcp_mem high. From pressure on windows shrink; at 100 % connections are reset.', queries.memory, table, 'TcpMemoryPressure'),
      stat('Orphans', 'Sockets without a process, of tcp_max_orphans. Beyond it connections are reset instead of closed.', queries.orphans, table, 'OrphansHigh'),
      stat('TIME_WAIT buckets', 'Of tcp_max_tw_buckets, the fullest namespace. Beyond it connections skip TIME_WAIT, which is worse for correctness than for ports.', queries.time_wait, [['warning', config.tableCritical]], 'TimeWaitBucketsFull'),
      lib.conditions('What the alerts wait for', 'From the metrics, worst host of each; below them the alerts themselves.', [
        lib.condition('file descriptors', queries.descriptors, config.descriptors),
        lib.truth('accept queue full', 'max without (comm) (socket_listen_queue_length{<N>}) > max without (comm) (socket_listen_queue_limit{<N>})', 2),
        lib.condition('accept queue overflows', queries.overflows, 0),
        lib.condition('connection tracking', queries.conntrack, config.tableWarning, config.tableCritical),
        lib.condition('TCP memory', queries.memory, config.tableWarning, config.tableCritical),
        lib.condition('orphans', queries.orphans, config.tableWarning, config.tableCritical),
        lib.condition('TIME_WAIT buckets', queries.time_wait, config.tableCritical),
        lib.alerts('ProcessFdsNearLimit|ListenQueue.+|ConntrackFillingUp|TcpMemoryPressure|OrphansHigh|TimeWaitBucketsFull'),
      ], runbooks=['ProcessFdsNearLimit', 'ConntrackFillingUp']),
    ]),
    lib.row('Processes and servers', [
      lib.lines('File descriptors of the fullest processes', 'Of their limit. A straight rise is a leak.', [
        lib.query('topk(10, max by (environment, cluster, instance, namespace, pod, comm) (%s))' % queries.descriptors, '{{instance}} {{namespace}} {{pod}} {{comm}}'),
      ], w=8, unit='percentunit', thresholds=[['warning', config.descriptors]], datalinks=hosts, runbooks=['ProcessFdsNearLimit']),
      lib.lines('Fullest accept queues', 'Connections that wait for accept(), of the backlog. Above 100 % the next ones are dropped.', [
        lib.query('topk(10, max by (environment, cluster, instance, netns, address, port) (%s))' % queries.queues, '{{instance}} {{netns}} {{address}}:{{port}}'),
      ], w=8, unit='percentunit', thresholds=[['warning', 1]], datalinks=namespaces, runbooks=['ListenQueueFull']),
      lib.lines('Connections dropped by full accept queues', 'Clients see a connect() that takes 1, 3, 7 s, or fails. Any value is worth a look.', [
        lib.query(rate('TcpExt_ListenOverflows'), host + ' overflows'),
        lib.query(rate('TcpExt_ListenDrops'), host + ' drops'),
      ], w=8, unit='cps', thresholds=[['warning', 1e-9]], runbooks=['ListenQueueOverflow']),
    ]),
    lib.row('Tables of the kernel', [
      lib.lines('Connection tracking by host', 'Entries of the limit. Each flow of each pod takes one, UDP and DNS too; closed ones for 120 s.', [
        lib.query('max by (environment, cluster, instance) (%s)' % queries.conntrack, host),
      ], w=8, unit='percentunit', thresholds=table, datalinks=hosts, runbooks=['ConntrackFillingUp']),
      lib.lines('Packets lost by connection tracking', 'drop, early drop: the table was full. insert failed: two packets of one flow at once, as with DNS.', [
        lib.query('sum(rate(node_nf_conntrack_stat_%s{<H>}[$__rate_interval]))' % std.strReplace(of, ' ', '_'), of)
        for of in ['drop', 'early drop', 'insert failed']
      ], w=8, unit='pps', runbooks=['ConntrackFillingUp']),
      lib.lines('TIME_WAIT of its limit', 'By namespace. Ports run out long before this does, unless connections go to many destinations.', [
        lib.query('topk(10, max by (environment, cluster, instance, netns) (%s))' % queries.time_wait, '{{instance}} {{netns}}'),
      ], w=8, unit='percentunit', thresholds=[['warning', config.tableCritical]], datalinks=namespaces, runbooks=['TimeWaitBucketsFull']),
    ]),
    lib.row('Memory', [
      lib.lines('TCP memory by host', 'What buffers take, of the third value of tcp_mem. Rising without more connections: readers that do not read.', [
        lib.query('max by (environment, cluster, instance) (%s)' % queries.memory, host),
      ], w=8, unit='percentunit', softMax=0.1, thresholds=table, datalinks=hosts, runbooks=['TcpMemoryPressure']),
      lib.lines('Orphans by host', 'Sockets that no process owns and that still have data or a FIN to send, of tcp_max_orphans.', [
        lib.query('max by (environment, cluster, instance) (%s)' % queries.orphans, host),
      ], w=8, unit='percentunit', softMax=0.1, thresholds=table, datalinks=hosts, runbooks=['OrphansHigh']),
      lib.lines('Retransmitted segments', 'Not a limit, but what looks like one: lost packets make connects and answers slow.', [
        lib.query(rate('Tcp_RetransSegs'), host),
      ], w=8, unit='pps', datalinks=hosts, runbooks=['DestinationSlow']),
    ]),
  ], 'ProcessFdsNearLimit|ListenQueue.+|ConntrackFillingUp|TcpMemoryPressure|OrphansHigh|TimeWaitBucketsFull')
