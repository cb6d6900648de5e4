(import 'config.libsonnet') +
(import 'ports.libsonnet') +
(import 'connections.libsonnet') +
(import 'limits.libsonnet') +
(import 'exporter.libsonnet') +
(import 'totals.libsonnet') +
(import 'central.libsonnet') +
(import 'websocket.libsonnet')
