// What others are like to us: response times, connect times and failures by destination.
local queries = import 'queries.libsonnet';

function(lib)
  local config = lib.config;
  local keys = 'environment, cluster, peer_service, destination, destination_port';
  local to = '{{peer_service}} {{destination}}:{{destination_port}}';
  local failures = [['warning', config.failureWarning], ['critical', config.failureCritical]];
  local slow = [['warning', config.slowSeconds]];
  local known = ',destination!="other"';
  local p95 = queries.quantile(0.95, 'socket_response_seconds', known, keys + ', le');
  local mean = 'sum by (%(k)s) (rate(socket_response_seconds_sum{<H>%(d)s}[$__rate_interval])) / (sum by (%(k)s) (rate(socket_response_seconds_count{<H>%(d)s}[$__rate_interval])) > 0)' % { k: keys, d: known };
  local failing = queries.failing(keys, config.failureAttempts);
  local no_port = |||
    sum by (%(k)s) (rate(socket_connect_failures_total{<N>,destination!="other",reason="no_port"}[$__rate_interval]))
    / (sum by (%(k)s) (rate(socket_connect_attempts_total{<N>,destination!="other"}[$__rate_interval])) > 0)
  ||| % { k: keys };
  local responses = '0 * max(socket_exporter_feature_info{<H>,feature="response_times",state="on"})';
  local quantiles(metric) = [
    lib.query(queries.quantile(q / 100, metric, known), 'p%d' % q)
    for q in [50, 95, 99]
  ];

  lib.dashboard('socket-services', 'How other services answer: error rate, response and connect times by destination. Where there are no response times the feature response_times in Exporter health says why.', lib.narrowed([
    lib.row('Which service is bad?', [
      lib.stat('Worst service failing', 'Part of the attempts to the worst destination that fail, but for those without a free port. Red: that service, or the way to it, is down.',
               'max(%s)' % failing, zero=lib.following, unit='percentunit', thresholds=failures, runbooks=['DestinationFailing']),
      lib.stat('Worst: response p95', 'Of the slowest destination: one in twenty responses begins later than this. Orange is slow; the alert also wants it to be %g times as slow as a day ago.' % config.slowFactor,
               'max(%s)' % p95, unit='s', thresholds=slow, runbooks=['DestinationSlow']),
      lib.stat('Worst: connect p95', 'TCP handshake with the slowest destination. 1 s and 3 s are lost SYNs: the accept queue of the server, or the network.',
               'max(%s)' % queries.quantile(0.95, 'socket_connect_duration_seconds', known, keys + ', le'), unit='s', runbooks=['DestinationFailing']),
      lib.stat('connect() without a port', 'Failures that are not the services\' fault: this side has no port left. See Socket exhaustion.',
               queries.no_port, zero=lib.following, unit='cps', thresholds=[['critical', 1e-9]], runbooks=['EphemeralPortsExhausted']),
      lib.stat('Connections opened', 'To all destinations.', 'sum(rate(socket_connect_attempts_total{<N>}[$__rate_interval]))', zero=lib.following, unit='cps', runbooks=['ConnectionChurn']),
      lib.stat('Responses', 'Timed a second, of all destinations. No data: no host follows them; the feature response_times in Exporter health says why.',
               'sum(rate(socket_response_seconds_count{<H>}[$__rate_interval]))', zero=responses, unit='reqps', runbooks=['DestinationSlow']),
      lib.conditions('What the alerts wait for', 'What the alerts on destinations wait for, from the metrics: worst destination of each.', [
        lib.condition('connects fail', failing, config.failureWarning, config.failureCritical, zero=lib.following),
        lib.condition('responses are slow', p95, config.slowSeconds, zero=responses),
        lib.truth('slower than a day ago', '%s > %g * %s' % [p95, config.slowFactor, queries.quantile(0.95, 'socket_response_seconds', known, keys + ', le', ' offset 1d')], 1, zero=responses),
        lib.condition('no port left on this side', queries.no_port, critical=0, zero=lib.following),
      ], runbooks=['DestinationFailing', 'DestinationSlow']),
    ]),
    lib.row('Services', [
      lib.table('Services', 'Mean and p95 of the response time, failing connects and connections a second. Sort by what hurts. All fail with no_port: it is our ports. One fails for all hosts: it is the service.', [
        lib.cells(failing),
        lib.cells(mean),
        lib.cells(p95),
        lib.cells(queries.opens(keys)),
        lib.cells(no_port),
      ], [
        ['cluster', 'cluster', [lib.width(110)]],
        ['peer_service', 'service'],
        ['destination', 'destination'],
        ['destination_port', 'port', [lib.width(70)]],
        ['Value #A', 'connects failing', lib.share(config.failureWarning, config.failureCritical) + [lib.width(130)]],
        ['Value #E', 'no port here', lib.share(null, 1e-9) + [lib.width(110)]],
        ['Value #B', 'response mean', lib.seconds(config.slowSeconds) + [lib.width(130)]],
        ['Value #C', 'response p95', lib.seconds(config.slowSeconds) + [lib.width(120)]],
        ['Value #D', 'opened', [lib.unit('cps'), lib.width(110)]],
      ], w=24, h=7, sort='connects failing', runbooks=['DestinationFailing', 'DestinationSlow', 'EphemeralPortsExhausted']),
      lib.lines('Connects failing, by service', 'Over the red line the service is down for us. See by reason and by host below.', [
        lib.query('topk(15, %s)' % failing, to),
      ], unit='percentunit', softMax=0.3, thresholds=failures, runbooks=['DestinationFailing']),
      lib.lines('Response p95, by service', 'From the last byte of the request to the first of the answer. Rises with connect time: the network or the server\'s host. Alone: the application behind it.', [
        lib.query('topk(15, %s)' % p95, to),
      ], unit='s', thresholds=slow, runbooks=['DestinationSlow']),
    ]),
    lib.row('How do they fail?', [
      lib.lines('Failures by reason', 'refused: nothing listens. timeout: packets are lost, or a firewall drops them. reset: something in between. unreachable: routing. no_port: this side.', [
        lib.query('sum by (reason) (rate(socket_connect_failures_total{<N>}[$__rate_interval]))', '{{reason}}'),
      ], w=8, unit='cps', stack=true, runbooks=['DestinationFailing']),
      lib.lines('Failures by host', 'One host: its network, its ports. All: the service.', [
        lib.query('topk(10, sum by (environment, cluster, instance, netns) (rate(socket_connect_failures_total{<N>}[$__rate_interval])))', '{{instance}} {{netns}}'),
      ], w=8, unit='cps', datalinks=[lib.along('Host and pod detail', 'socket-connections', ['instance', 'netns'])], runbooks=['DestinationFailing']),
      lib.lines('Connections that broke', 'Established ones that ended by a reset or a timeout: proxies that restart, idle timeouts of NAT and load balancers.', [
        lib.query('topk(10, sum by (environment, cluster, peer_service, destination, destination_port, kind) (rate(socket_connections_closed_total{<N>,kind=~"reset|timeout|aborted"}[$__rate_interval])))', '{{kind}} ' + to),
      ], w=8, unit='cps', runbooks=['DestinationFailing']),
    ]),
    lib.row('How slow are they?', [
      lib.lines('Response time', 'Of all destinations but "other". p99 alone: a few slow requests. p50 too: everything waits.', quantiles('socket_response_seconds'), w=8, unit='s', thresholds=slow, runbooks=['DestinationSlow']),
      lib.heatmap('Response time', 'Two bands: a cache and a miss, or one bad backend of several. A band at a round number is a timeout.', queries.buckets('socket_response_seconds'), w=16, runbooks=['DestinationSlow']),
      lib.lines('Connect time', 'p95 of 1 s or 3 s is SYNs that are sent again: lost, or dropped by a full accept queue.', quantiles('socket_connect_duration_seconds'), w=8, unit='s', runbooks=['DestinationFailing']),
      lib.heatmap('Connect time', 'The lowest band is the round trip. Bands at 1, 3 and 7 s are SYNs sent again.', queries.buckets('socket_connect_duration_seconds'), w=16, runbooks=['DestinationFailing']),
    ]),
    lib.row('How do we use them?', [
      lib.lines('Opened, by service', 'Many that live short: no connection is reused.', [
        lib.query('topk(10, %s)' % queries.opens(keys), to),
      ], w=8, unit='cps', runbooks=['ConnectionChurn']),
      lib.lines('Sockets, by service', 'All states. A service that answers slowly needs more connections for the same load.', [
        lib.query('topk(10, sum by (%s) (socket_destination_sockets{<N>}))' % keys, to),
      ], w=8, runbooks=['EphemeralPortsHigh']),
      lib.heatmap('Lifetime of connections', 'Under a second: a connection per request. A band at 60 s or 350 s: an idle timeout in between.', queries.buckets('socket_connection_duration_seconds'), w=8, runbooks=['ConnectionChurn']),
    ]),
  ], 'destination=~"$destination"'), 'Destination.+|EphemeralPortsExhausted', [
    lib.variable('destination', 'Destination', 'label_values(%s, destination)' % lib.expression('socket_destination_sockets{<N>,destination!="other"}'), '.+'),
  ])
