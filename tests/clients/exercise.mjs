// Sends every method of the server's table in every revision that has it, over
// both transports, and a number of faults; keeps all messages in a record.
//
// exercise.mjs --methods JSON --record FILE --project DIR [--url URL]
//              -- SERVER ARGUMENTS...
//   JSON: [{"method", "kind": "request"/"notification", "revisions": [...]}]
import { parseArgs } from 'node:util';
import { serverUrl } from './connect.mjs';
import { done, step } from './steps.mjs';
import { HttpWire, MODERN, StdioWire } from './wire.mjs';

const text = { type: 'string' };
const { values: option, positionals: command } = parseArgs({
  options: { methods: text, record: text, project: text, url: text },
  allowPositionals: true
});
const table = JSON.parse(option.methods);

/* --- one example per method ------------------------------------------------ */
const uriOf = async wire => (await wire.request('resources/list')).result?.resources[0]?.uri;
const promptOf = async wire => (await wire.request('prompts/list')).result?.prompts[0];
const valuesFor = prompt =>
  Object.fromEntries((prompt?.arguments ?? []).map(a => [a.name, 'x']));

// Each tool without arguments: what needs some tells it in a result.
async function callTools(wire) {
  const { result } = await wire.request('tools/list');
  for (const { name } of result?.tools ?? [])
    await wire.request('tools/call', { name, arguments: {} });
}

// A task of everything_server; another server has neither task nor method.
const tasks = { capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
async function withTask(wire, method, params) {
  const slow = { name: 'slow_compute', arguments: { seconds: 1, label: 'x' } };
  const { result } = await wire.request('tools/call', slow, tasks);
  await wire.request(method, { taskId: result?.taskId ?? 'none', ...params }, tasks);
}

const examples = {
  'initialize': wire => wire.request('initialize',
    { protocolVersion: wire.revision, capabilities: {}, clientInfo: { name: 'x', version: '1' } }),
  'server/discover': wire => wire.request('server/discover'),
  'ping': wire => wire.request('ping'),
  'tools/list': wire => wire.request('tools/list'),
  'tools/call': callTools,
  'resources/list': wire => wire.request('resources/list'),
  'resources/templates/list': wire => wire.request('resources/templates/list'),
  'resources/read': async wire =>
    wire.request('resources/read', { uri: await uriOf(wire) ?? 'x:none' }),
  'resources/subscribe': async wire =>
    wire.request('resources/subscribe', { uri: await uriOf(wire) ?? 'x:none' }),
  'resources/unsubscribe': async wire =>
    wire.request('resources/unsubscribe', { uri: await uriOf(wire) ?? 'x:none' }),
  'prompts/list': wire => wire.request('prompts/list'),
  'prompts/get': async wire => {
    const prompt = await promptOf(wire);
    await wire.request('prompts/get',
                       { name: prompt?.name ?? 'none', arguments: valuesFor(prompt) });
  },
  'completion/complete': async wire => {
    const prompt = await promptOf(wire);
    await wire.request('completion/complete', {
      ref: { type: 'ref/prompt', name: prompt?.name ?? 'none' },
      argument: { name: prompt?.arguments?.[0]?.name ?? 'none', value: '' }
    });
  },
  'logging/setLevel': wire => wire.request('logging/setLevel', { level: 'warning' }),
  'subscriptions/listen': wire => wire.request('subscriptions/listen',
    { notifications: { toolsListChanged: true } }, { streams: true }),
  'tasks/get': wire => withTask(wire, 'tasks/get'),
  'tasks/update': wire => withTask(wire, 'tasks/update', { inputResponses: {} }),
  'tasks/cancel': wire => withTask(wire, 'tasks/cancel'),
  'notifications/initialized': wire => wire.notify('notifications/initialized'),
  'notifications/cancelled': wire => wire.notify('notifications/cancelled', { requestId: 4711 }),
  'notifications/roots/list_changed': wire => wire.notify('notifications/roots/list_changed'),
  'notifications/progress': wire =>
    wire.notify('notifications/progress', { progressToken: 'x', progress: 1 })
};

/* --- faults, whose replies are held to the schema too ---------------------- */
async function faults(wire) {
  await wire.request('no/such');
  await wire.request('tools/call', { name: 'no_such_tool', arguments: {} });
  await wire.request('tools/call', { arguments: {} });
  await wire.request('tools/list', { cursor: 'never given' });
  await wire.raw('{"jsonrpc":');
  await wire.raw('"no object"');
  await wire.raw('{"jsonrpc":"1.0","id":1,"method":"ping"}');
  if (wire.revision === '2025-03-26')
    await wire.raw('[{"jsonrpc":"2.0","id":"b1","method":"ping"},{"jsonrpc":"2.0","id":"b2","method":"no/such"}]');
  if (wire.revision !== MODERN) return;
  const claim = version => ({ 'io.modelcontextprotocol/protocolVersion': version });
  const ask = _meta =>
    JSON.stringify({ jsonrpc: '2.0', id: 'f', method: 'tools/list', params: { _meta } });
  await wire.raw(ask(claim(MODERN)), { 'mcp-method': 'tools/list' });
  const whole = version =>
    ({ ...claim(version), 'io.modelcontextprotocol/clientCapabilities': {} });
  await wire.raw(ask(whole('2099-01-01')),
                 { 'mcp-method': 'tools/list', 'mcp-protocol-version': '2099-01-01' });
  if (wire.transport === 'http') await wire.raw(ask(whole(MODERN)), { 'mcp-method': 'ping' });
}

/* --- */
async function exercise(make, transport) {
  for (const revision of [...new Set(table.flatMap(m => m.revisions))]) {
    await step(`${transport} ${revision}`, async () => {
      const wire = make(revision);
      await wire.hello();
      for (const { method } of table.filter(m => m.revisions.includes(revision))) {
        if (!examples[method]) throw new Error(`no example of ${method}: add one`);
        await examples[method](wire);
      }
      await faults(wire);
      await wire.close();
    });
  }
}

const keeper = new StdioWire(command, MODERN, option.record);
const url = option.url ?? await serverUrl(option.project, keeper.child.pid);
await exercise(r => new StdioWire(command, r, option.record), 'stdio');
await exercise(r => new HttpWire(url, r, option.record), 'http');
await step('end', () => keeper.close());
done();
