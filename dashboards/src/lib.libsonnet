// How dashboards are written down: panels, rows, variables, and what colours mean.
local host = 'environment=~"$environment",cluster=~"$cluster",job=~"$job",instance=~"$instance"';
local datasource = { type: 'prometheus', uid: '${datasource}' };

// One colour per meaning, wherever it is shown: states of the alerts, then what is counted.
local severity = { ok: 'green', info: 'blue', warning: 'orange', critical: 'red', unknown: '#6E7681' };
local meaning = {
  established: '#5794F2', time_wait: '#B877D9', close_wait: '#F2495C', syn_sent: '#FADE2A', syn_recv: '#C4B11C',
  new_syn_recv: '#8F8118', fin_wait1: '#8AB8FF', fin_wait2: '#37A2A0', last_ack: '#705DA0', closing: '#7C5B8A',
  listen: '#6E7681', close: '#C7D0D9',
  no_port: '#C4162A', refused: '#FF9830', timeout: '#E0B400', reset: '#E0529C', unreachable: '#A16A4C', aborted: '#C15C17',
  in_use: '#33A2E5', not_available: '#C69C6D', denied: '#806EB7', unknown: '#9FA7B3',
  active: '#1F60C4', passive: '#73B7D9',
  p50: '#96D0FF', p95: '#3274D9', p99: '#8F3BB8',
  client: '#A7D0F5', server: '#2A5CAA',
  begin: '#4C8DF6', normal: '#73BF69', going_away: '#2F9E8F', service_restart: '#7EB26D', internal_error: '#A352CC', abnormal_fin: '#FFB357',
  http_4xx: '#D9B600', http_5xx: '#E02F44', http_other: '#7A828E', incomplete: '#D68A4B', no_request: '#AEB6C2',
};
// Names of one thing in different places.
local colours = meaning {
  other: meaning.unknown, no_status: meaning.unknown,
  'left in TIME_WAIT': meaning.time_wait,
  none: meaning.abnormal_fin, abnormal_reset: meaning.reset, abnormal_timeout: meaning.timeout, abnormal_local: meaning.aborted,
};
// Legends whose values have such a colour.
local meanings = ['{{state}}', '{{reason}}', '{{kind}}', '{{error_type}}', '{{initiator}}', 'p50'];
local coloured = [
  { matcher: { id: 'byName', options: name }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: colours[name] } }] }
  for name in std.objectFields(colours)
];

// Zero where the exporter answers.
local alive = '0 * max(up{<H>} == 1)';

// Labels of the drop-downs, in short: <H> selects hosts, <N> namespaces of them.
local expression(text) = std.strReplace(std.strReplace(std.rstripChars(text, '\n'), '<N>', host + ',netns=~"$netns"'), '<H>', host);

local steps(pairs, base=severity.ok) = {
  mode: 'absolute',
  steps: [{ color: base, value: null }] + [{ color: severity[pair[0]], value: pair[1] } for pair in pairs],
};

function(config)
  local runbook(name) = { title: 'Runbook: ' + name, url: '%s/%s.md' % [config.runbookBase, name], targetBlank: true };

  local panel(type, title, description, targets, w, h, unit='locale', thresholds=[], links=[], runbooks=[], defaults={}, overrides=[], options={}, more={}) = {
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

  // Goes to another dashboard with these labels, found below `of`, and what is chosen otherwise.
  local link(title, uid, labels, of) =
    local kept = [name for name in ['environment', 'cluster', 'job', 'instance', 'netns'] if !std.member(labels, name)];
    local chosen = ['${%s:queryparam}' % name for name in kept] + ['var-%s=${%s.%s}' % [label, of, label] for label in labels];
    { title: title, url: '/d/%s?%s&${__url_time_range}' % [uid, std.join('&', chosen)] };

  local query(expr, legend='', more={}) = { datasource: datasource, expr: expression(expr), legendFormat: legend, range: true } + more;
  local instant = { instant: true, range: false };

  {
    config:: config,
    severity:: severity,
    expression:: expression,
    query:: query,

    // A number now, with its past behind it; red means act. It is `zero` without a result, else "no data".
    stat(title, description, expr, zero=null, w=4, unit='locale', thresholds=[], mappings=[], base=severity.ok, runbooks=[], links=[], graph=true, decimals=if unit == 'percentunit' then 1 else null)::
      panel('stat', title, description, [query('%s%s\nor vector(NaN)' % [std.rstripChars(expr, '\n'), if zero == null then '' else '\nor ' + zero])], w, 4, unit, thresholds, links, runbooks, {
        mappings: mappings + [{ type: 'special', options: { match: 'null+nan', result: { text: 'no data', color: severity.unknown, index: 9 } } }],
        thresholds: steps(thresholds, base),
        color: { mode: 'thresholds' },
        [if decimals != null then 'decimals']: decimals,
      }, [], {
        colorMode: 'background',
        graphMode: if graph then 'area' else 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        textMode: 'value',
        text: { valueSize: 32 },
        reduceOptions: { calcs: ['last'], fields: '', values: false },
      }),

    lines(title, description, targets, w=12, h=9, unit='locale', thresholds=[], stack=false, min=0, max=null, runbooks=[], links=[], calcs=['lastNotNull', 'max'], overrides=[], datalinks=[], softMax=std.get({ cps: 1, pps: 10 }, unit))::
      local named = std.length([t for t in targets if std.member(meanings, t.legendFormat)]) > 0;
      panel('timeseries', title, description, targets, w, h, unit, thresholds, links, runbooks, {
        min: min,
        [if max != null then 'max']: max,
        color: { mode: 'palette-classic' },
        links: datalinks,
        custom: {
          drawStyle: 'line',
          lineWidth: if stack then 1 else 2,
          fillOpacity: if stack then 40 else 0,
          [if softMax != null then 'axisSoftMax']: softMax,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: if stack then 'normal' else 'none', group: 'A' },
          thresholdsStyle: { mode: if std.length(thresholds) > 0 then 'dashed' else 'off' },
        },
      }, (if named then coloured else []) + overrides, {
        legend: { displayMode: if named then 'list' else 'table', placement: 'bottom', showLegend: true, calcs: if named then [] else calcs, sortBy: 'Last *', sortDesc: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      }),

    // How many events took how long: of cumulative buckets. Marks name some of them: {edge: text}.
    heatmap(title, description, expr, w=12, h=9, unit='s', runbooks=[], marks={})::
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
      }, if marks == {} then {} else {
        transformations: [
          { id: 'renameByRegex', options: { regex: '^%s([.]0)?$' % edge, renamePattern: marks[edge] } }
          for edge in std.objectFields(marks)
        ],
      }),

    bars(title, description, targets, w=12, h=9, unit='locale', thresholds=[], max=null, runbooks=[], links=[], datalinks=[], overrides=[])::
      panel('bargauge', title, description, targets, w, h, unit, thresholds, links, runbooks, {
        min: 0,
        [if max != null then 'max']: max,
        color: if std.length(thresholds) > 0 then { mode: 'thresholds' } else { mode: 'fixed', fixedColor: colours.established },
        links: datalinks,
        decimals: if unit == 'percentunit' then 1 else 0,
      }, overrides, {
        displayMode: 'basic',
        orientation: 'horizontal',
        showUnfilled: true,
        namePlacement: 'top',
        valueMode: 'color',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      }),

    // Columns are [name in the result, title, field configuration]; others are hidden. Labels are text, numbers need a unit.
    table(title, description, targets, columns, w=12, h=9, sort=null, descending=true, runbooks=[], links=[])::
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
        [if sort != null then 'sortBy']: [{ displayName: sort, desc: descending }],
      }, {
        transformations: (if std.length(targets) > 1 then [{ id: 'merge', options: {} }] else []) + [
          { id: 'filterFieldsByName', options: { include: { names: [column[0] for column in columns] } } },
          { id: 'organize', options: {
            excludeByName: {},
            indexByName: { [columns[i][0]]: i for i in std.range(0, std.length(columns) - 1) },
            renameByName: { [column[0]]: column[1] for column in columns },
          } },
        ] + (if sort != null then [{ id: 'sortBy', options: { fields: {}, sort: [{ field: sort, desc: descending }] } }] else []),
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
          '4': { text: 'pending', color: 'light-yellow', index: 4 },
        } }],
      }, [], {
        mergeValues: true,
        alignValue: 'left',
        rowHeight: 0.85,
        showValue: 'never',
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'single' },
      }),
    // What is zero where the exporter answers, where it follows connections, and where it knows a WebSocket port.
    alive:: alive,
    following:: '0 * max(socket_exporter_feature_info{<H>,feature="connect_tracking",state="on"})',
    websockets:: '0 * count(websocket_connections_active{<N>,role=""})',
    // 3 where critical, else 2 where warning; `of` is a quantity of at least 0. Without a result it is `zero`.
    condition(name, of, warning=null, critical=null, info=null, zero=alive)::
      local over(level, value) = if value == null then [] else ['%d * (max(%s) > bool %s)' % [level, of, if value == 0 then '0' else '%g' % value]];
      local levels = over(1, info) + over(if info == null then 2 else 1, warning) + over(if warning == null then 3 else 1, critical);
      query(std.join('\n+ ', levels) + '\nor on () ' + zero, name),
    // A condition that is true where `of` has a result.
    truth(name, of, level, zero=alive):: query('%d * (count(%s) > bool 0)\nor on () %s' % [level, std.rstripChars(of, '\n'), zero], name),
    // States of the alerts themselves; without the rules there are none.
    alerts(names):: query(|||
      3 * max by (alertname) (ALERTS{<H>,alertname=~"%(names)s",alertstate="firing",severity="%(critical)s"})
      or 2 * max by (alertname) (ALERTS{<H>,alertname=~"%(names)s",alertstate="firing",severity="%(warning)s"})
      or max by (alertname) (ALERTS{<H>,alertname=~"%(names)s",alertstate="firing"})
      or 4 * max by (alertname) (ALERTS{<H>,alertname=~"%(names)s"})
      or on () label_replace(%(alive)s, "alertname", "none", "", "")
    ||| % (config { names: names, alive: alive }), 'alert: {{alertname}}'),

    now(expr, legend=''):: query(expr, legend, instant),
    cells(expr):: query(expr, '', instant { format: 'table' }),
    unit(name):: { id: 'unit', value: name },
    share(warning, critical=null, info=null):: [
      { id: 'unit', value: 'percentunit' },
      { id: 'decimals', value: 1 },
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
    // What is off is blue: it is no fault by itself.
    state:: [
      { id: 'mappings', value: [{ type: 'value', options: {
        on: { text: 'on', color: severity.ok, index: 0 },
        off: { text: 'off', color: severity.info, index: 1 },
      } }] },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ],
    fixed(name, level):: { matcher: { id: 'byName', options: name }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: severity[level] } }] },
    width(pixels):: { id: 'custom.width', value: pixels },
    linked(links):: { id: 'links', value: links },
    // A link of a table's row to another dashboard, with these of its columns.
    down(title, uid, labels):: link(title, uid, labels, '__data.fields'),

    // The same of a line in a chart.
    along(title, uid, labels):: link(title, uid, labels, '__field.labels'),

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

    // Narrows everything but what is known of features.
    narrowed(rows, matcher):: [
      row { panels: [
        panel { targets: [
          target { expr: std.strReplace(std.strReplace(target.expr, 'instance=~"$instance"', 'instance=~"$instance",' + matcher), matcher + ',feature=', 'feature=') }
          for target in panel.targets
        ] }
        for panel in row.panels
      ] }
      for row in rows
    ],
    variable:: variable,

    dashboard(uid, description, rows, alerts, variables=[]):: {
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
      ] + variables },
      local placed = std.foldl(
        function(state, row) local one = place(row, state.bottom); { bottom: one.bottom, panels: state.panels + one.panels },
        rows,
        { bottom: 0, panels: [] }
      ),
      panels: [placed.panels[i] { id: i + 1 } for i in std.range(0, std.length(placed.panels) - 1)],
    },
  }
