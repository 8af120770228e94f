// How the server is: why it is not well, its caches, and a few facts.

import { el, byId, when, write, words, count, percent, bytes, span, tell } from './text.js';

// What a reason's value counts, where that is not plain.
const COUNTED_IN = { loop_lag: ' ms', loop_stalled: ' ms', wal_large: ' bytes' };

function reason(r) {
  const unit = COUNTED_IN[r.reason] ?? '';
  return el('div', { class: `reason ${r.weight}` },
    el('strong', {}, words(r.reason), r.about && ` (${r.about})`),
    el('span', { class: 'soft' }, ` ${r.weight === 'degraded' ? 'degraded' : 'notice'}, since `, when(r.since)),
    el('div', {}, r.why, r.threshold ? ` (${count(r.value)}${unit}, threshold ${count(r.threshold)}${unit})` : ''),
    r.how_to_fix && el('div', { class: 'soft' }, r.how_to_fix));
}

const COLUMNS = [
  ['hit rate', (c) => (c.total ? percent(c.hit_rate) : '–')],
  ['lookups', (c) => count(c.total)],
  ['misses', (c) => count(c.misses)],
  ['double loads prevented', (c) => count(c.double_loads)],
  ['lock waits', (c) => count(c.lock_waits)],
  ['evicted', (c) => count(c.evictions_entries + c.evictions_bytes)],
  ['entries', (c) => count(c.entries)],
  ['size', (c) => bytes(c.bytes)],
];

function paintCaches(caches) {
  byId('caches').replaceChildren(
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'cache, since the start'), COLUMNS.map(([name]) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, Object.entries(caches).map(([name, c]) =>
      el('tr', {}, el('th', { scope: 'row' }, name), COLUMNS.map(([, value]) => el('td', {}, value(c)))))));
}

const levels = (permits) => ['global', 'session', 'read', 'write', 'search']
  .filter((name) => permits[name]?.limit)
  .map((name) => `${name} ${permits[name].in_use}/${permits[name].limit}`).join(', ');

function paintFacts(s) {
  const facts = [
    ['permits', levels(s.permits)],
    ['refused', count(s.permits.global.refused + s.queue.refused)],
    ['connections', `${count(s.connections.open)} open, ${count(s.connections.opened)} since the start`],
    ['requests', count(s.connections.requests)],
    ['workers', `${s.queue.busy} of ${s.queue.workers} busy`],
    ['state file', s.store ? bytes(s.store.db_bytes + s.store.wal_bytes) : 'none'],
    ['commits', s.store ? count(s.store.transactions) : '0'],
    ['memory', bytes(s.memory.rss_bytes)],
    ['watching', s.watch ? `${count(s.watch.directories)} folders` : 'nothing'],
    ['up', span(s.uptime_seconds)],
    ['process', `${s.pid} on ${s.host}:${s.port}`],
    ['version', s.version],
  ];
  byId('facts').replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

// The badge of the bar: what the last pulse or status said.
let lastStatus = null;
export function paintHealth(status, reasons) {
  const badge = byId('health');
  if (lastStatus && lastStatus !== status) tell(status === 'ok' ? 'The server is healthy again' : 'The server is degraded');
  lastStatus = status;
  badge.dataset.kind = status === 'ok' ? (reasons ? 'warn' : 'good') : 'bad';
  write(byId('health-text'), status === 'ok' ? (reasons ? `healthy, ${count(reasons)} to note` : 'healthy') : `degraded: ${count(reasons)}`);
}

export function paintServer(s) {
  write(byId('project'), s.project.split('/').at(-1));
  byId('project').title = s.project;
  byId('reasons').replaceChildren(...s.reasons.map(reason));
  paintCaches(s.caches);
  paintFacts(s);
  paintHealth(s.status, s.reasons.length);
}
