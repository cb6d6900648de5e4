// Asks Prometheus what a panel asks, and makes Grafana's data frames of the answers.
import * as D from '@grafana/data';

export const chosen = JSON.parse(new URLSearchParams(location.search).get('choice') ?? '{}');
const ALL = {environment: '.*', cluster: '.*', job: '.+', instance: '.+', netns: '.+', destination: '.+'};

const filled = (expr, span) => expr.replace(/\$__rate_interval/g, span.rate).replace(/"\$(\w+)"/g, (whole, name) => `"${chosen[name] ?? ALL[name]}"`);
const legend = (format, labels) => (format ? format.replace(/\{\{(\w+)\}\}/g, (whole, name) => labels[name] ?? '').replace(/\s+/g, ' ').trim() : 'Value');

function table(target, result, several) {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].filter((name) => name !== '__name__');
  const fields = names.map((name) => ({name, type: 'string', values: result.map((series) => series.metric[name] ?? '')}));
  const value = {name: several ? `Value #${target.refId}` : 'Value', type: 'number', values: result.map((series) => +series.value[1])};
  return [D.toDataFrame({refId: target.refId, fields: [...fields, value]})];
}

function frame(target, series, span) {
  const name = legend(target.legendFormat, series.metric);
  const byTime = new Map(series.values ?? [series.value]);
  const times = [];
  for (let time = span.from; time <= span.to; time += span.step) times.push(time);
  const at = series.values ? times : [series.value[0]];
  return D.toDataFrame({refId: target.refId, name, fields: [
    {name: 'Time', type: 'time', values: at.map((time) => time * 1000)},
    {name: 'Value', type: 'number', labels: series.metric, config: {displayNameFromDS: name}, values: at.map((time) => (byTime.has(time) ? +byTime.get(time) : null))},
  ]});
}

async function ask(panel, target, span) {
  const query = new URLSearchParams({query: filled(target.expr, span)});
  const range = !target.instant;
  for (const [name, value] of Object.entries(range ? {start: span.from, end: span.to, step: span.step} : {time: span.to})) query.set(name, value);
  const answer = await (await fetch(`/prom/api/v1/query${range ? '_range' : ''}?${query}`)).json();
  if (answer.status !== 'success') throw new Error(`${panel.title}: ${answer.error}`);
  const {result} = answer.data;
  if (!result.length) window.complaints.push(`${panel.title} ${target.refId} is empty`);
  if (target.format === 'table') return table(target, result, panel.targets.length > 1);
  if (!range) result.sort((a, b) => b.value[1] - a.value[1]);
  return result.map((series) => frame(target, series, span));
}

/** When alerts fired: [begin, end] in seconds, and their colour. */
export async function askMarks({expr, iconColor}, span) {
  const query = new URLSearchParams({query: filled(expr, span), start: span.from, end: span.to, step: 60});
  const {data} = await (await fetch(`/prom/api/v1/query_range?${query}`)).json();
  return data.result.map(({values}) => ({begin: values[0][0], end: values.at(-1)[0], color: iconColor}));
}

export async function askAll(panel, span) {
  return (await Promise.all((panel.targets ?? []).map((target) => ask(panel, target, span)))).flat();
}
