// The list: as many rows as fit are elements, whatever there are. It is one
// stop of the Tab key; arrows move in it and Enter opens.

import { el, byId, said, when, write, count } from './text.js';
import { known, view, select, standing, waiting, CHIPS } from './state.js';

const ROW = 58, SPARE = 6, STEPS_MOST = 12;
const list = { box: null, all: null, at: null, open: null, rows: new Map(), fresh: new Set() };

function step(session, i) {
  if (session.status === 'completed' || i < session.current_phase) return 'done';
  if (i > session.current_phase) return '';
  return waiting.has(session.session_id) ? 'wait' : 'now';
}

function progress(session) {
  const total = session.total_phases;
  const done = session.status === 'completed' ? total : Math.min(session.current_phase, total);
  const bar = el('span', { class: 'steps', 'aria-hidden': 'true' });
  if (total > STEPS_MOST) {
    bar.classList.add('many');
    bar.append(el('i', { class: 'done' }));
    bar.firstChild.style.width = `${(100 * done) / total}%`;
  } else {
    for (let i = 0; i < total; i++) bar.append(el('i', { class: step(session, i) }));
  }
  return [bar, el('span', {}, `${done}/${total}`)];
}

function makeRow(session, place) {
  const { kind, text } = standing(session);
  const id = session.session_id;
  const row = el('div', {
    class: 'row', role: 'option', id: `row-${id}`, 'data-id': id,
    'aria-posinset': place + 1, 'aria-setsize': view.sessions.length,
    'aria-selected': id === list.open,
  },
  el('span', { class: 'name t', dir: 'auto' }, session.target || '(no target)'),
  el('span', { class: 'pill', 'data-kind': kind }, text),
  el('span', { class: 'what' }, progress(session), said(session.workflow_type)),
  el('span', { class: 'when' }, when(session.updated_at)));
  row.style.transform = `translateY(${place * ROW}px)`;
  row.classList.toggle('at', id === list.at);
  row.classList.toggle('fresh', list.fresh.delete(id));
  return row;
}

// Puts the rows that can be seen, and the one under the arrows.
export function paintRows() {
  const { box, all } = list;
  const from = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
  const to = Math.min(view.sessions.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + SPARE);
  const shown = [];
  for (let i = from; i < to; i++) shown.push(makeRow(view.sessions[i], i));
  all.replaceChildren(...shown);
  const at = list.at && byId(`row-${list.at}`);
  if (at) box.setAttribute('aria-activedescendant', at.id);
  else box.removeAttribute('aria-activedescendant');
}

export function paintList() {
  const counts = select();
  const shown = view.sessions.length;
  list.all.style.height = `${shown * ROW}px`;
  write(byId('sessions-count'), shown === known.size ? count(shown) : `${count(shown)} of ${count(known.size)}`);
  for (const [name, chip] of Object.entries(CHIPS)) write(chip.count, name !== 'all' && counts[name] ? ` ${count(counts[name])}` : '');
  const empty = byId('sessions-empty');
  empty.hidden = shown > 0;
  write(empty, known.size ? 'No session fits the filter.' : 'No sessions yet. They appear here as soon as an agent calls start_workflow.');
  paintRows();
}

export const highlight = (id) => list.fresh.add(id);

export function markOpen(id) {
  list.open = id;
  if (id) list.at = id;
}

function moveTo(place) {
  if (!view.sessions.length) return;
  const i = Math.max(0, Math.min(view.sessions.length - 1, place));
  list.at = view.sessions[i].session_id;
  const { box } = list;
  if (i * ROW < box.scrollTop) box.scrollTop = i * ROW;
  else if ((i + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (i + 1) * ROW - box.clientHeight;
  paintRows();
}

function onKey(event) {
  const place = view.sessions.findIndex((s) => s.session_id === list.at);
  const page = Math.max(1, Math.floor(list.box.clientHeight / ROW) - 1);
  const moves = {
    ArrowDown: place + 1, ArrowUp: Math.max(0, place - 1), PageDown: place + page,
    PageUp: Math.max(0, place - page), Home: 0, End: view.sessions.length - 1,
  };
  if (event.key in moves) moveTo(moves[event.key]);
  else if ((event.key === 'Enter' || event.key === ' ') && place >= 0) location.hash = `#/session/${list.at}`;
  else return;
  event.preventDefault();
}

function makeChips(chosen) {
  for (const [name, chip] of Object.entries(CHIPS)) {
    chip.count = el('span', {});
    byId('chips').append(el('label', {},
      el('input', { type: 'radio', name: 'status', value: name, checked: name === view.status,
        onchange: () => { view.status = name; chosen(chip); } }), chip.label, chip.count));
  }
}

// `load` asks for the sessions again, when there are others to be shown.
export function makeList(load) {
  list.box = byId('sessions-list');
  list.all = el('div', { class: 'all', role: 'presentation' });
  list.box.append(list.all);
  let due = 0;
  list.box.addEventListener('scroll', () => {
    due ||= requestAnimationFrame(() => { due = 0; paintRows(); });
  }, { passive: true });
  list.box.addEventListener('keydown', onKey);
  list.box.addEventListener('click', (event) => {
    const row = event.target.closest('.row');
    if (row) location.hash = `#/session/${row.dataset.id}`;
  });
  new ResizeObserver(() => paintRows()).observe(list.box);
  const again = () => { list.box.scrollTop = 0; paintList(); };
  makeChips((chip) => {
    if (chip.archived && !view.archived) {
      view.archived = true;
      load();
    }
    again();
  });
  byId('search').addEventListener('input', (event) => { view.text = event.target.value; again(); });
  byId('search').addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    list.box.focus();
    moveTo(Math.max(0, view.sessions.findIndex((s) => s.session_id === list.at)));
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || /^(INPUT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    byId('search').focus();
  });
}
