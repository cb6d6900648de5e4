// Heatmaps and state timelines, which are panels of Grafana but no components of its library.
import * as D from '@grafana/data';
import React from 'react';

const AXIS = 22, FONT = '12px Inter, sans-serif';
const SPECTRAL = ['#5e4fa2', '#3288bd', '#66c2a5', '#abdda4', '#e6f598', '#ffffbf', '#fee08b', '#fdae61', '#f46d43', '#d53e4f', '#9e0142'];
const bound = (value, unit) => {
  if (unit !== 's') return String(value);
  const {text, suffix} = D.getValueFormat('s')(value, value < 60 ? undefined : 2);
  return text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') + (suffix ?? '').replace(/^ (min|hour|day)s?$/, ' $1');
};

function Canvas({w, h, draw}) {
  const ref = React.useRef();
  React.useEffect(() => {
    const scale = window.devicePixelRatio * 2;
    Object.assign(ref.current, {width: w * scale, height: h * scale});
    const canvas = ref.current.getContext('2d');
    canvas.scale(scale, scale);
    canvas.font = FONT;
    canvas.textBaseline = 'middle';
    draw(canvas);
  }, []);
  return <canvas ref={ref} style={{width: w, height: h}} />;
}

function times(canvas, {theme, span, w, h}, left) {
  canvas.fillStyle = theme.colors.text.primary;
  canvas.textAlign = 'center';
  const minutes = (span.to - span.from) / 60;
  const every = 60 * [5, 10, 15, 30, 60, 120].find((step) => minutes / step * 60 <= w - left);
  for (let time = Math.ceil(span.from / every) * every; time <= span.to - every / 3; time += every) {
    const x = left + (time - span.from) / (span.to - span.from) * (w - left);
    if (x > left + 20) canvas.fillText(D.dateTimeFormat(time * 1000, {format: 'HH:mm', timeZone: 'utc'}), x, h - AXIS / 2);
  }
}

function colour(part) {
  const at = part ** 0.5 * (SPECTRAL.length - 1), low = Math.floor(at);
  const [a, b] = [SPECTRAL[low], SPECTRAL[Math.min(low + 1, SPECTRAL.length - 1)]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * (at - low))).join()})`;
}

/** Cells of what each bucket has more than the one below. */
export function Heatmap({frames, unit, theme, span, w, h}) {
  const rows = frames.map((frame) => frame.fields[1]).map((field) => ({edge: field.labels.le === '+Inf' ? Infinity : +field.labels.le, name: field.config.displayName, values: field.values})).sort((a, b) => a.edge - b.edge);
  const cells = rows.map((row, i) => row.values.map((value, k) => Math.max(0, value - (i ? rows[i - 1].values[k] : 0))));
  const names = rows.map(({edge, name}) => name ?? (edge === Infinity ? '+Inf' : bound(edge, unit)));
  const left = 10 + Math.max(52, ...names.map((name) => 6.3 * name.length)), most = Math.max(1e-9, ...cells.flat()), cw = (w - left) / (cells[0]?.length ?? 1), bottom = AXIS + 20, ch = (h - bottom) / rows.length;
  const labelled = Math.ceil(13 / ch);
  return <Canvas w={w} h={h} draw={(canvas) => {
    rows.forEach((row, i) => {
      const y = h - bottom - (i + 1) * ch;
      cells[i].forEach((value, k) => {
        if (value / most < 0.001) return;
        canvas.fillStyle = colour(value / most);
        canvas.fillRect(left + k * cw, y + 0.5, Math.max(1, cw - (cw > 4 ? 1 : 0)), ch - 1);
      });
      canvas.fillStyle = theme.colors.text.primary;
      canvas.textAlign = 'right';
      const beside = rows[i - 1]?.name || rows[i + 1]?.name;
      if (row.name || (i % labelled === 0 && !(beside && labelled > 1))) canvas.fillText(names[i], left - 6, y + ch / 2);
    });
    times(canvas, {theme, span, w, h: h - 20}, left);
    scale(canvas, theme, most, left, h - 10);
  }} />;
}

function scale(canvas, theme, most, left, y) {
  for (let i = 0; i < 100; ++i) {
    canvas.fillStyle = colour(i / 100);
    canvas.fillRect(left + 14 + i, y - 4, 1.5, 8);
  }
  const {text, suffix} = D.getValueFormat('short')(most);
  canvas.fillStyle = theme.colors.text.primary;
  canvas.textAlign = 'left';
  canvas.fillText('0', left, y);
  canvas.fillText(text + (suffix ?? ''), left + 122, y);
}

/** A line of states each; the same state after itself is one box. */
export function StateTimeline({frames, theme, span, w, h}) {
  const left = 230, bottom = AXIS + 20, height = (h - bottom) / frames.length;
  const x = (time) => left + (time / 1000 - span.from) / (span.to - span.from) * (w - left);
  return <Canvas w={w} h={h} draw={(canvas) => {
    const seen = new Map([0, 1, 2, 3, 4].map((value) => frames[0].fields[1].display(value)).map(({text, color}) => [text, color]));
    frames.forEach((frame, i) => {
      const [at, values, display] = [frame.fields[0].values, frame.fields[1].values, frame.fields[1].display];
      for (let begin = 0, k = 1; k <= values.length; ++k) {
        if (values[k] === values[begin]) continue;
        if (values[begin] !== null) {
          canvas.fillStyle = D.colorManipulator.alpha(display(values[begin]).color, 0.85);
          canvas.fillRect(x(at[begin]), i * height + 2, x(at[k] ?? at[k - 1]) - x(at[begin]), height - 4);
        }
        begin = k;
      }
      canvas.fillStyle = theme.colors.text.primary;
      canvas.textAlign = 'right';
      canvas.fillText(frame.name, left - 10, (i + 0.5) * height);
    });
    times(canvas, {theme, span, w, h: h - 20}, left);
    let legend = left;
    canvas.textAlign = 'left';
    for (const [text, color] of seen) {
      canvas.fillStyle = color;
      canvas.fillRect(legend, h - 13, 14, 5);
      canvas.fillStyle = theme.colors.text.primary;
      canvas.fillText(text, legend + 20, h - 10);
      legend += 90;
    }
  }} />;
}
