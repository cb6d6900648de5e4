// Other limits of processes, listeners and the kernel.
local lib = import 'lib.libsonnet';

{
  local config = $._config,
  local fill = config { host: std.join(', ', config.hostLabels) },
  local alert = lib.alerts(config).alert,
  local listener = ['job', 'instance', 'netns', 'address', 'port'],
  local table(name, metric, summary, text) = [
    alert(
      name,
      severity,
      '%s{%s} > %g\n' % [metric, config.selector, threshold],
      summary,
      lib.percent + ' of ' + text,
      pending='5m',
      keep=true,
      dashboard='socket-limits',
    )
    for severity in ['critical', 'warning']
    for threshold in [if severity == 'critical' then config.tableCritical else config.tableWarning]
  ],

  prometheusAlerts+:: {
    groups+: [{
      name: 'socket-exporter-limits',
      rules: [
        lib.record('instance:node_nf_conntrack_entries:ratio', |||
          node_nf_conntrack_entries{%(selector)s} / (node_nf_conntrack_entries_limit{%(selector)s} > 0)
        ||| % fill),
        lib.record('instance:socket_tcp_memory:ratio', |||
          socket_tcp_memory_pages{%(selector)s}
          / on (%(host)s) group_left ()
          (socket_tcp_memory_limit_pages{%(selector)s,level="high"} > 0)
        ||| % fill),
        lib.record('instance:socket_tcp_orphans:ratio', |||
          socket_tcp_orphans{%(selector)s} / (socket_tcp_orphans_limit{%(selector)s} > 0)
        ||| % fill),
        alert(
          'ProcessFdsNearLimit',
          'warning',
          'socket_process_open_fds{%(selector)s} / (socket_process_fds_limit{%(selector)s} > 0) > %(descriptors)g\n' % config,
          'A process is about to run out of file descriptors.',
          lib.percent + ' of the file descriptors of ' + lib.process + ' on ' + lib.host +
          ' are open; at 100% socket() and accept() fail with EMFILE.',
          pending='5m',
          keep=true,
          dashboard='socket-limits',
          more={ process: lib.process },
        ),
        alert(
          'ListenQueueFull',
          'warning',
          |||
            max without (comm) (socket_listen_queue_length{%(selector)s})
            > max without (comm) (socket_listen_queue_limit{%(selector)s})
          ||| % config,
          'A server does not accept its connections fast enough.',
          'The accept queue of {{ $labels.address }}:{{ $labels.port }} on ' + lib.host +
          ' is full with {{ $value }} connections; further ones are dropped.',
          pending='5m',
          dashboard='socket-limits',
          more={ process: lib.found('socket_listen_queue_length', listener, '{{ .Labels.comm }}') },
        ),
        alert(
          'ListenQueueOverflow',
          'warning',
          |||
            rate(node_netstat_TcpExt_ListenOverflows{%(selector)s}[5m]) > 0
            or rate(socket_netns_netstat{%(selector)s,netns!="host",field="TcpExt_ListenOverflows"}[5m]) > 0
          ||| % config,
          'Connections are dropped because an accept queue is full.',
          '{{ $value | humanize }} connections a second find a full accept queue on ' + lib.host + '.',
          pending='5m',
          keep=true,
          dashboard='socket-limits',
        ),
      ] + table(
        'ConntrackFillingUp',
        'instance:node_nf_conntrack_entries:ratio',
        'The connection tracking table is filling up.',
        'the connection tracking table of {{ $labels.instance }} is in use; when it is full, packets of new connections are dropped.',
      ) + table(
        'TcpMemoryPressure',
        'instance:socket_tcp_memory:ratio',
        'TCP buffers take nearly all memory that they may.',
        'the memory for TCP buffers of {{ $labels.instance }} is in use; from tcp_mem pressure on windows shrink, ' +
        'at 100% connections are reset.',
      ) + table(
        'OrphansHigh',
        'instance:socket_tcp_orphans:ratio',
        'Many TCP sockets have no process any more.',
        'tcp_max_orphans of {{ $labels.instance }} are in use; beyond it connections are reset instead of closed.',
      ) + [
        alert(
          'TimeWaitBucketsFull',
          'warning',
          |||
            sum without (family, state) (socket_tcp_sockets{%(selector)s,state="time_wait"})
            / on (%(host)s, netns) group_left ()
            (socket_tcp_time_wait_limit{%(selector)s} > 0)
            > %(tableCritical)g
          ||| % fill,
          'The limit of TIME_WAIT sockets is nearly reached.',
          lib.percent + ' of tcp_max_tw_buckets on ' + lib.host + ' are in use; beyond it connections skip TIME_WAIT.',
          pending='5m',
          keep=true,
          dashboard='socket-limits',
        ),
      ],
    }],
  },
}
