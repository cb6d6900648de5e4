// The files that dashboards/generate writes; `config` as for alerts/generate.
function(config={})
  local lib = (import 'lib.libsonnet')(((import '../../alerts/src/mixin.libsonnet') + { _config+:: config })._config);
  {
    'socket-ports.json': (import 'ports.libsonnet')(lib),
    'socket-connections.json': (import 'connections.libsonnet')(lib),
    'socket-services.json': (import 'services.libsonnet')(lib),
    'socket-websocket.json': (import 'websocket.libsonnet')(lib),
    'socket-limits.json': (import 'limits.libsonnet')(lib),
    'socket-exporter.json': (import 'exporter.libsonnet')(lib),
  }
