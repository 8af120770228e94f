// Puts the parts together: what is fetched when, what an event changes, and
// which part is shown.

import { byId, write, refreshTimes } from './text.js';
import { ask, listen } from './api.js';
import { loadSessions, put, waiting } from './state.js';
import { makeCharts, drawCharts, setSeries, addSample } from './charts.js';
import { makeList, paintList, highlight, markOpen } from './sessions.js';
import { openSession, closeSession, refreshSession, paintSession } from './timeline.js';
import { loadApprovals, paintWaiting, makeSignIn, signIn, paintOperator } from './approvals.js';
import { paintServer, paintHealth } from './server.js';

// --- at most one repaint for each frame, one fetch of a kind at a time ----------

const due = new Set();
function soon(paint) {
  if (due.size === 0) requestAnimationFrame(() => {
    const all = [...due];
    due.clear();
    for (const one of all) one();
  });
  due.add(paint);
}

// A fetch that is asked for while it runs, runs once more.
function single(fetchIt) {
  let running = null;
  let again = false;
  return function run() {
    if (running) {
      again = true;
      return running;
    }
    running = fetchIt().catch((e) => {
      // Busy or gone for a moment; what is refused stays refused.
      if (!(e.status >= 400 && e.status < 500)) setTimeout(run, 2000);
    }).finally(() => {
      running = null;
      if (again) {
        again = false;
        run();
      }
    });
    return running;
  };
}

const sessions = single(() => loadSessions(() => soon(paintList)));
const approvals = single(async () => {
  await loadApprovals();
  soon(paintWaiting);
  soon(paintList);
  soon(paintSession);
});
const status = single(async () => {
  const s = await ask('/api/status');
  setSeries(s.series);
  soon(() => paintServer(s));
  soon(drawCharts);
});

function everything() {
  sessions();
  approvals();
  status();
  refreshSession();
}

// --- what is told ---------------------------------------------------------------

let pulses = 0;
const HEARD = {
  session(session) {
    const had = put(session);
    if (had) highlight(session.session_id);
    soon(paintList);
    refreshSession(session.session_id);
    if (/^approval_/.test(session.event) || waiting.has(session.session_id)) approvals();
  },
  pulse({ sample, status: health, reasons }) {
    addSample(sample);
    soon(drawCharts);
    paintHealth(health, reasons);
    if (++pulses % 5 === 0 && !document.hidden) status();
  },
  hello: everything,
  resync: everything,
};

const LIVE = {
  live: ['good', 'live'],
  lost: ['bad', 'reconnecting'],
  locked: ['warn', 'needs a token'],
};

function live(state) {
  const [kind, text] = LIVE[state];
  byId('live').dataset.kind = kind;
  write(byId('live-text'), text);
  if (state === 'locked' && !byId('sign-in').open && !byId('sign-in').dataset.asked) {
    byId('sign-in').dataset.asked = 'yes';
    signIn('This server shows nothing without a token.');
  }
}

// --- which part is shown ----------------------------------------------------------

function route() {
  const id = /^#\/session\/([0-9a-f-]{36})$/.exec(location.hash)?.[1];
  byId('session').hidden = !id;
  byId('waiting').hidden = byId('server').hidden = Boolean(id);
  byId('main').classList.toggle('one', Boolean(id));
  markOpen(id ?? null);
  soon(paintList);
  if (!id) {
    closeSession();
    return;
  }
  byId('pane').scrollTop = 0;
  openSession(id);
}

// --- colours ------------------------------------------------------------------------

const THEMES = { '': 'as the system', light: 'light', dark: 'dark' };

function paintTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  byId('theme').title = `Colours: ${THEMES[theme]}`;
  write(byId('theme-text'), `Colours: ${THEMES[theme]}`);
}

function makeTheme() {
  const names = Object.keys(THEMES);
  let theme = localStorage.getItem('phasegate.theme') ?? '';
  if (!(theme in THEMES)) theme = '';
  byId('theme').addEventListener('click', () => {
    theme = names[(names.indexOf(theme) + 1) % names.length];
    localStorage.setItem('phasegate.theme', theme);
    paintTheme(theme);
  });
  paintTheme(theme);
}

makeTheme();
makeCharts(byId('charts'));
makeList(sessions);
makeSignIn(() => {
  paintOperator();
  everything();
});
window.addEventListener('hashchange', route);
setInterval(refreshTimes, 20000);
route();
listen((name, data) => HEARD[name]?.(data), live);
