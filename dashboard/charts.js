// Small charts over time. Each is a row: how a sample becomes a number, and
// how its newest value is said.

import { el, drawn, write, percent, count, span } from './text.js';

const KEEP = 300, NARROWEST = 30; // samples that are kept, and that fill a chart
const series = { samples: [], period: 2, names: [] };

// In the order of series.columns.
const AT = 0, WAIT_US = 1, PERMITS = 2, PERMITS_WAITING = 3, CALLS = 4, QUEUED = 5,
  CONNECTIONS = 6, LAG_MS = 7, CACHES = 8;
const HITS = 0, MISSES = 1, DOUBLE_LOADS = 2, LOCK_WAITS = 3;

const sum = (sample, which) => sample[CACHES].reduce((n, cache) => n + cache[which], 0);
const lookups = (sample) => sum(sample, HITS) + sum(sample, MISSES) + sum(sample, DOUBLE_LOADS);
const ms = (us) => (us >= 10000 ? `${(us / 1000).toFixed(0)} ms` : us >= 100 ? `${(us / 1000).toFixed(1)} ms` : `${us} µs`);

// value: of one sample, or null: nothing happened. all: over the whole span.
const CHARTS = [
  { title: 'Cache hits', top: 1, value: (s) => (lookups(s) ? sum(s, HITS) / lookups(s) : null),
    all: (rows) => {
      const n = rows.reduce((total, s) => total + lookups(s), 0);
      return n ? [percent(rows.reduce((total, s) => total + sum(s, HITS), 0) / n), `of ${count(n)} lookups`] : ['–', 'no lookups'];
    } },
  { title: 'Double loads prevented', value: (s) => sum(s, DOUBLE_LOADS),
    all: (rows) => [count(rows.reduce((n, s) => n + sum(s, DOUBLE_LOADS), 0)), 'met at one key'] },
  { title: 'Lock waits', hot: (n) => n > 100, value: (s) => sum(s, LOCK_WAITS),
    all: (rows) => [count(rows.reduce((n, s) => n + sum(s, LOCK_WAITS), 0)), `${ms(rows.reduce((n, s) => n + s[WAIT_US], 0))} asleep`] },
  { title: 'Permits in use', value: (s) => s[PERMITS],
    all: (rows) => [count(rows.at(-1)[PERMITS]), `${count(rows.at(-1)[PERMITS_WAITING])} waiting`] },
  { title: 'Connections', value: (s) => s[CONNECTIONS],
    all: (rows) => [count(rows.at(-1)[CONNECTIONS]), `${count(rows.at(-1)[CALLS])} calls, ${count(rows.at(-1)[QUEUED])} queued`] },
  { title: 'Loop lag', hot: (n) => n > 100, value: (s) => s[LAG_MS],
    all: (rows) => [`${count(rows.at(-1)[LAG_MS])} ms`, `at most ${count(Math.max(...rows.map((s) => s[LAG_MS])))} ms`] },
];

const WIDTH = 300, HEIGHT = 40;

// The line's path, with gaps where nothing happened, and the area below it.
export function paths(values, top) {
  const wide = Math.max(values.length, NARROWEST);
  const x = (i) => ((WIDTH * (wide - values.length + i)) / (wide - 1)).toFixed(1);
  const y = (v) => (HEIGHT - (HEIGHT - 2) * (v / top)).toFixed(1);
  let line = '', area = '', from = -1;
  values.forEach((v, i) => {
    if (v === null) {
      if (from >= 0) area += `L${x(i - 1)} ${HEIGHT}Z`;
      from = -1;
      return;
    }
    line += `${from < 0 ? 'M' : 'L'}${x(i)} ${y(v)}`;
    area += `${from < 0 ? `M${x(i)} ${HEIGHT}L` : 'L'}${x(i)} ${y(v)}`;
    if (from < 0) from = i;
  });
  if (from >= 0) area += `L${x(values.length - 1)} ${HEIGHT}Z`;
  return { line, area };
}

export function makeCharts(into) {
  for (const chart of CHARTS) {
    const line = drawn('path', { class: 'line' });
    const area = drawn('path', { class: 'area' });
    const value = el('div', { class: 'value' }, '–');
    const from = el('span', {});
    const most = el('span', {});
    const picture = drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${chart.title}: nothing yet` }, area, line);
    chart.parts = { line, area, value, from, most, picture };
    chart.parts.box = el('div', { class: 'chart' }, el('h3', {}, chart.title), value, picture,
      el('div', { class: 'span', 'aria-hidden': 'true' }, from, most, el('span', {}, 'now')));
    into.append(chart.parts.box);
  }
}

function draw(chart) {
  const { parts } = chart;
  const values = series.samples.map(chart.value);
  const peak = Math.max(0, ...values.filter((v) => v !== null));
  const top = chart.top ?? Math.max(peak, 1);
  const { line, area } = paths(values, top);
  parts.line.setAttribute('d', line);
  parts.area.setAttribute('d', area);
  const [big, small] = chart.all(series.samples);
  const long = span((series.samples.length - 1) * series.period);
  parts.value.replaceChildren(big, ' ', el('small', {}, small));
  write(parts.from, `${span((Math.max(series.samples.length, NARROWEST) - 1) * series.period)} ago`);
  write(parts.most, chart.top ? '' : `peak ${count(peak)}`);
  parts.picture.setAttribute('aria-label', `${chart.title} over the last ${long}: ${big} ${small}`);
  parts.box.classList.toggle('hot', Boolean(chart.hot?.(values.at(-1) ?? 0)));
}

export function drawCharts() {
  if (series.samples.length) CHARTS.forEach(draw);
}

export function setSeries(given) {
  series.samples = given.samples;
  series.period = given.period_s;
}

export function addSample(sample) {
  if (series.samples.at(-1)?.[AT] >= sample[AT]) return;
  series.samples.push(sample);
  if (series.samples.length > KEEP) series.samples.shift();
}
