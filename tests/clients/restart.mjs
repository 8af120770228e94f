// A client over HTTP whose server is killed and started again on its port
// between two calls: it must notice nothing.
//
// restart.mjs --mode M --url URL; a line on stdin says that the server is back
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { connect } from './connect.mjs';
import { done, step } from './steps.mjs';

const text = { type: 'string' };
const { values: option } = parseArgs({ options: { mode: text, url: text } });
const lines = createInterface({ input: process.stdin });

let client, session_id;
const call = async (name, args) => {
  const r = await client.callTool({ name, arguments: args });
  assert.ok(!r.isError, r.content[0].text);
  return r.structuredContent;
};

await step('before', async () => {
  ({ client } = await connect(option.mode, 'http', option.url));
  await client.listTools();
  const about = { workflow_type: 'bugfix_v1', target: 'src/total.c' };
  ({ session_id } = await call('start_workflow', about));
});
await once(lines, 'line');
await step('after', async () => {
  const { session } = await call('get_session', { session_id });
  assert.equal(session.status, 'active');
  const { task } = await call('get_task', { session_id, task_number: 1 });
  assert.ok(task.content);
  await client.listTools();
});
await client.close();
lines.close();
done();
