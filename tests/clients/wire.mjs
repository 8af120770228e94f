// Raw JSON-RPC over both transports, every message kept in a record
// (schema.mjs): what an official client would hide or refuse to send.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export const MODERN = '2026-07-28';
const clientInfo = { name: 'phasegate-tests', version: '1' };
const PATIENCE_MS = 60_000;
const END_MS = 20_000; // from the end of its stdin to its own

let connections = 0;
let ids = 0;

class Wire {
  constructor(transport, revision, record) {
    Object.assign(this, { transport, revision, record });
    this.connection = `wire ${++connections}`;
  }

  keep(from, message) {
    const { connection, transport, revision } = this;
    const line = { connection, transport, revision, from, message };
    appendFileSync(this.record, JSON.stringify(line) + '\n');
  }

  // The revision's envelope around a method and its params.
  message(kind, method, params, clientCapabilities = {}) {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': this.revision,
      'io.modelcontextprotocol/clientInfo': clientInfo,
      'io.modelcontextprotocol/clientCapabilities': clientCapabilities
    };
    const claimed = this.revision === MODERN ? { ...params, _meta } : params;
    const id = kind === 'request' ? { id: ++ids } : {};
    return { jsonrpc: '2.0', ...id, method, params: claimed };
  }

  // The answer; with `streams` the first message of any kind.
  async request(method, params = {}, { streams = false, capabilities } = {}) {
    const message = this.message('request', method, params, capabilities);
    this.keep('client', message);
    return this.exchange(JSON.stringify(message), message,
                         m => streams || m.id === message.id);
  }

  async notify(method, params = {}) {
    const message = this.message('notification', method, params);
    this.keep('client', message);
    await this.exchange(JSON.stringify(message), message, null);
  }

  // Text that need be no message, or several: whatever comes back.
  async raw(text, headers) {
    try {
      for (const m of [JSON.parse(text)].flat())
        if (m.method && m.jsonrpc === '2.0') this.keep('client', m);
    } catch {
      // no JSON, and nothing to keep
    }
    return this.exchange(text, {}, () => true, headers);
  }

  async hello() {
    if (this.revision === MODERN) return;
    await this.request('initialize',
                       { protocolVersion: this.revision, capabilities: {}, clientInfo });
    await this.notify('notifications/initialized');
  }
}

export class StdioWire extends Wire {
  constructor([command, ...args], revision, record) {
    super('stdio', revision, record);
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = new Promise(resolve => this.child.on('close', resolve));
    this.waiting = [];
    createInterface({ input: this.child.stdout }).on('line', line => {
      const all = [JSON.parse(line)].flat();
      for (const m of all) this.keep('server', m);
      const at = this.waiting.findIndex(w => all.some(w.wanted));
      if (at >= 0) this.waiting.splice(at, 1)[0].resolve(all.find(m => m));
    });
  }

  exchange(text, message, wanted) {
    this.child.stdin.write(text + '\n');
    if (!wanted) return;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer to ${text.slice(0, 200)}`));
      const timer = setTimeout(late, PATIENCE_MS);
      this.waiting.push({ wanted, resolve: m => (clearTimeout(timer), resolve(m)) });
    });
  }

  async close() {
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill('SIGKILL'), END_MS);
    const status = await this.ended;
    clearTimeout(late);
    if (status !== 0) throw new Error(`the server ended with ${status}`);
  }
}

// The events of a text/event-stream, as they come.
async function* events(body) {
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const whole = text.split(/\r?\n\r?\n/);
    text = whole.pop();
    for (const event of whole) {
      const field = name => event.split(/\r?\n/).filter(l => l.startsWith(`${name}:`))
        .map(l => l.slice(name.length + 1).trim()).join('\n');
      yield { id: field('id'), data: field('data'), retry: field('retry') };
    }
  }
}

export class HttpWire extends Wire {
  constructor(url, revision, record) {
    super('http', revision, record);
    this.url = url;
  }

  headers({ method, params }) {
    const h = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': this.revision
    };
    if (this.session) h['mcp-session-id'] = this.session;
    if (this.revision !== MODERN || !method) return h;
    h['mcp-method'] = method;
    const name = params.name ?? params.uri ?? params.taskId;
    if (name !== undefined) h['mcp-name'] = name;
    return h;
  }

  async exchange(text, message, wanted, headers = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
    try {
      const r = await fetch(this.url, {
        method: 'POST', body: text, signal: stop.signal,
        headers: { ...this.headers(message), ...headers }
      });
      if (!wanted && r.status !== 202) throw new Error(`${text} was answered ${r.status}`);
      this.session = r.headers.get('mcp-session-id') ?? this.session;
      return await this.#first(r, wanted, stop.signal);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  // A server may close a stream before the answer: it goes on in another,
  // after the last event seen in any of them.
  async #first(reply, wanted, signal, before = {}) {
    const streamed = reply.headers.get('content-type')?.startsWith('text/event-stream');
    const body = streamed ? events(reply.body) : [{ data: await reply.text() }];
    let { last, wait = 0 } = before;
    for await (const { id, data, retry } of body) {
      last = id || last;
      wait = Number(retry || wait);
      if (!data) continue;
      const all = [JSON.parse(data)].flat();
      for (const m of all) this.keep('server', m);
      if (all.some(wanted ?? (() => false))) return all[0];
    }
    if (!wanted) return;
    if (!streamed || !last) throw new Error(`${reply.status} without the answer wanted`);
    await delay(wait, undefined, { signal });
    return this.#first(await this.#resume(last, signal), wanted, signal, { last, wait });
  }

  #resume(last, signal) {
    const headers = { ...this.headers({}), 'last-event-id': last };
    return fetch(this.url, { headers, signal });
  }

  async close() {}
}
