// What is known of the sessions, newest change first, and what is shown of it.

import { ask } from './api.js';

const MOST = 5000;

export const known = new Map(); // by session id
export const view = { text: '', status: 'all', archived: false, sessions: [], more: false };
export const waiting = new Map(); // approvals by session id

export const STATUS = {
  active: { kind: 'now', text: 'active' },
  paused: { kind: 'off', text: 'paused' },
  completed: { kind: 'good', text: 'completed' },
  error: { kind: 'bad', text: 'error' },
  abandoned: { kind: 'off', text: 'abandoned' },
  expired: { kind: 'off', text: 'expired' },
};
export const WAITS = { kind: 'warn', text: 'waiting for you' };

export function standing(session) {
  if (waiting.has(session.session_id)) return WAITS;
  return STATUS[session.status] ?? { kind: 'off', text: session.status };
}

export const CHIPS = {
  all: { label: 'All', fits: () => true },
  waiting: { label: 'Waiting', fits: (s) => waiting.has(s.session_id) },
  active: { label: 'Active', fits: (s) => s.status === 'active' },
  paused: { label: 'Paused', fits: (s) => s.status === 'paused' },
  completed: { label: 'Done', fits: (s) => s.status === 'completed' },
  other: { label: 'Other', fits: (s) => /^(error|abandoned|expired)$/.test(s.status) },
  archived: { label: 'Archived', fits: () => true, archived: true },
};

const fits = (chip) => (s) => Boolean(s.archived) === Boolean(chip.archived) && chip.fits(s);

const newest = (a, b) =>
  a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1
    : a.session_id < b.session_id ? -1 : 1;

function matches(session, terms) {
  const text = `${session.target}\n${session.workflow_type}`.toLowerCase();
  return terms.every((term) => text.includes(term) || session.session_id.startsWith(term));
}

// Those shown, and how many each chip has.
export function select() {
  const terms = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...known.values()].filter((s) => matches(s, terms));
  const counts = {};
  for (const [name, chip] of Object.entries(CHIPS)) counts[name] = found.filter(fits(chip)).length;
  view.sessions = found.filter(fits(CHIPS[view.status])).sort(newest);
  return counts;
}

export function put(session) {
  const had = known.get(session.session_id);
  if (session.hidden) known.delete(session.session_id);
  else if (!had || had.updated_at <= session.updated_at) known.set(session.session_id, session);
  return had;
}

// All pages; `shown()` after each, so that the first is there at once.
export async function loadSessions(shown) {
  const met = new Set();
  const more = view.archived ? '&archived=true' : '';
  let cursor = '';
  do {
    const page = await ask(`/api/sessions?limit=200${more}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const session of page.sessions) {
      met.add(session.session_id);
      put(session);
    }
    cursor = page.next_cursor;
    shown();
  } while (cursor && met.size < MOST);
  view.more = Boolean(cursor);
  for (const [id, session] of known) {
    // Those that changed while the pages came are told by events.
    if (!met.has(id) && !cursor && !session.event) known.delete(id);
  }
  shown();
}
