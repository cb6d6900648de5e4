// How dashboards are written down: panels, rows, variables, and what colours mean.
local host = 'environment=~"$environment",cluster=~"$cluster",job=~"$job",instance=~"$instance"';
local datasource = { type: 'prometheus', uid: '${datasource}' };

// One colour per meaning: states of the alerts, then what is counted.
local severity = { ok: 'green', info: 'blue', warning: 'orange', critical: 'red' };
local colours = {
  established: '#5794F2', time_wait: '#B877D9', close_wait: '#F2495C', syn_sent: '#FADE2A', syn_recv: '#C4B11C',
  new_syn_recv: '#8F8118', fin_wait1: '#8AB8FF', fin_wait2: '#37A2A0', last_ack: '#A16A4C', closing: '#7C5B8A',
  listen: '#6E7681', close: '#9FA7B3',
  no_port: '#C4162A', refused: '#FF9830', timeout: '#B877D9', reset: '#FADE2A', unreachable: '#A16A4C', aborted: '#6E7681',
  in_use: '#FF9830', not_available: '#A16A4C', denied: '#FADE2A', other: '#9FA7B3',
  active: '#5794F2', passive: '#37A2A0',
  p50: '#8AB8FF', p95: '#3274D9', p99: '#8F3BB8',
  begin: '#FADE2A', client: '#8AB8FF', server: '#3274D9', none: '#FF9830',
  normal: '#73BF69', going_away: '#5794F2', no_status: '#9FA7B3', service_restart: '#8AB8FF',
  abnormal_fin: '#FF9830', abnormal_reset: '#F2495C', abnormal_timeout: '#B877D9', abnormal_local: '#C4162A',
  internal_error: '#A352CC', http_4xx: '#FADE2A', http_5xx: '#F2495C', http_other: '#6E7681', incomplete: '#FF9830', no_request: '#9FA7B3',
};
// Legends whose values have such a colour.
local meanings = ['{{state}}', '{{reason}}', '{{kind}}', '{{error_type}}', '{{initiator}}', 'p50'];
local coloured = [
  { matcher: { id: 'byName', options: name }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: colours[name] } }] }
  for name in std.objectFields(colours)
];

// Labels of the drop-downs, in short: <H> selects hosts, <N> namespaces of them.
local expression(text) = std.strReplace(std.strReplace(std.rstripChars(text, '\n'), '<N>', host + ',netns=~"$netns"'), '<H>', host);

local steps(pairs, base=severity.ok) = {
  mode: 'absolute',
  steps: [{ color: base, value: null }] + [{ color: severity[pair[0]], value: pair[1] } for pair in pairs],
};

function(config)
  local runbook(name) = { title: 'Runbook: ' + name, url: '%s/%s.md' % [config.runbookBase, name], targetBlank: true };

  local panel(type, title, description, targets, w, h, unit='short', thresholds=[], links=[], runbooks=[], defaults={}, overrides=[], options={}, more={}) = {
    type: type,
    title: title,
    description: description,
    datasource: datasource,
    w:: w,
    h:: h,
    fieldConfig: { defaults: { unit: unit, thresholds: steps(thresholds) } + defaults, overrides: overrides },
    options: options,
    targets: [targets[i] { refId: std.char(std.codepoint('A') + i) } for i in std.range(0, std.length(targets) - 1)],
    links: links + [runbook(name) for name in runbooks],
  } + more;

  local query(expr, legend='', more={}) = { datasource: datasource, expr: expression(expr), legendFormat: legend, range: true } + more;
  local instant = { instant: true, range: false };

  {
    config:: config,
    severity:: severity,
    expression:: expression,
    query:: query,

    // A number now, with its past behind it; red means act.
    stat(title, description, expr, w=4, unit='short', thresholds=[], mappings=[], base=severity.ok, runbooks=[], links=[], graph=true, decimals=null)::
      panel('stat', title, description, [query(expr)], w, 4, unit, thresholds, links, runbooks, {
        mappings: mappings,
        thresholds: steps(thresholds, base),
        color: { mode: 'thresholds' },
        [if decimals != null then 'decimals']: decimals,
      }, [], {
        colorMode: 'background',
        graphMode: if graph then 'area' else 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        textMode: 'value',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      }),

    lines(title, description, targets, w=12, h=9, unit='short', thresholds=[], stack=false, min=0, max=null, runbooks=[], links=[], calcs=['lastNotNull', 'max'], overrides=[])::
      local named = std.length([t for t in targets if std.member(meanings, t.legendFormat)]) > 0;
      panel('timeseries', title, description, targets, w, h, unit, thresholds, links, runbooks, {
        min: min,
        [if max != null then 'max']: max,
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          lineWidth: if stack then 1 else 2,
          fillOpacity: if stack then 40 else 0,
          [if std.member(['cps', 'pps'], unit) then 'axisSoftMax']: 1,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: if stack then 'normal' else 'none', group: 'A' },
          thresholdsStyle: { mode: if std.length(thresholds) > 0 then 'dashed' else 'off' },
        },
      }, (if named then coloured else []) + overrides, {
        legend: { displayMode: if named then 'list' else 'table', placement: 'bottom', showLegend: true, calcs: if named then [] else calcs, sortBy: 'Last *', sortDesc: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      }),

    // How many events took how long: of cumulative buckets.
    heatmap(title, description, expr, w=12, h=9, unit='s', runbooks=[])::
      panel('heatmap', title, description, [query(expr, '{{le}}', { format: 'heatmap' })], w, h, unit, [], [], runbooks, {
        custom: { hideFrom: { legend: false, tooltip: false, viz: false }, scaleDistribution: { type: 'linear' } },
      }, [], {
        calculate: false,
        cellGap: 1,
        color: { mode: 'scheme', scheme: 'Spectral', exponent: 0.5, fill: 'dark-orange', reverse: true, scale: 'exponential', steps: 64 },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: 'auto' },
        showValue: 'never',
        tooltip: { mode: 'single', yHistogram: false, showColorScale: false },
        yAxis: { axisPlacement: 'left', reverse: false, unit: unit },
      }),

    bars(title, description, targets, w=12, h=9, unit='short', thresholds=[], max=null, runbooks=[], links=[], datalinks=[], overrides=[])::
      panel('bargauge', title, description, targets, w, h, unit, thresholds, links, runbooks, {
        min: 0,
        [if max != null then 'max']: max,
        color: if std.length(thresholds) > 0 then { mode: 'thresholds' } else { mode: 'fixed', fixedColor: colours.established },
        links: datalinks,
      }, overrides, {
        displayMode: 'basic',
        orientation: 'horizontal',
        showUnfilled: true,
        namePlacement: 'top',
        valueMode: 'color',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      }),

    // Columns are [name in the result, title, field configuration]; others are hidden. Labels are text, numbers need a unit.
    table(title, description, targets, columns, w=12, h=9, sort=null, runbooks=[], links=[])::
      panel('table', title, description, targets, w, h, 'string', [], links, runbooks, {
        custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: true },
      }, [
        { matcher: { id: 'byName', options: column[1] }, properties: column[2] }
        for column in columns
        if std.length(column) > 2
      ], {
        showHeader: true,
        cellHeight: 'sm',
        footer: { show: false, reducer: ['sum'], fields: '' },
        [if sort != null then 'sortBy']: [{ displayName: sort, desc: true }],
      }, {
        transformations: (if std.length(targets) > 1 then [{ id: 'merge', options: {} }] else []) + [
          { id: 'filterFieldsByName', options: { include: { names: [column[0] for column in columns] } } },
          { id: 'organize', options: {
            excludeByName: {},
            indexByName: { [columns[i][0]]: i for i in std.range(0, std.length(columns) - 1) },
            renameByName: { [column[0]]: column[1] for column in columns },
          } },
        ] + (if sort != null then [{ id: 'sortBy', options: { fields: {}, sort: [{ field: sort, desc: true }] } }] else []),
      }),

    // Whether what alerts wait for is the case, by their thresholds and without their rules: 0, or the severity.
    conditions(title, description, targets, runbooks=[])::
      panel('state-timeline', title, description, targets, 24, 3 + std.ceil(0.75 * std.length(targets)), 'short', [['info', 1], ['warning', 2], ['critical', 3]], [], runbooks, {
        color: { mode: 'thresholds' },
        custom: { fillOpacity: 80, lineWidth: 0 },
        mappings: [{ type: 'value', options: {
          '0': { text: 'ok', color: severity.ok, index: 0 },
          '1': { text: 'info', color: severity.info, index: 1 },
          '2': { text: 'warning', color: severity.warning, index: 2 },
          '3': { text: 'critical', color: severity.critical, index: 3 },
        } }],
      }, [], {
        mergeValues: true,
        alignValue: 'left',
        rowHeight: 0.85,
        showValue: 'never',
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'single' },
      }),
    // 3 where critical, else 2 where warning; `of` is a quantity of at least 0.
    condition(name, of, warning=null, critical=null, info=null)::
      local over(level, value) = if value == null then [] else ['%d * (max(%s) > bool %s)' % [level, of, if value == 0 then '0' else '%g' % value]];
      local levels = over(1, info) + over(if info == null then 2 else 1, warning) + over(if warning == null then 3 else 1, critical);
      query(std.join('\n+ ', levels) + '\nor on () vector(0)', name),
    // A condition that is true where `of` has a result.
    truth(name, of, level):: query('%d * (count(%s) > bool 0) or on () vector(0)' % [level, of], name),
    // States of the alerts themselves; without the rules there are none.
    alerts(names):: query(|||
      3 * max by (alertname) (ALERTS{<H>,alertname=~"%(names)s",alertstate="firing",severity="%(critical)s"})
      or 2 * max by (alertname) (ALERTS{<H>,alertname=~"%(names)s",alertstate="firing",severity="%(warning)s"})
      or max by (alertname) (ALERTS{<H>,alertname=~"%(names)s"})
      or on () label_replace(vector(0), "alertname", "none", "", "")
    ||| % (config { names: names }), 'alert: {{alertname}}'),

    now(expr, legend=''):: query(expr, legend, instant),
    cells(expr):: query(expr, '', instant { format: 'table' }),
    unit(name):: { id: 'unit', value: name },
    share(warning, critical=null, info=null):: [
      { id: 'unit', value: 'percentunit' },
      { id: 'min', value: 0 },
      { id: 'max', value: 1 },
      { id: 'thresholds', value: steps((if info == null then [] else [['info', info]]) + (if warning == null then [] else [['warning', warning]]) + (if critical == null then [] else [['critical', critical]])) },
      { id: 'color', value: { mode: 'thresholds' } },
      { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
    ],
    seconds(warning):: [
      { id: 'unit', value: 's' },
      { id: 'thresholds', value: steps([['warning', warning]]) },
      { id: 'color', value: { mode: 'thresholds' } },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ],
  fixed(name, level):: { matcher: { id: 'byName', options: name }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: severity[level] } }] },
    width(pixels):: { id: 'custom.width', value: pixels },
    linked(links):: { id: 'links', value: links },
    // A link of a table's row to another dashboard: with these of its columns, and what is chosen otherwise.
    down(title, uid, labels)::
      local kept = [name for name in ['environment', 'cluster', 'job', 'instance', 'netns'] if !std.member(labels, name)];
      { title: title, url: '/d/%s?%s&${__url_time_range}' % [uid, std.join('&', ['${%s:queryparam}' % name for name in kept] +
                                                                              ['var-%s=${__data.fields.%s}' % [label, label] for label in labels])] },

    row(title, panels):: { title: title, panels: panels },

    local variable(name, label, expr, all, more={}) = {
      type: 'query',
      name: name,
      label: label,
      datasource: datasource,
      query: expr,
      definition: expr,
      refresh: 2,
      sort: 1,
      multi: true,
      includeAll: true,
      allValue: all,
      current: { selected: true, text: ['All'], value: ['$__all'] },
      regex: '',
      hide: 0,
      options: [],
      skipUrlSync: false,
    } + more,
    local series = 'socket_exporter_build_info',

    local dashboards = {
      'socket-ports': 'Socket exhaustion',
      'socket-connections': 'Host and pod detail',
      'socket-services': 'External services',
      'socket-websocket': 'WebSocket',
      'socket-limits': 'Limits',
      'socket-exporter': 'Exporter health',
    },

    // Panels of a row stand side by side, in lines of 24 columns; each row begins anew.
    local place(row, y) =
      local placed = std.foldl(
        function(state, panel)
          local wraps = state.x + panel.w > 24;
          local x = if wraps then 0 else state.x;
          local top = if wraps then state.bottom else state.y;
          {
            x: x + panel.w,
            y: top,
            bottom: std.max(state.bottom, top + panel.h),
            panels: state.panels + [panel { gridPos: { x: x, y: top, w: panel.w, h: panel.h } }],
          },
        row.panels,
        { x: 0, y: y + 1, bottom: y + 1, panels: [] }
      );
      { bottom: placed.bottom, panels: [{ type: 'row', title: row.title, collapsed: false, panels: [], gridPos: { x: 0, y: y, w: 24, h: 1 } }] + placed.panels },

    dashboard(uid, description, rows, alerts):: {
      uid: uid,
      title: 'Sockets / ' + dashboards[uid],
      description: description,
      tags: ['socket-exporter'],
      schemaVersion: 41,
      version: 1,
      editable: false,
      graphTooltip: 1,
      timezone: 'browser',
      refresh: '30s',
      time: { from: 'now-3h', to: 'now' },
      timepicker: {},
      fiscalYearStartMonth: 0,
      links: [
        { type: 'link', title: dashboards[other], url: '/d/' + other, icon: 'dashboard', keepTime: true, includeVars: true, targetBlank: false, asDropdown: false, tags: [], tooltip: '' }
        for other in std.objectFields(dashboards)
        if other != uid
      ] + [{ type: 'link', title: 'Runbooks', url: config.runbookBase, icon: 'doc', keepTime: false, includeVars: false, targetBlank: true, asDropdown: false, tags: [], tooltip: '' }],
      annotations: { list: [
        {
          name: 'Alerts: ' + level,
          datasource: datasource,
          enable: true,
          hide: false,
          iconColor: severity[level],
          expr: 'ALERTS{environment=~"$environment",cluster=~"$cluster",job=~"$job",alertstate="firing",severity="%s",alertname=~"%s"}' % [config[level], alerts],
          step: '1m',
          titleFormat: '{{alertname}}',
          textFormat: '{{instance}} {{netns}} {{destination}} {{namespace}} {{port}}',
          useValueForTime: false,
        }
        for level in ['critical', 'warning']
      ] },
      templating: { list: [
        { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', refresh: 1, hide: 0, includeAll: false, multi: false, regex: '', options: [], current: {}, skipUrlSync: false },
        variable('environment', 'Environment', 'label_values(%s, environment)' % series, '.*'),
        variable('cluster', 'Cluster', 'label_values(%s{environment=~"$environment"}, cluster)' % series, '.*'),
        variable('job', 'Job', 'label_values(%s{environment=~"$environment",cluster=~"$cluster"}, job)' % series, '.+'),
        variable('instance', 'Instance', 'label_values(%s{environment=~"$environment",cluster=~"$cluster",job=~"$job"}, instance)' % series, '.+'),
        variable('netns', 'Network namespace', 'label_values(socket_netns_info{%s}, netns)' % host, '.+'),
      ] },
      local placed = std.foldl(
        function(state, row) local one = place(row, state.bottom); { bottom: one.bottom, panels: state.panels + one.panels },
        rows,
        { bottom: 0, panels: [] }
      ),
      panels: [placed.panels[i] { id: i + 1 } for i in std.range(0, std.length(placed.panels) - 1)],
    },
  }
