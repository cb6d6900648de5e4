// Expressions that several dashboards have. None needs the recording rules.
{
  local on = 'on (environment, cluster, job, instance, netns, protocol)',
  // Part of the ports that the fullest tuple of each namespace has used up; of each tuple shown.
  fullest: 'socket_ephemeral_tuple_ports_used_max{<N>} / %s (socket_ephemeral_ports_usable{<N>} > 0)' % on,
  tuples: 'socket_ephemeral_tuple_ports_used{<N>} / %s group_left () (socket_ephemeral_ports_usable{<N>} > 0)' % on,
  // Seconds until the first tuple is full, if it goes on as in the last 15 minutes; a day at most.
  seconds_left: |||
    clamp_max(clamp_min(min(
      (socket_ephemeral_ports_usable{<N>} - socket_ephemeral_tuple_ports_used_max{<N>})
      / clamp_min(deriv(socket_ephemeral_tuple_ports_used_max{<N>}[15m]), 1e-9)
    ), 0), 86400)
  |||,
  no_port: 'sum(rate(socket_connect_failures_total{<N>,reason="no_port"}[$__rate_interval]))',
  // Part of the attempts that fail for another reason than a missing port; of destinations with enough attempts.
  failing(labels, attempts): |||
    sum by (%(labels)s) (rate(socket_connect_failures_total{<N>,destination!="other",reason!="no_port"}[$__rate_interval]))
    / (sum by (%(labels)s) (rate(socket_connect_attempts_total{<N>,destination!="other"}[$__rate_interval])) > %(attempts)g)
  ||| % { labels: labels, attempts: attempts },
  churn(labels): |||
    sum by (%(labels)s) (socket_destination_sockets{<N>,destination!="other",state="time_wait"})
    / (sum by (%(labels)s) (socket_destination_sockets{<N>,destination!="other"}) > 0)
  ||| % { labels: labels },
  opens(labels): 'sum by (%s) (rate(socket_connect_attempts_total{<N>}[$__rate_interval]))' % labels,
  quantile(q, metric, matchers='', by='le', more=''): 'histogram_quantile(%g, sum by (%s) (rate(%s_bucket{<H>%s}[$__rate_interval]%s)))' % [q, by, metric, matchers, more],
  buckets(metric, selector='<H>'): 'sum by (le) (increase(%s_bucket{%s}[$__rate_interval]))' % [metric, selector],
  descriptors: 'socket_process_open_fds{<N>} / (socket_process_fds_limit{<N>} > 0)',
  queues: 'socket_listen_queue_length{<N>} / (socket_listen_queue_limit{<N>} > 0)',
  conntrack: 'node_nf_conntrack_entries{<H>} / (node_nf_conntrack_entries_limit{<H>} > 0)',
  memory: 'socket_tcp_memory_pages{<H>} / on (environment, cluster, job, instance) group_left () (socket_tcp_memory_limit_pages{<H>,level="high"} > 0)',
  orphans: 'socket_tcp_orphans{<H>} / (socket_tcp_orphans_limit{<H>} > 0)',
  time_wait: |||
    sum without (family, state) (socket_tcp_sockets{<N>,state="time_wait"})
    / on (environment, cluster, job, instance, netns) group_left () (socket_tcp_time_wait_limit{<N>} > 0)
  |||,
  overflows: 'rate(node_netstat_TcpExt_ListenOverflows{<H>}[$__rate_interval])',
}
