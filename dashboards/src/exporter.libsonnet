// Whether all the others can be believed.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local sum(metric, matchers='', by='environment, cluster, instance') = 'sum by (%s) (rate(%s{<H>%s}[$__rate_interval]))' % [by, metric, matchers];
  local failing = sum('socket_exporter_collector_errors_total', ',kind!="unavailable"', 'environment, cluster, instance, collector');
  local missed = sum('socket_exporter_bpf_missed_events_total', '', 'environment, cluster, instance, program');
  local left_out = 'sum by (environment, cluster, instance, metric) (rate(socket_exporter_label_overflow_total{<H>}[$__rate_interval])) / on (environment, cluster, instance) group_left () (sum by (environment, cluster, instance) (rate(socket_exporter_scans_total{<H>}[$__rate_interval])) > 0)';
  local off = 'socket_exporter_feature_info{<H>,state="off"}';

  lib.dashboard('socket-exporter', 'Whether socket_exporter answers, sees all that it can, and what it costs.', [
    lib.row('Can the other dashboards be believed?', [
      lib.stat('Down', 'Hosts whose exporter does not answer Prometheus: nothing of them is in any dashboard.', 'count(up{<H>} == 0)', zero='0 * count(up{<H>})', thresholds=[['warning', 1]], runbooks=['SocketExporterDown']),
      lib.stat('Collectors failing', 'On all hosts; their metrics are missing. The log says which file or call.', 'count(socket_exporter_collector_success{<H>} == 0)', zero=lib.alive, thresholds=[['warning', 1]], runbooks=['SocketExporterCollectorFailing']),
      lib.stat('Features off', 'What hosts do not offer: old kernels, missing capabilities. Not an error by itself; the table says why.', 'count(%s)' % off, zero=lib.alive, thresholds=[['info', 1]], runbooks=['SocketExporterFeatureLost']),
      lib.stat('Events missed', 'A second, by eBPF programs: counters are too low by that.', 'sum(%s)' % missed, zero=lib.alive, unit='cps', thresholds=[['warning', config.missedEvents]], runbooks=['SocketExporterMissedEvents']),
      lib.stat('Left out of a scrape', 'Label sets beyond a metric\'s limit, the worst metric: they are in "other", sums are exact. Raise --collector.*.top if you miss them.', 'max(%s)' % left_out, zero=lib.alive, thresholds=[['info', config.leftOut]], runbooks=['SocketExporterLabelOverflow']),
      lib.stat('Scan of the sockets', 'Of the slowest host. Near the scrape timeout series get lost.', 'max(socket_exporter_scan_duration_seconds{<H>})', unit='s', runbooks=['SocketExporterDown']),
      lib.conditions('What the alerts wait for', 'From the metrics; below them the alerts themselves.', [
        lib.truth('an exporter is down', 'up{<H>} == 0', 2, zero='0 * count(up{<H>})'),
        lib.condition('collectors fail', failing, 0),
        lib.truth('a feature was lost', 'socket_exporter_feature_info{<H>,state="off"} and on (environment, cluster, job, instance, feature) count_over_time(socket_exporter_feature_info{<H>,state="on"}[1d]) > 0', 2),
        lib.condition('events are missed', missed, config.missedEvents),
        lib.condition('labels are left out', left_out, info=config.leftOut),
        lib.alerts('SocketExporter.+'),
      ], runbooks=['SocketExporterDown', 'SocketExporterCollectorFailing']),
    ]),
    lib.row('What is missing, and why?', [
      lib.table('Features', 'What hosts offer: those without a feature first, each by name, then how many have it. Off: the reason says what to change: a capability, a newer kernel, a flag.', [
        lib.cells(|||
          max by (environment, cluster, instance, feature, state, reason) (socket_exporter_feature_info{<H>,state="off"})
          or count by (feature, state, reason) (socket_exporter_feature_info{<H>,state="on"})
        |||),
      ], [
        ['state', 'state', lib.state + [lib.width(70)]],
        ['feature', 'feature', [lib.width(190)]],
        ['Value', 'hosts', [lib.unit('locale'), lib.width(70)]],
        ['instance', 'host', [lib.width(170)]],
        ['reason', 'reason'],
      ], w=14, sort='state', descending=false, runbooks=['SocketExporterFeatureLost']),
      lib.lines('Collectors that fail', 'By kind: denied is a capability, timeout a scrape deadline, malformed a kernel that we do not know: report it.', [
        lib.query(sum('socket_exporter_collector_errors_total', '', 'collector, kind') + ' > 0 or ' + sum('socket_exporter_collector_errors_total', '', 'kind'), '{{collector}} {{kind}}'),
      ], w=10, h=9, unit='cps', runbooks=['SocketExporterCollectorFailing']),
      lib.lines('Missed events', 'By eBPF program. Over the line counters of connections are too low.', [
        lib.query(sum('socket_exporter_bpf_missed_events_total', '', 'program'), '{{program}}'),
      ], w=8, unit='cps', thresholds=[['warning', config.missedEvents]], runbooks=['SocketExporterMissedEvents']),
      lib.lines('Label sets left out of a scrape', 'By metric: what is in "other". Over the line its top list is too short for this host.', [
        lib.query('max by (metric) (%s)' % left_out, '{{metric}}'),
      ], w=8, thresholds=[['info', config.leftOut]], runbooks=['SocketExporterLabelOverflow']),
      lib.lines('Scans repeated', 'interrupted: the kernel said the table changed, and the pass was repeated. chains: parts that were read anew. Neither loses anything; both cost time.', [
        lib.query(sum('socket_exporter_scans_interrupted_total'), '{{instance}} interrupted'),
        lib.query(sum('socket_exporter_scan_chain_restarts_total'), '{{instance}} chains'),
      ], w=8, unit='cps', runbooks=['SocketExporterMissedEvents']),
    ]),
    lib.row('What does it cost?', [
      lib.lines('CPU time', 'Of one CPU, by host. Rises with sockets and with how often it is scraped.', [
        lib.query(sum('process_cpu_seconds_total'), '{{instance}}'),
      ], w=8, unit='percentunit', runbooks=['SocketExporterDown']),
      lib.lines('Memory', 'Resident. Constant after the first minutes; a steady rise is a leak: report it.', [
        lib.query('max by (environment, cluster, instance) (process_resident_memory_bytes{<H>})', '{{instance}}'),
      ], w=8, unit='bytes', runbooks=['SocketExporterDown']),
      lib.lines('Open descriptors', 'Constant after the first minutes; a steady rise is a leak: report it.', [
        lib.query('max by (environment, cluster, instance) (process_open_fds{<H>})', '{{instance}}'),
      ], w=8, runbooks=['ProcessFdsNearLimit']),
      lib.lines('Collectors', 'Time each takes in a scrape, the slowest host. Switch off what you do not need.', [
        lib.query('topk(10, max by (collector) (socket_exporter_collector_duration_seconds{<H>}))', '{{collector}}'),
      ], w=8, unit='s', runbooks=['SocketExporterCollectorFailing']),
      lib.lines('Scan', 'One pass over the sockets of all network namespaces, with what collectors do meanwhile.', [
        lib.query('max by (environment, cluster, instance) (socket_exporter_scan_duration_seconds{<H>})', '{{instance}}'),
      ], w=8, unit='s', runbooks=['SocketExporterDown']),
      lib.lines('Sockets met', 'By the scan, and network namespaces found.', [
        lib.query('max by (environment, cluster, instance) (socket_exporter_scan_sockets{<H>})', '{{instance}} sockets'),
        lib.query('max by (environment, cluster, instance) (socket_exporter_network_namespaces{<H>})', '{{instance}} namespaces'),
      ], w=8, runbooks=['SocketExporterLabelOverflow']),
    ]),
    lib.row('Who asks it, and what runs?', [
      lib.lines('HTTP requests', 'By code. 503: too many at once, or too slow.', [
        lib.query('sum by (code, path) (rate(socket_exporter_http_requests_total{<H>}[$__rate_interval])) > 0', '{{code}} {{path}}'),
      ], w=8, unit='reqps', runbooks=['SocketExporterDown']),
      lib.table('Builds', 'One row per version that runs. Several: a rollout that is not over.', [
        lib.cells('count by (version, revision, compiler) (socket_exporter_build_info{<H>})'),
      ], [
        ['version', 'version', [lib.width(90)]],
        ['revision', 'revision', [lib.width(110)]],
        ['compiler', 'compiler'],
        ['Value', 'hosts', [lib.unit('locale'), lib.width(80)]],
      ], w=8, runbooks=['SocketExporterDown']),
      lib.table('Configuration', 'When the file in force was read, and whether the last read succeeded: 0 means that a wrong file is ignored since then.', [
        lib.cells('1000 * max by (environment, cluster, instance) (socket_exporter_config_last_reload_success_timestamp_seconds{<H>})'),
        lib.cells('min by (environment, cluster, instance) (socket_exporter_config_last_reload_successful{<H>})'),
      ], [
        ['instance', 'host'],
        ['Value #A', 'read', [lib.unit('dateTimeAsIso'), lib.width(180)]],
        ['Value #B', 'succeeded', [lib.unit('bool_yes_no'), lib.width(100)]],
      ], w=8, runbooks=['SocketExporterDown']),
    ]),
  ], 'SocketExporter.+')
