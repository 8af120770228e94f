// Requests and the stream of events. The operator's token is held here, in
// this tab's memory and sessionStorage, and leaves in one header only.

const STORED = 'phasegate.operator';
let signedIn = JSON.parse(sessionStorage.getItem(STORED) ?? 'null');

export const operator = () => signedIn;

export function remember(who, token) {
  signedIn = token ? { who, token } : null;
  if (signedIn) sessionStorage.setItem(STORED, JSON.stringify(signedIn));
  else sessionStorage.removeItem(STORED);
}

export class Refused extends Error {
  constructor(status, body) {
    const e = body?.error ?? {};
    super([e.message ?? e.what, e.why].filter(Boolean).join(': ') || `HTTP ${status}`);
    this.status = status;
    this.mend = e.how_to_fix ?? '';
  }
}

function headers(more) {
  return signedIn ? { ...more, Authorization: `Bearer ${signedIn.token}` } : more;
}

async function answer(response) {
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

const PLAIN = { credentials: 'omit', cache: 'no-store', redirect: 'error' };

export async function ask(path) {
  return answer(await fetch(path, { ...PLAIN, headers: headers({}) }));
}

export async function send(path, value) {
  return answer(await fetch(path, {
    ...PLAIN,
    method: 'POST',
    headers: headers({ 'Content-Type': 'application/json' }),
    body: JSON.stringify(value),
  }));
}

// Reads events until the stream ends. EventSource could not send a token.
async function readEvents(response, heard) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const event = { name: 'message', data: '' };
      for (const line of text.slice(0, end).split('\n')) {
        if (line.startsWith('event: ')) event.name = line.slice(7);
        else if (line.startsWith('data: ')) event.data += line.slice(6);
      }
      if (event.data) heard(event.name, JSON.parse(event.data));
    }
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// For ever: `heard(name, data)` for each event, `state(text)` when the
// connection comes ("live") or goes.
export async function listen(heard, state) {
  for (let wait = 250; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await fetch('/api/events', { ...PLAIN, headers: headers({}) });
      if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
      wait = 250;
      state('live');
      await readEvents(response, heard);
      state('lost');
    } catch (e) {
      state(e.status === 401 || e.status === 403 ? 'locked' : 'lost');
    }
    await pause(wait);
  }
}
