// Ephemeral ports.
local lib = import 'lib.libsonnet';

{
  local config = $._config,
  local fill = config { host: std.join(', ', config.hostLabels) },
  local alert = lib.alerts(config).alert,
  local towards = '{{ $labels.source }} -> ' + lib.destination,
  local tuple = ['job', 'instance', 'netns', 'protocol', 'source', 'destination', 'destination_port'],
  local used = lib.percent + ' of the {{ $labels.protocol }} ports for ' + towards + ' on ' + lib.host + ' are in use',
  local by = { process: lib.openers(lib.found('socket_ephemeral_tuple_ports_used', tuple, '{{ .Labels.comm }}')) },

  prometheusAlerts+:: {
    groups+: [{
      name: 'socket-exporter-ports',
      rules: [
        lib.record('tuple:socket_ephemeral_tuple_ports_used:ratio', |||
          max without (comm) (socket_ephemeral_tuple_ports_used{%(selector)s})
          / on (%(host)s, netns, protocol) group_left ()
          (socket_ephemeral_ports_usable{%(selector)s} > 0)
        ||| % fill),
        alert(
          'EphemeralPortsExhausted',
          'critical',
          'rate(socket_connect_failures_total{%(selector)s,reason="no_port"}[2m]) > 0\n' % config,
          'Connections fail because no local port is left.',
          '{{ $value | humanize }} connect() a second of ' + lib.process + ' to ' + lib.destination + ' on ' + lib.host +
          ' fail with EADDRNOTAVAIL.',
          pending='1m',
          keep=true,
          more={ process: lib.process },
        ),
        alert(
          'EphemeralPortsHigh',
          'critical',
          'tuple:socket_ephemeral_tuple_ports_used:ratio{%(selector)s} > %(portsCritical)g\n' % config,
          'Ephemeral ports to one destination are about to run out.',
          used + '; at 100% connect() fails.',
          pending='2m',
          keep=true,
          more=by,
        ),
        alert(
          'EphemeralPortsHigh',
          'warning',
          'tuple:socket_ephemeral_tuple_ports_used:ratio{%(selector)s} > %(portsWarning)g\n' % config,
          'Many ephemeral ports to one destination are in use.',
          used + '; at 100% connect() fails.',
          pending='5m',
          keep=true,
          more=by,
        ),
        alert(
          'EphemeralPortsFillingUp',
          'warning',
          |||
            tuple:socket_ephemeral_tuple_ports_used:ratio{%(selector)s} > %(portsSlow)g
            and predict_linear(tuple:socket_ephemeral_tuple_ports_used:ratio{%(selector)s}[15m], %(portsFillSeconds)g) > 1
          ||| % config,
          'Ephemeral ports to one destination will soon run out.',
          used + ', and at the rate of the last 15 minutes all will be within {{ %g | humanizeDuration }}.' % config.portsFillSeconds,
          pending='5m',
          keep=true,
          more=by,
        ),
        alert(
          'EphemeralPortSearchSlow',
          'info',
          'tuple:socket_ephemeral_tuple_ports_used:ratio{%(selector)s} > %(portsSlow)g\n' % config,
          'connect() searches long for a free port.',
          used + '; from half on connect() tries many ports before it finds one.',
          pending='10m',
          keep=true,
          more=by,
        ),
      ],
    }],
  },
}
