// One session: its phases, who holds which task, and what happened, newest
// first. A kind of event is a row of KINDS; what no row knows is shown whole.

import { el, byId, said, when, words, plural, toast } from './text.js';
import { ask } from './api.js';
import { standing, put, waiting } from './state.js';
import { approvalCard, evidenceRows, proofRows } from './approvals.js';

const SHOWN = 100;
const pane = { id: null, data: null, events: [], more: SHOWN, only: 'all', asked: 0 };

const phase = (e) => (e.phase === undefined ? '' : ` ${e.phase}`);

// kind: colour; title; group: what the filter keeps.
const KINDS = {
  session_started: { kind: 'now', group: 'session', title: () => 'Session started' },
  phase_completed: { kind: 'good', group: 'gate', title: (e) => `Gate of phase${phase(e)} passed` },
  gate_refused: { kind: 'bad', group: 'gate', title: (e) => `Gate of phase${phase(e)} refused` },
  approval_requested: { kind: 'warn', group: 'approval', title: (e) => `Approval of phase${phase(e)} requested` },
  approval_granted: { kind: 'good', group: 'approval', title: (e) => `Phase${phase(e)} approved` },
  approval_rejected: { kind: 'bad', group: 'approval', title: (e) => `Phase${phase(e)} rejected` },
  task_claimed: { kind: 'now', group: 'claim', title: (e) => `Task ${e.data.task} of phase${phase(e)} claimed` },
  task_released: { kind: 'off', group: 'claim', title: (e) => `Task ${e.data.task} of phase${phase(e)} released, ${e.data.task_status}` },
  session_paused: { kind: 'off', group: 'session', title: () => 'Session paused' },
  session_resumed: { kind: 'now', group: 'session', title: () => 'Session resumed' },
  session_expired: { kind: 'off', group: 'session', title: () => 'Session expired: nothing happened for long' },
  session_abandoned: { kind: 'bad', group: 'session', title: () => 'Session abandoned' },
  session_deleted: { kind: 'bad', group: 'session', title: () => 'Session deleted' },
  session_reopened: { kind: 'now', group: 'session', title: () => 'Session opened again' },
  session_imported: { kind: 'off', group: 'session', title: () => 'Session imported' },
  phase_imported: { kind: 'off', group: 'gate', title: (e) => `Phase${phase(e)} imported` },
  phase_retried: { kind: 'warn', group: 'session', title: (e) => `Phase${phase(e)} begun again` },
  phase_reopened: { kind: 'warn', group: 'gate', title: (e) => `Phase${phase(e)} open again: a proven file changed` },
  session_rolled_back: { kind: 'warn', group: 'session', title: (e) => `Rolled back to phase${phase(e)}` },
};
const GROUPS = { all: 'Everything', gate: 'Gates', approval: 'Approvals', claim: 'Claims' };

const kindOf = (e) => KINDS[e.type] ?? { kind: 'off', group: 'session', title: () => words(e.type) };

function finding(item, weight) {
  return el('li', { class: weight },
    item.field && [el('code', { class: 't' }, item.field), ' '], said(item.message ?? item.code),
    item.how_to_fix && el('div', { class: 'fix' }, said(item.how_to_fix)));
}

function verdictOf(e) {
  const v = e.verdict;
  if (!v) return null;
  const rows = [
    ...(v.errors ?? []).map((i) => finding(i, 'error')),
    ...(v.warnings ?? []).map((i) => finding(i, 'warning')),
    ...proofRows(v.proofs, e.type !== 'phase_completed'),
  ];
  return rows.length ? el('ul', { class: 'verdict' }, rows) : null;
}

// What a person or agent said with it.
function notesOf(e) {
  const approval = e.data.approval;
  const lines = [
    approval?.by && [said(approval.by), ` by ${approval.channel}`],
    e.data.agent && ['agent ', said(e.data.agent)],
    ...(e.data.changed ?? []).map((c) => [said(c.path), ` proved ${c.field} of phase ${c.phase}; `, said(c.why ?? 'it is another now')]),
    approval?.comment && [said(approval.comment)],
    e.data.reason && [said(e.data.reason)],
    e.data.note && [said(e.data.note)],
  ].filter(Boolean);
  return lines.map((line) => el('div', { class: 'note' }, line));
}

// The evidence that opened a phase; fetched when somebody looks.
function shownEvidence(e) {
  const stands = e.type === 'phase_completed' && pane.data.session.completed_phases.includes(e.phase)
    && !pane.events.some((later) => later.event_id > e.event_id && later.type === e.type && later.phase === e.phase);
  if (!stands) return null;
  const box = el('div', {});
  const { id } = pane;
  return el('details', { 'data-key': `evidence ${e.event_id}`, ontoggle: async (event) => {
    if (!event.target.open || box.firstChild) return;
    try {
      const { evidence } = await ask(`/api/sessions/${id}?evidence=1&after=${e.event_id}`);
      box.replaceChildren(evidenceRows(evidence[e.phase] ?? {}));
    } catch (why) { box.replaceChildren(el('p', { class: 'wrong' }, why.message)); }
  } }, el('summary', {}, 'evidence'), box);
}

function record(e) {
  return el('details', { 'data-key': `event ${e.event_id}` }, el('summary', {}, `event ${e.event_id}`),
    el('pre', {}, JSON.stringify(e.data, null, 2)),
    el('div', { class: 'mono soft t' }, e.hash));
}

function entry(e) {
  const { kind, title } = kindOf(e);
  return el('li', {}, when(e.at),
    el('div', {},
      el('span', { class: 'dot', 'data-kind': kind, 'aria-hidden': 'true' }),
      el('div', { class: 'title' }, title(e), el('span', { class: 'by' }, ` · ${e.actor}`)),
      verdictOf(e), notesOf(e), el('div', { class: 'deeper' }, shownEvidence(e), record(e))));
}

// Claims that stand, by the events: the last word on each task counts.
function claims() {
  const last = new Map();
  for (const e of pane.events) {
    if (e.type === 'task_claimed' || e.type === 'task_released') last.set(`${e.phase}/${e.data.task}`, e);
  }
  const now = Date.now();
  return [...last.values()].filter((e) => e.data.task_status === 'claimed' && e.data.expires_ms > now
    && e.phase === pane.data.session.current_phase);
}

function heldList() {
  const held = claims();
  return held.length > 0 && [
    el('h3', { class: 'part' }, 'Claimed now'),
    el('ul', { class: 'held card' }, held.map((e) => el('li', {}, `Task ${e.data.task}`, said(e.data.agent),
      el('span', { class: 'soft' }, `until ${new Date(e.data.expires_ms).toLocaleTimeString()}`)))),
  ];
}

function phaseList(session) {
  const waits = waiting.get(session.session_id);
  return el('ol', { class: 'phases', 'aria-label': 'Phases' }, session.phases.map((p) => {
    const asks = p.status === 'current' && waits;
    return el('li', { class: `${p.status}${asks ? ' waits' : ''}`, 'aria-current': p.status === 'current' ? 'step' : null },
      el('span', { 'aria-hidden': 'true' }, p.status === 'completed' ? '✓' : p.number),
      el('span', { class: 't', title: p.name }, p.name),
      el('span', { class: 'unseen' }, asks ? ' waits for approval' : ` ${p.status}`));
  }));
}

async function saveReport(id) {
  try {
    const { text } = await ask(`/api/sessions/${id}/report`);
    const at = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
    el('a', { href: at, download: `${id}.md` }).click();
    setTimeout(() => URL.revokeObjectURL(at), 1000);
  } catch (e) { toast(e.message); }
}

function headOf({ session, definition_changed: changed }) {
  const { kind, text } = standing(session);
  const id = session.session_id;
  return el('header', {},
    el('a', { class: 'crumb', href: '#/' }, '← Overview'),
    el('h2', { id: 'session-title', class: 't', dir: 'auto', tabindex: -1 }, session.target || '(no target)'),
    el('div', { class: 'about' },
      el('span', { class: 'pill', 'data-kind': kind }, text),
      said(session.workflow_type),
      el('span', {}, 'changed ', when(session.updated_at)),
      el('span', {}, 'started ', when(session.created_at)),
      el('button', { type: 'button', class: 'copy', title: 'Copy the session id',
        onclick: () => navigator.clipboard?.writeText(id).then(() => toast('Copied')) }, id),
      el('button', { type: 'button', class: 'copy', onclick: () => saveReport(id) }, 'Report'),
      changed && el('span', { 'data-kind': 'warn' }, 'the workflow has changed since')));
}

function reopenedOf({ reopened }) {
  return reopened && el('div', { class: 'reason reopened' },
    el('strong', {}, `Phase ${reopened.phase} is open again`),
    ...reopened.changed.map((c) => el('div', {}, said(c.path), ` had proven ${c.field} of phase ${c.phase}; `, said(c.why ?? 'it is another now'))));
}

function troubleOf(session) {
  return session.trouble && el('div', { class: 'reason degraded trouble' },
    el('strong', {}, words(session.trouble.detail)), el('div', {}, said(session.trouble.why)));
}

function filter() {
  return el('fieldset', { class: 'chips' }, el('legend', { class: 'unseen' }, 'Show'),
    Object.entries(GROUPS).map(([name, label]) => el('label', {},
      el('input', { type: 'radio', name: 'timeline', value: name, checked: pane.only === name,
        onchange: () => { pane.only = name; pane.more = SHOWN; paintTimeline(); } }), label)));
}

function history() {
  const all = pane.events.filter((e) => pane.only === 'all' || kindOf(e).group === pane.only).reverse();
  return [
    all.length ? el('ol', { class: 'timeline', id: 'timeline' }, all.slice(0, pane.more).map(entry))
      : el('p', { class: 'none' }, 'Nothing of this kind has happened.'),
    all.length > pane.more && el('button', { type: 'button', class: 'more',
      onclick: () => { pane.more += SHOWN; paintTimeline(); } }, `Show ${plural(Math.min(SHOWN, all.length - pane.more), 'older event')}`),
  ];
}

// What is kept over a repaint: where the focus is, and which records are open.
function paintTimeline() {
  const box = byId('session-history');
  const open = new Map([...box.querySelectorAll('details[open]')].map((d) => [d.dataset.key, d]));
  box.replaceChildren(...history().filter(Boolean));
  for (const d of box.querySelectorAll('details')) if (open.has(d.dataset.key)) d.replaceWith(open.get(d.dataset.key));
}

export function paintSession() {
  const { data } = pane;
  if (!data) return;
  const asked = waiting.get(pane.id);
  const box = byId('session');
  const kept = box.querySelector('.ask');
  const focus = box.contains(document.activeElement) ? document.activeElement.id : '';
  const card = asked && (kept?.dataset.event === String(asked.event_id) ? kept : approvalCard(asked, 'session'));
  if (box.dataset.id !== pane.id) {
    box.dataset.id = pane.id;
    box.replaceChildren(el('div', { id: 'session-head' }), el('div', { id: 'session-ask' }), el('div', { id: 'session-held' }),
      el('h3', { class: 'part' }, 'Timeline', filter()), el('div', { id: 'session-history' }));
  }
  byId('session-head').replaceChildren(headOf(data), ...[phaseList(data.session), troubleOf(data.session), reopenedOf(data.session)].filter(Boolean));
  if (card !== byId('session-ask').firstChild) byId('session-ask').replaceChildren(...(card ? [card] : []));
  byId('session-held').replaceChildren(...(heldList() || []));
  paintTimeline();
  if (focus) byId(focus)?.focus({ preventScroll: true });
}

async function load() {
  const { id } = pane;
  const turn = ++pane.asked;
  let after = pane.events.at(-1)?.event_id ?? 0;
  const fresh = [];
  let data;
  do {
    data = await ask(`/api/sessions/${id}?after=${after}`);
    fresh.push(...data.history);
    after = data.history.at(-1)?.event_id ?? after;
  } while (data.history.length >= 1000);
  if (turn !== pane.asked || id !== pane.id) return;
  pane.data = data;
  pane.events.push(...fresh);
  put(data.session);
  paintSession();
}

function fail(e) {
  byId('session').dataset.id = '';
  byId('session').replaceChildren(el('a', { class: 'crumb', href: '#/' }, '← Overview'),
    el('h2', { id: 'session-title', tabindex: -1 }, 'This session cannot be shown'), el('p', { class: 'wrong' }, e.message));
}

export async function openSession(id) {
  if (pane.id !== id) Object.assign(pane, { id, data: null, events: [], more: SHOWN, only: 'all' });
  try {
    await load();
    byId('session-title')?.focus({ preventScroll: true });
  } catch (e) { fail(e); }
}

export const closeSession = () => { pane.id = null; pane.data = null; };

// The session has changed; what is new of it is fetched.
export function refreshSession(id) {
  if (pane.id && (!id || id === pane.id)) load().catch((e) => { if (e.status === 404) fail(e); });
}
