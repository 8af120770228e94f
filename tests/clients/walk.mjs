// Walks a workflow from its first phase to its end with one official client,
// while a second one on the other transport reads the same session and must
// see each change.
//
// walk.mjs --mode M --walker stdio|http --project DIR --plan FILE
//          [--record FILE] -- SERVER ARGUMENTS...
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, serverUrl } from './connect.mjs';
import { done, step } from './steps.mjs';

const text = { type: 'string' };
const { values: option, positionals: [command, ...args] } = parseArgs({
  options: { mode: text, walker: text, project: text, plan: text, record: text },
  allowPositionals: true
});
const plan = JSON.parse(readFileSync(option.plan, 'utf8'));

async function call(who, name, args = {}) {
  const r = await who.client.callTool({ name, arguments: args });
  assert.deepEqual(JSON.parse(r.content[0].text), r.structuredContent,
                   `${name}: the text is not the structured content`);
  return r;
}

async function ok(who, name, args) {
  const r = await call(who, name, args);
  assert.ok(!r.isError, `${name} failed: ${r.content[0].text}`);
  return r.structuredContent;
}

async function refused(who, name, args, code) {
  const r = await call(who, name, args);
  assert.equal(r.isError, true, `${name} was not refused`);
  assert.equal(r.structuredContent.error.code, code, r.content[0].text);
  for (const part of ['what', 'why', 'how_to_fix'])
    assert.ok(r.structuredContent.error[part], `the error has no ${part}`);
  return r.structuredContent;
}

// A workflow whose evidence the plan does not spell out asks for booleans.
const evidenceOf = (number, gate) => plan.evidence?.[number] ??
  Object.fromEntries(gate.evidence.filter(f => f.required).map(f => {
    assert.equal(f.type, 'boolean', `${f.name} is no boolean: plan its value`);
    return [f.name, true];
  }));

for (const [name, content] of Object.entries(plan.files ?? {})) {
  const path = join(option.project, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

let stdio, http;
await step('connect', async () => {
  stdio = await connect(option.mode, 'stdio', { command, args }, option.record);
  const url = await serverUrl(option.project, stdio.transport.pid);
  http = await connect(option.mode, 'http', url, option.record);
  return { stdio: [stdio.era, stdio.revision], http: [http.era, http.revision] };
});
const [walker, reader] =
  option.walker === 'stdio' ? [stdio, http] : [http, stdio];

await step('list tools', async () => {
  // From here on the clients hold each result to its tool's outputSchema.
  const lists = await Promise.all([walker, reader].map(w => w.client.listTools()));
  const [a, b] = lists.map(l => l.tools);
  assert.deepEqual(a, b);
  assert.ok(a.every(t => t.description && t.inputSchema));
  return { tools: a.map(t => t.name) };
});

await step('list workflows', async () => {
  const { workflows } = await ok(walker, 'list_workflows');
  const found = workflows.find(w => w.workflow_type === plan.workflow_type);
  assert.equal(found?.valid, true, JSON.stringify(workflows));
  return { workflows: workflows.length };
});

const { workflow_type, target } = plan;
const started = await step('start', async () => {
  const s = await ok(walker, 'start_workflow', { workflow_type, target });
  assert.equal(s.resumed, false);
  assert.equal(s.next.arguments.session_id, s.session_id);
  return { session_id: s.session_id, phase: s.current_phase, total: s.total_phases };
});
const { session_id, total } = started;

// What the reader sees; `completed` are the phases that must be behind.
async function seen(phase, completed, status) {
  const { session } = await ok(reader, 'get_session', { session_id });
  assert.equal(session.current_phase, phase);
  assert.deepEqual(session.completed_phases, completed);
  assert.equal(session.status, status);
  return session.version;
}

const completed = [];
for (let n = started.phase; n < total; n++) {
  await step(`read ${n}`, async () => {
    const { phase } = await ok(walker, 'get_phase', { session_id });
    assert.equal(phase.number, n);
    for (const t of phase.tasks) {
      const given = { session_id, task_number: t.number };
      const { task } = await ok(walker, 'get_task', given);
      assert.equal(task.name, t.name);
      assert.ok(task.content.length > 0);
    }
    return { tasks: phase.tasks.length, version: await seen(n, completed, 'active') };
  });

  if (n + 1 < total) {
    await step(`locked ${n + 1}`, async () => {
      await refused(walker, 'get_phase', { session_id, phase: n + 1 }, 'phase_locked');
      await refused(walker, 'complete_phase',
                    { session_id, phase: n + 1, evidence: { a: 1 } }, 'phase_locked');
    });
  }

  const { phase } = await ok(reader, 'get_phase', { session_id });
  await step(`refuse ${n}`, async () => {
    const e = await refused(walker, 'complete_phase',
                            { session_id, phase: n, evidence: {} }, 'gate_refused');
    const wanted = phase.gate.evidence.filter(f => f.required).map(f => f.name);
    const missed = e.errors.map(f => f.field);
    assert.deepEqual(missed.toSorted(), wanted.toSorted());
    await seen(n, completed, 'active');
    return { missed };
  });

  await step(`complete ${n}`, async () => {
    const evidence = evidenceOf(n, phase.gate);
    const r = await ok(walker, 'complete_phase', { session_id, phase: n, evidence });
    completed.push(n);
    assert.equal(r.passed, true);
    assert.deepEqual(r.warnings, []);
    assert.equal(r.workflow_complete, n + 1 === total);
    const given = { session_id, include: ['evidence'] };
    const kept = await ok(reader, 'get_session', given);
    assert.deepEqual(kept.evidence[n], evidence);
    const last = n + 1 === total;
    const version = await seen(r.current_phase, completed, last ? 'completed' : 'active');
    return { version };
  });

  if (n + 1 < total) {
    await step(`twice ${n}`, async () => {
      const again = { session_id, phase: n, evidence: evidenceOf(n, phase.gate) };
      await refused(reader, 'complete_phase', again, 'phase_completed');
      const s = await ok(reader, 'start_workflow', { workflow_type, target });
      assert.equal(s.resumed, true);
      assert.equal(s.session_id, session_id);
    });
  }
}

await step('the end', async () => {
  const again = { session_id, phase: total - 1, evidence: { a: 1 } };
  await refused(walker, 'complete_phase', again, 'session_closed');
  const { sessions } = await ok(reader, 'list_sessions', { status: 'completed' });
  assert.deepEqual(sessions.map(s => s.session_id), [session_id]);
  const first = await ok(reader, 'get_phase', { session_id, phase: started.phase });
  assert.equal(first.phase.status, 'completed');
});

await step('errors', async () => {
  for (const who of [walker, reader]) {
    const nobody = { session_id: '00000000-0000-4000-8000-000000000000' };
    await refused(who, 'get_session', nobody, 'not_found');
    await refused(who, 'get_session', { session_id: 'x' }, 'invalid_argument');
    await refused(who, 'get_phase', {}, 'invalid_argument');
    await assert.rejects(who.client.callTool({ name: 'no_such_tool' }),
                         e => e.code === -32602 && /no_such_tool/.test(e.message));
  }
});

await step('close', async () => {
  const complaints = [...walker.complaints, ...reader.complaints];
  await http.client.close();
  const began = performance.now();
  await stdio.client.close(); // closes its stdin; after 2 s it would kill
  return { complaints, ms: Math.round(performance.now() - began) };
});
done();
