// Elements, and how numbers and times are written. Texts become text nodes
// here and nowhere else: what an agent wrote is never read as markup.

export const byId = (id) => document.getElementById(id);

// What nobody would see, or what turns the direction of the text around it, is
// spelled as in JSON: a person decides on what is there.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;
const seen = (text) => String(text).replace(UNSEEN,
  (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

function fill(node, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  for (const kid of kids.flat(Infinity)) {
    if (kid === undefined || kid === null || kid === false) continue;
    node.append(kid instanceof Node ? kid : document.createTextNode(seen(kid)));
  }
  return node;
}

export const el = (name, props, ...kids) =>
  fill(document.createElement(name), props, kids);
export const drawn = (name, props, ...kids) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), props, kids);

// A text of an agent, which keeps its direction to itself.
export const said = (text, name = 'span') => el(name, { class: 't', dir: 'auto' }, text);

// Sets a text only when it differs, so that a screen reader hears changes alone.
export function write(node, words) {
  const text = seen(words);
  if (node.textContent !== text) node.textContent = text;
}

const UNITS = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const at = UNITS.findIndex(([, size]) => s >= size);
  if (at < 0) return '0 s';
  const [unit, size] = UNITS[at];
  const rest = UNITS[at + 1];
  const more = rest && size < 86400 * 2 ? Math.floor((s % size) / rest[1]) : 0;
  const text = `${Math.floor(s / size)} ${unit}`;
  return more && s / size < 10 ? `${text} ${more} ${rest[0]}` : text;
}

export function ago(iso, now = Date.now()) {
  const s = (now - Date.parse(iso)) / 1000;
  if (!(s >= 45)) return 'now';
  const [unit, size] = UNITS.find(([, n]) => s >= n);
  return `${Math.floor(s / size)} ${unit} ago`;
}

// An element that says how long ago, and the moment itself when asked.
export function when(iso) {
  return el('time', { datetime: iso, title: new Date(iso).toLocaleString() }, ago(iso));
}

export function refreshTimes() {
  for (const node of document.querySelectorAll('time[datetime]')) {
    write(node, ago(node.dateTime));
  }
}

export const count = (n) => n.toLocaleString('en').replaceAll(',', '\u202f');
export const plural = (n, one, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;
export const percent = (x) =>
  x >= 0.9995 ? '100 %' : `${(100 * x).toFixed(x >= 0.1 ? 1 : 2)} %`;

export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024;
    at++;
  }
  return `${n.toFixed(at && n < 100 ? 1 : 0)} ${units[at]}`;
}

// "gate_refused" -> "Gate refused"
export function words(name) {
  const text = String(name).replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// For who listens to the page instead of looking at it. The region is always
// there: one that comes with its words is not read out.
export const tell = (text) => { byId('told').textContent = text; };

let toastTimer;
export function toast(text) {
  tell(text);
  const node = byId('toast');
  node.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.textContent = ''; }, 5000);
}
