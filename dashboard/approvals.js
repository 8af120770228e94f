// What waits for a person: the cards, the sign-in, and the decision.

import { el, byId, said, when, write, bytes, count, plural, tell, toast } from './text.js';
import { ask, send, operator, remember } from './api.js';
import { waiting } from './state.js';

const EVIDENCE_SHOWN = 12;
const hooks = { changed: () => {} };

export async function loadApprovals() {
  const found = new Map();
  let cursor = '';
  do {
    const page = await ask(`/api/approvals?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const approval of page.approvals) found.set(approval.session_id, approval);
    cursor = page.next_cursor;
  } while (cursor);
  waiting.clear();
  for (const [id, approval] of found) waiting.set(id, approval);
}

// --- signing in ---------------------------------------------------------------

let pending = null; // resolves with true when somebody has signed in

export function paintOperator() {
  const who = operator()?.who;
  write(byId('operator'), who ? `Signed in: ${who}` : 'Sign in');
}

export function signIn(why = '') {
  const dialog = byId('sign-in');
  write(byId('sign-in-wrong'), why);
  byId('who').value ||= operator()?.who ?? '';
  byId('sign-out').hidden = !operator();
  if (!dialog.open) dialog.showModal();
  (byId('who').value ? byId('token') : byId('who')).focus();
  return new Promise((resolve) => { pending?.(false); pending = resolve; });
}

function settle(done) {
  byId('token').value = '';
  pending?.(done);
  pending = null;
  paintOperator();
}

async function tryToken() {
  const before = operator();
  remember(byId('who').value.trim(), byId('token').value.trim());
  try {
    await send('/api/operator', {});
  } catch (e) {
    if (e.status === 401 || e.status === 403) {
      remember(before?.who, before?.token);
      write(byId('sign-in-wrong'), 'This is not the operator token.');
      byId('token').select();
      return;
    }
    write(byId('sign-in-wrong'), e.message);
    return;
  }
  byId('sign-in').close('in');
}

export function makeSignIn(changed) {
  hooks.changed = changed;
  byId('operator').addEventListener('click', () => signIn());
  byId('sign-in-cancel').addEventListener('click', () => byId('sign-in').close(''));
  byId('sign-out').addEventListener('click', () => { remember(); byId('sign-in').close(''); });
  byId('sign-in-form').addEventListener('submit', (event) => { event.preventDefault(); tryToken(); });
  byId('sign-in').addEventListener('close', () => {
    const done = byId('sign-in').returnValue === 'in';
    byId('sign-in').returnValue = '';
    settle(done);
    if (done) changed();
  });
  paintOperator();
}

// --- deciding -------------------------------------------------------------------

async function post(approval, approve, comment) {
  return send('/api/approvals', {
    session_id: approval.session_id, phase: approval.phase, event_id: approval.event_id,
    decision: approve ? 'approve' : 'reject', person: operator().who, comment,
  });
}

async function decide(approval, approve, card) {
  const field = card.querySelector('textarea');
  const wrong = card.querySelector('.wrong');
  const comment = field.value.trim();
  write(wrong, '');
  if (!approve && !comment) {
    write(wrong, 'Say what is missing: the agent reads it.');
    field.focus();
    return;
  }
  if (!operator() && !(await signIn())) return;
  const buttons = card.querySelectorAll('button');
  for (const b of buttons) b.disabled = true;
  try {
    await post(approval, approve, comment);
    waiting.delete(approval.session_id);
    toast(`Phase ${approval.phase} of ${approval.target} ${approve ? 'approved' : 'rejected'}`);
    hooks.changed();
  } catch (e) {
    for (const b of buttons) b.disabled = false;
    if (e.status === 401 || e.status === 403) {
      if (await signIn('This is not the operator token.')) decide(approval, approve, card);
    } else {
      write(wrong, `${e.message} ${e.mend ?? ''}`);
      if (e.status === 409) hooks.changed();
    }
  }
}

const shownValue = (v) => (typeof v === 'string' ? v : JSON.stringify(v, null, 1));

export function evidenceRows(evidence) {
  const entries = Object.entries(evidence);
  const rows = ([key, value]) => [el('dt', {}, said(key)), el('dd', { class: 't', dir: 'auto' }, shownValue(value))];
  const rest = entries.slice(EVIDENCE_SHOWN);
  return el('div', {}, el('dl', { class: 'shown' }, entries.slice(0, EVIDENCE_SHOWN).map(rows)),
    rest.length > 0 && el('details', {}, el('summary', {}, plural(rest.length, 'more field')),
      el('dl', { class: 'shown' }, rest.map(rows))));
}

// Large evidence is left out of the queue, and fetched when somebody looks.
function evidenceOf(approval) {
  if (approval.evidence) return evidenceRows(approval.evidence);
  const button = el('button', { type: 'button', onclick: async () => {
    try {
      const { approvals } = await ask(`/api/approvals?session_id=${approval.session_id}`);
      const whole = approvals.find((a) => a.event_id === approval.event_id);
      button.replaceWith(evidenceRows(whole?.evidence ?? {}));
    } catch (e) { toast(e.message); }
  } }, `Show ${bytes(approval.evidence_bytes)} of evidence`);
  return button;
}

// What the server found out for itself, then what the agent only says.
export function proofRows(proofs = [], pending = false) {
  const claimed = proofs.filter((p) => p.kind === 'claimed').map((p) => p.field);
  return [
    ...proofs.filter((p) => p.kind !== 'claimed').map((p) => el('li', { class: pending && p.kind === 'human' ? 'asked' : 'proof' },
      el('code', { class: 't' }, p.field), ' ', el('span', { class: 'soft' }, p.kind), ' ', said(p.detail ?? ''))),
    claimed.length > 0 && el('li', { class: 'claimed' }, 'as the agent states it: ', said(claimed.join(', '))),
  ].filter(Boolean);
}

function proofsOf(approval) {
  const rows = proofRows(approval.proofs, true);
  return rows.length > 0 && el('ul', { class: 'verdict' }, rows);
}

// One request. `where` keeps ids apart when it is shown twice.
export function approvalCard(approval, where) {
  const id = `${where}-${approval.session_id}`;
  const card = el('article', { class: 'card ask', 'data-event': approval.event_id, 'data-session': approval.session_id, 'aria-labelledby': `${id}-title` },
    el('div', { class: 'top' },
      el('h3', { id: `${id}-title` }, said(approval.target), ` · phase ${approval.phase} `, said(approval.phase_name ?? '')),
      el('span', { class: 'soft' }, said(approval.workflow_type), ', asked ', when(approval.asked_at))),
    evidenceOf(approval), proofsOf(approval),
    el('textarea', { id: `${id}-comment`, 'aria-label': `Comment on phase ${approval.phase} of ${approval.target}`, maxlength: 4000, placeholder: 'Comment; needed to reject', rows: 1 }),
    el('p', { class: 'wrong', role: 'alert' }),
    el('div', { class: 'actions' },
      el('button', { type: 'button', class: 'go', id: `${id}-approve`, onclick: () => decide(approval, true, card) }, 'Approve'),
      el('button', { type: 'button', class: 'no', id: `${id}-reject`, onclick: () => decide(approval, false, card) }, 'Reject'),
      el('span', { class: 'spring' }),
      where === 'queue' && el('a', { href: `#/session/${approval.session_id}` }, 'Timeline')));
  return card;
}

// What came since the last look; at the first there is no before.
let heard = null;
function tellNew() {
  const keys = new Map([...waiting.values()].map((a) => [`${a.session_id}/${a.event_id}`, a]));
  const came = heard ? [...keys].filter(([key]) => !heard.has(key)).map(([, a]) => a) : [];
  heard = new Set(keys.keys());
  if (came.length === 1) tell(`${came[0].target} waits for your decision on phase ${came[0].phase}`);
  else if (came.length) tell(`${plural(came.length, 'session waits', 'sessions wait')} for your decision`);
}

// Cards that stay are the same elements, so that a half-written comment stays.
export function paintWaiting() {
  const box = byId('waiting-list');
  const had = new Map([...box.children].map((card) => [`${card.dataset.session}/${card.dataset.event}`, card]));
  const cards = [...waiting.values()].map((a) => had.get(`${a.session_id}/${a.event_id}`) ?? approvalCard(a, 'queue'));
  const kept = new Set(cards);
  for (const child of [...box.children]) if (!kept.has(child)) child.remove();
  cards.forEach((card, i) => { if (box.children[i] !== card) box.insertBefore(card, box.children[i] ?? null); });
  if (!cards.length) box.replaceChildren(el('p', { class: 'none' }, 'Nothing waits for a decision.'));
  write(byId('waiting-count'), cards.length ? count(cards.length) : '');
  tellNew();
  document.title = cards.length ? `(${cards.length}) phasegate` : 'phasegate';
}
