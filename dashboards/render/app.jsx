// Draws a dashboard with Grafana's own components: /?from=&to=&theme= over /dashboard.json and /prom.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import * as D from '@grafana/data';
import * as G from '@grafana/ui';
import React from 'react';
import {createRoot} from 'react-dom/client';

import {Heatmap, StateTimeline} from './canvas.jsx';
import {askAll, askMarks, chosen} from './prometheus.js';

const asked = new URLSearchParams(location.search);
const theme = D.createTheme({colors: {mode: asked.get('theme')}});
const span = {from: +asked.get('from'), to: +asked.get('to'), step: +asked.get('step'), rate: asked.get('rate')};
const timeRange = {from: D.dateTime(span.from * 1000), to: D.dateTime(span.to * 1000)};
timeRange.raw = {from: timeRange.from, to: timeRange.to};
const CELL = {w: 1600 / 24, h: 38, gap: 8}, HEAD = 92;
window.complaints = [];

// What Grafana registers at its start, as far as our panels need it.
D.standardTransformersRegistry.setInit(() => [...new Map(Object.values(D.standardTransformers).map((one) => [one.id, one])).values()]
  .map((one) => ({id: one.id, name: one.name, transformation: async () => one, editor: () => null, imageDark: '', imageLight: ''})));
const processors = {thresholds: D.thresholdsOverrideProcessor, mappings: D.valueMappingsOverrideProcessor};
const option = (id, path, isCustom) => ({
  id, path, isCustom, name: id, process: processors[id] ?? D.identityOverrideProcessor,
  editor: () => null, override: () => null, shouldApply: () => true,
});
const standard = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue', 'links'].map((id) => option(id, id, false));
const custom = ['drawStyle', 'fillOpacity', 'lineWidth', 'stacking', 'thresholdsStyle', 'lineInterpolation', 'showPoints', 'pointSize', 'axisSoftMax', 'cellOptions',
  'axisPlacement', 'scaleDistribution', 'hideFrom', 'spanNulls', 'gradientMode', 'width', 'align'].map((id) => option('custom.' + id, id, true));
D.standardFieldConfigEditorRegistry.setInit(() => standard);
const registry = new D.FieldConfigOptionsRegistry(() => [...standard, ...custom]);

const LINES = {
  lineInterpolation: 'linear', pointSize: 5, axisPlacement: 'auto', scaleDistribution: {type: 'linear'}, gradientMode: 'none', barAlignment: 0,
  hideFrom: {legend: false, tooltip: false, viz: false},
};

function configured(panel, data) {
  const fieldConfig = structuredClone(panel.fieldConfig);
  if (panel.type === 'timeseries') fieldConfig.defaults.custom = {...LINES, ...fieldConfig.defaults.custom};
  fieldConfig.defaults.color ??= {mode: 'thresholds'};
  return D.applyFieldOverrides({data, fieldConfig, replaceVariables: (text) => text, theme, fieldConfigRegistry: registry, timeZone: 'utc'});
}

function transformed(panel, frames) {
  if (!panel.transformations?.length) return Promise.resolve(frames);
  return new Promise((done) => D.transformDataFrame(panel.transformations, frames).subscribe(done));
}

function values(panel, data, sparkline) {
  return D.getFieldDisplayValues({
    data, sparkline, theme, reduceOptions: panel.options.reduceOptions, fieldConfig: panel.fieldConfig, replaceVariables: (text) => text, timeZone: 'utc',
  });
}

function Stat({panel, data, w, h}) {
  const sparkline = panel.options.graphMode !== 'none';
  return (
    <G.VizRepeater getValues={() => values(panel, data, sparkline)} width={w} height={h} source={data} orientation="auto" renderCounter={0}
      renderValue={({value, width, height}) => (
        <G.BigValue value={value.display} sparkline={value.sparkline} width={width} height={height} theme={theme} text={panel.options.text} textMode="value"
          colorMode={panel.options.colorMode} graphMode={panel.options.graphMode} justifyMode="auto" />
      )} />
  );
}

function Bars({panel, data, w, h}) {
  const all = values(panel, data, false);
  const factors = D.getDisplayValueAlignmentFactors(all);
  return all.map((value, i) => (
    <div key={i} style={{height: h / all.length}}>
      <G.BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor?.(value.colIndex)} width={w}
        height={Math.min(56, h / all.length - 6)} orientation="horizontal" displayMode={panel.options.displayMode} theme={theme} text={{}} itemSpacing={4} namePlacement={panel.options.namePlacement}
        lcdCellWidth={10} alignmentFactors={factors} />
    </div>
  ));
}

// Alerts that fired, as Grafana marks them: dashed where they begin and end, a bar in between.
const marked = new WeakSet();
function mark(builder, marks) {
  if (marked.has(builder)) return;
  marked.add(builder);
  builder.addHook('draw', (plot) => {
    const {ctx, bbox} = plot, pixels = window.devicePixelRatio;
    const x = (seconds) => plot.valToPos(Math.min(Math.max(seconds, span.from), span.to) * 1000, 'x', true);
    ctx.save();
    for (const {begin, end, color} of marks) {
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.lineWidth = pixels;
      ctx.setLineDash([4 * pixels, 4 * pixels]);
      for (const at of [begin, ...(end < span.to - 60 ? [end] : [])]) {
        ctx.beginPath();
        ctx.moveTo(x(at), bbox.top);
        ctx.lineTo(x(at), bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.fillRect(x(begin), bbox.top + bbox.height, Math.max(x(end) - x(begin), 3 * pixels), 4 * pixels);
    }
    ctx.restore();
  });
}

function Visualization({panel, frames, marks, w, h}) {
  const data = configured(panel, frames);
  if (!data[0]?.length) return <div style={{textAlign: 'center', paddingTop: h / 2 - 12, fontSize: 16}}>No data</div>;
  const time = {theme, span, w, h};
  switch (panel.type) {
    case 'timeseries':
      return <G.TimeSeries frames={data} timeRange={timeRange} timeZone="utc" width={w} height={h} legend={panel.options.legend} options={panel.options}>{(builder) => { mark(builder, marks); }}</G.TimeSeries>;
    case 'stat':
      return <Stat panel={panel} data={data} w={w} h={h} />;
    case 'bargauge':
      return <Bars panel={panel} data={data} w={w} h={h} />;
    case 'table':
      return <G.Table data={data[0]} width={w} height={h} enableSharedCrosshair={false} />;
    case 'heatmap':
      return <Heatmap frames={data} unit={panel.fieldConfig.defaults.unit} {...time} />;
    case 'state-timeline':
      return <StateTimeline frames={data} {...time} />;
  }
  throw new Error('no such panel: ' + panel.type);
}

class Boundary extends React.Component {
  state = {};
  static getDerivedStateFromError(error) { return {error}; }
  componentDidCatch(error) { window.complaints.push(`${this.props.name}: ${error.message}`); }
  render() { return this.state.error ? <div>{String(this.state.error)}</div> : this.props.children; }
}

function Panel({panel, frames, marks}) {
  const at = panel.gridPos;
  const place = {position: 'absolute', left: at.x * CELL.w + CELL.gap / 2, top: HEAD + at.y * CELL.h};
  const [w, h] = [at.w * CELL.w - CELL.gap, at.h * CELL.h - CELL.gap];
  if (panel.type === 'row') return <div style={{...place, lineHeight: h + 'px', fontSize: 17, fontWeight: 500}}>⌄ {panel.title}</div>;
  return (
    <div style={place}>
      <G.PanelChrome title={panel.title} description={panel.description} width={w} height={h} padding={panel.type === 'stat' ? 'none' : 'md'}>
        {(width, height) => <Boundary name={panel.title}><Visualization panel={panel} frames={frames} marks={marks} w={width} h={height} /></Boundary>}
      </G.PanelChrome>
    </div>
  );
}

function Head({dashboard}) {
  const box = {border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '4px 8px', background: theme.colors.background.primary, marginRight: 8};
  const chips = dashboard.templating.list.map((one) => [one.label, chosen[one.name] ?? (one.type === 'datasource' ? 'Prometheus' : 'All')]);
  const clock = (seconds) => D.dateTimeFormat(seconds * 1000, {format: 'YYYY-MM-DD HH:mm', timeZone: 'utc'});
  return (
    <div style={{position: 'absolute', left: 8, right: 8, top: 10, fontSize: 13}}>
      <div style={{fontSize: 20, fontWeight: 500, marginBottom: 12}}>
        {dashboard.title}
        <span style={{...box, float: 'right', fontSize: 13, fontWeight: 400}}>{clock(span.from)} to {clock(span.to)} UTC</span>
      </div>
      {chips.map(([label, value]) => (
        <span key={label} style={box}><span style={{color: theme.colors.text.secondary}}>{label}</span>&nbsp; {value}</span>
      ))}
      <span style={{float: 'right', color: theme.colors.text.link}}>
        {dashboard.links.map((link) => <span key={link.title} style={{marginLeft: 14}}>{link.title}</span>)}
      </span>
    </div>
  );
}

async function draw() {
  const dashboard = await (await fetch('/dashboard.json')).json();
  const data = await Promise.all(dashboard.panels.map(async (panel) => transformed(panel, await askAll(panel, span))));
  const marks = (await Promise.all(dashboard.annotations.list.map((one) => askMarks(one, span)))).flat();
  const bottom = Math.max(...dashboard.panels.map(({gridPos: at}) => at.y + at.h));
  await document.fonts.load('12px Inter');
  const root = document.getElementById('root');
  root.style.height = `${HEAD + bottom * CELL.h}px`;
  document.body.style.background = theme.colors.background.canvas;
  document.body.style.color = theme.colors.text.primary;
  createRoot(root).render(
    <D.ThemeContext.Provider value={theme}>
      <G.GlobalStyles />
      <Head dashboard={dashboard} />
      {dashboard.panels.map((panel, i) => <Panel key={panel.id} panel={panel} frames={data[i]} marks={marks} />)}
    </D.ThemeContext.Provider>);
  await document.fonts.ready;
  const idle = () => new Promise((done) => requestIdleCallback(done));
  for (let i = 0; i < 5; ++i) await idle();
}

draw().catch((error) => window.complaints.push(error.stack)).finally(() => { window.done = true; });
