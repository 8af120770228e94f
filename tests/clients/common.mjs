// The common script of calls, through one official client over one transport,
// against everything_server: list, call, error, progress, cancel, subscribe,
// prompt, complete, resource. Each is a step.
//
// common.mjs --mode M --url URL | common.mjs --mode M -- SERVER ARGUMENTS...
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from './connect.mjs';
import { done, step } from './steps.mjs';

const text = { type: 'string' };
const { values: option, positionals: [command, ...args] } =
  parseArgs({ options: { mode: text, url: text }, allowPositionals: true });
const old = option.mode === 'sdk';
const WATCHED = 'test://watched-resource';
const PATIENCE_MS = 50_000;

let client, transport, complaints, era;
const call = (name, args = {}, options) => old
  ? client.callTool({ name, arguments: args }, undefined, options)
  : client.callTool({ name, arguments: args }, options);

await step('connect', async () => {
  const [kind, target] = option.url ? ['http', option.url] : ['stdio', { command, args }];
  ({ client, transport, complaints, era } = await connect(option.mode, kind, target));
  return { era };
});
await step('list', async () => {
  const { tools } = await client.listTools();
  const { resources } = await client.listResources();
  const { resourceTemplates } = await client.listResourceTemplates();
  const { prompts } = await client.listPrompts();
  const names = tools.map(t => t.name);
  assert.ok(names.includes('test_simple_text'), names.join());
  assert.ok(resources.some(r => r.uri === WATCHED));
  assert.equal(resourceTemplates[0].uriTemplate, 'test://template/{id}/data');
  assert.ok(prompts.some(p => p.name === 'test_simple_prompt'));
});
await step('call', async () => {
  const { content, isError } = await call('test_simple_text');
  assert.ok(!isError);
  assert.equal(content[0].text, 'This is a simple text response for testing.');
});
await step('error', async () => {
  const { isError } = await call('test_error_handling');
  assert.equal(isError, true);
  await assert.rejects(call('no_such_tool'), { code: -32602 });
});
await step('progress', async () => {
  const seen = [];
  await call('test_tool_with_progress', {}, { onprogress: p => seen.push(p.progress) });
  // A report that is read in one chunk with the answer these clients drop.
  assert.ok(seen.length > 0);
  assert.deepEqual(seen, [0, 50, 100].slice(0, seen.length));
});
await step('cancel', async () => {
  const stop = new AbortController();
  const late = call('slow_compute', { seconds: 600, label: 'x' }, { signal: stop.signal });
  setTimeout(() => stop.abort('no longer wanted'), 50);
  await assert.rejects(late);
  assert.ok(!(await call('test_simple_text')).isError, 'the connection goes on');
});
await step('subscribe', async () => {
  let told;
  const heard = new Promise(resolve => { told = n => resolve(n.params.uri); });
  client.setNotificationHandler(
    old ? ResourceUpdatedNotificationSchema : 'notifications/resources/updated', told);
  const open = era === 'modern'
    ? await client.listen({ resourceSubscriptions: [WATCHED] })
    : await client.subscribeResource({ uri: WATCHED });
  // A legacy client opens its stream when it likes: until then nobody hears.
  let uri;
  for (const end = Date.now() + PATIENCE_MS; !uri && Date.now() < end;) {
    await call('test_trigger_resource_update');
    uri = await Promise.race([heard, sleep(100)]);
  }
  assert.equal(uri, WATCHED);
  if (era === 'modern') await open.close();
  else await client.unsubscribeResource({ uri: WATCHED });
});
await step('prompt', async () => {
  const { messages } = await client.getPrompt(
    { name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } });
  assert.match(messages[0].content.text, /one.*two/);
});
await step('complete', async () => {
  const { completion } = await client.complete({
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
    argument: { name: 'arg1', value: 'par' }
  });
  assert.deepEqual(completion.values, ['paris', 'park', 'party']);
});
await step('resource', async () => {
  const { contents } = await client.readResource({ uri: 'test://template/7/data' });
  assert.match(contents[0].text, /7/);
  await assert.rejects(client.readResource({ uri: 'test://none' }));
});
await step('close', async () => {
  if (era === 'legacy' && option.url) await transport.terminateSession();
  await client.close();
  return { complaints };
});
done();
process.exit(0); // a client may keep its reconnection timers
