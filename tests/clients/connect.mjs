// The official clients behind one face: sdk is @modelcontextprotocol/sdk, the
// other modes are those of @modelcontextprotocol/client.
import * as client2 from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const modes = {
  default: {},
  auto: { versionNegotiation: { mode: 'auto' } },
  modern: { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  sdk: {}
};

let connections = 0;

// Appends each message that passes to `file` (see schema.mjs), and remembers
// which revision an initialize chose.
function record(transport, kind, file) {
  const connection = `${process.pid}.${++connections}`;
  const seen = {};
  const keep = (from, message) => {
    seen.revision ??= message.result?.protocolVersion;
    if (!file) return;
    const line = { connection, transport: kind, from, message };
    appendFileSync(file, JSON.stringify(line) + '\n');
  };
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    for (const m of [message].flat()) keep('client', m);
    return send(message, options);
  };
  transport.onmessage = message => keep('server', message);
  return seen;
}

// kind stdio: target is {command, args}; kind http: target is a URL.
export async function connect(mode, kind, target, file) {
  if (!(mode in modes)) throw new Error(`no mode ${mode}`);
  const old = mode === 'sdk';
  const [Client, Stdio, Http] = old
    ? [Client1, Stdio1, Http1]
    : [client2.Client, Stdio2, client2.StreamableHTTPClientTransport];
  const info = { name: 'phasegate-tests', version: '1' };
  const client = new Client(info, { capabilities: {}, ...modes[mode] });
  const transport = kind === 'stdio'
    ? new Stdio({ ...target, stderr: 'inherit', env: process.env })
    : new Http(new URL(target));
  const seen = record(transport, kind, file);
  // A GET stream that is refused is the client's own business, not an error.
  const complaints = [];
  client.onerror = e => complaints.push(`${e.name}: ${e.message}`);
  await client.connect(transport);
  return {
    client,
    transport,
    complaints,
    era: old ? 'legacy' : client.getProtocolEra(),
    revision: old ? seen.revision : client.getNegotiatedProtocolVersion()
  };
}

// Where the server with this process id serves HTTP, from its own file.
export async function serverUrl(project, pid, seconds = 60) {
  const file = `${project}/.phasegate/servers/${pid}.json`;
  for (const end = Date.now() + seconds * 1000; ; await sleep(10)) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).url;
    } catch (e) {
      if (Date.now() > end) throw new Error(`no ${file}: ${e.message}`);
    }
  }
}
