// Holds every message that a server sent to the official JSON schema of its
// revision, and tool results to the outputSchema their tool was listed with.
//
// schema.mjs SCHEMA-FOLDER RECORD
//
// A record is lines of {connection, transport, from, message} in the order of
// the wire; `revision` where the sender chose one. Each step is a
// "METHOD REVISION TRANSPORT": what was sent, what came back, what is wrong.
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { done, step } from './steps.mjs';

const [folder, record] = process.argv.slice(2);
const MODERN = '2026-07-28';
const CLAIM = 'io.modelcontextprotocol/protocolVersion';

/* --- a revision's schema --------------------------------------------------- */
class Schema {
  constructor(revision) {
    const text = readFileSync(`${folder}/${revision}.json`, 'utf8');
    const schema = JSON.parse(text);
    const place = schema.$defs ? '$defs' : 'definitions';
    this.definitions = schema[place];
    this.ajv = new (schema.$defs ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
    formats(this.ajv);
    this.ajv.addSchema(schema, 'mcp');
    this.place = place;
  }

  // What is wrong with the value, as texts.
  check(name, value) {
    const valid = this.ajv.getSchema(`mcp#/${this.place}/${name}`);
    if (valid(value)) return [];
    return valid.errors.map(e => `${name}${e.instancePath} ${e.message}`);
  }

  // The definition whose property at the path is this constant.
  #named(kind, path, constant) {
    const at = (d, p) => p.length ? at(d?.[p[0]], p.slice(1)) : d;
    return Object.keys(this.definitions).find(name => name.endsWith(kind) &&
      at(this.definitions[name], path)?.const === constant);
  }

  forMethod(kind, method) {
    return this.#named(kind, ['properties', 'method'], method);
  }

  // ListToolsRequest -> ListToolsResult; a method without a result of its own
  // has the empty one.
  resultOf(method) {
    const request = this.forMethod('Request', method);
    const name = request?.replace(/Request$/, 'Result');
    return name in this.definitions ? name : request && 'EmptyResult';
  }

  errorOf(code) {
    const at = ['properties', 'error', 'allOf', 1, 'properties', 'code'];
    return this.#named('Error', at, code) ??
      ('JSONRPCError' in this.definitions ? 'JSONRPCError' : 'JSONRPCErrorResponse');
  }
}

const schemas = {};
const schemaOf = revision => schemas[revision] ??= new Schema(revision);

/* --- the tasks extension, whose schema is not in the revision's ------------ */
const task = {
  type: 'object',
  required: ['taskId', 'status', 'createdAt', 'lastUpdatedAt', 'ttlMs'],
  properties: {
    taskId: { type: 'string' },
    status: { enum: ['working', 'input_required', 'completed', 'failed', 'cancelled'] },
    createdAt: { type: 'string', format: 'date-time' },
    lastUpdatedAt: { type: 'string', format: 'date-time' },
    ttlMs: { type: ['integer', 'null'] },
    pollIntervalMs: { type: 'integer' }
  }
};
const completed = {
  type: 'object',
  required: ['resultType'],
  properties: { resultType: { const: 'complete' }, _meta: {} }
};
const extension = {
  'tasks/get': { allOf: [completed, task] },
  'tasks/update': { ...completed, additionalProperties: false },
  'tasks/cancel': { ...completed, additionalProperties: false },
  created: { ...task, not: { anyOf: ['task', 'result', 'error', 'inputRequests',
    'requestState', 'ttl', 'pollInterval'].map(name => ({ required: [name] })) } }
};

function extensionProblems(name, result) {
  const valid = compile(extension[name]);
  return valid(result) ? []
                       : valid.errors.map(e => `${name}${e.instancePath} ${e.message}`);
}

/* --- one message ----------------------------------------------------------- */
function resultProblems(schema, asked, message, connection) {
  const { result } = message;
  if (asked.method in extension) return extensionProblems(asked.method, result);
  if (result.resultType === 'task') return extensionProblems('created', result);
  const name = result.resultType === 'input_required'
    ? 'InputRequiredResult'
    : schema.resultOf(asked.method);
  if (!name) return [`${asked.method} is no method of the schema`];
  const problems = schema.check(name, result);
  if (name === 'EmptyResult' && asked.revision !== MODERN && Object.keys(result).length)
    problems.push(`the result of ${asked.method} must be {}`);
  if (asked.method === 'tools/list' && !problems.length)
    problems.push(...learnTools(connection, result.tools));
  if (asked.method === 'tools/call' && name !== 'InputRequiredResult')
    problems.push(...toolProblems(connection, asked.params?.name, result));
  return problems;
}

// JSON-RPC wants a null id when the request's could not be read, which no
// schema can say; the handshake revisions get it (docs/PROTOCOL.md).
function errorProblems(schema, asked, message) {
  const name = schema.errorOf(message.error?.code);
  const readable = message.id != null || asked.revision === MODERN;
  return schema.check(name, readable ? message : { ...message, id: 0 });
}

// Clients compile these with the dialect of JSON Schema that MCP names.
const compiled = new Map();

function compile(schema) {
  const key = JSON.stringify(schema);
  if (!compiled.has(key)) {
    const ajv = new Ajv2020({ strict: false });
    formats(ajv);
    compiled.set(key, ajv.compile(schema));
  }
  return compiled.get(key);
}

function learnTools(connection, tools) {
  const problems = [];
  for (const { name, inputSchema, outputSchema } of tools) {
    try {
      compile(inputSchema);
      if (outputSchema) connection.outputs[name] = compile(outputSchema);
    } catch (e) {
      problems.push(`tool ${name}: ${e.message}`);
    }
  }
  return problems;
}

function toolProblems(connection, name, { isError, structuredContent }) {
  const valid = connection.outputs[name];
  if (!valid || (isError && structuredContent === undefined)) return [];
  if (isError || valid(structuredContent)) return [];
  return valid.errors.map(e => `${name}: structuredContent${e.instancePath} ${e.message}`);
}

/* --- the record ------------------------------------------------------------ */
const rows = new Map();
const connections = {};

function rowOf(method, revision, transport) {
  const name = `${method} ${revision} ${transport}`;
  if (!rows.has(name))
    rows.set(name, { sent: 0, results: 0, errors: 0, streamed: 0, absent: 0, problems: [] });
  return rows.get(name);
}

function clientMessage(connection, transport, { method, id, params }, chosen) {
  if (!method) return; // an answer to the server's request
  const revision = chosen ?? params?._meta?.[CLAIM] ?? connection.revision ?? MODERN;
  const asked = { method, params, revision, chosen };
  if (id !== undefined) connection.asked[JSON.stringify(id)] = asked;
  if (method !== 'initialize' || chosen) rowOf(method, revision, transport).sent++;
}

function answer(connection, transport, message, chosen) {
  const key = JSON.stringify(message.id ?? null);
  const asked = connection.asked[key] ??
    { method: '(unread)', revision: chosen ?? connection.revision ?? MODERN };
  delete connection.asked[key];
  if (asked.method === 'initialize' && message.result) {
    connection.revision = message.result.protocolVersion;
    asked.revision = connection.revision;
  }
  const row = rowOf(asked.method, asked.revision, transport);
  const schema = schemaOf(asked.revision);
  if ('result' in message) {
    row.results++;
    row.problems.push(...resultProblems(schema, asked, message, connection));
  } else {
    row.errors++;
    if (message.error?.code === -32601) row.absent++;
    row.problems.push(...errorProblems(schema, asked, message));
  }
}

function serverMessage(connection, transport, message, chosen) {
  if (!message.method) return answer(connection, transport, message, chosen);
  const revision = chosen ?? connection.revision ?? MODERN;
  const row = rowOf(message.method, revision, transport);
  const schema = schemaOf(revision);
  // A subscription has no result while it lives.
  if (message.method === 'notifications/subscriptions/acknowledged')
    rowOf('subscriptions/listen', revision, transport).streamed++;
  const name = schema.forMethod('id' in message ? 'Request' : 'Notification', message.method);
  row.problems.push(...(name ? schema.check(name, message)
                             : [`${message.method} is not in the schema`]));
}

for (const line of readFileSync(record, 'utf8').split('\n').filter(Boolean)) {
  const { connection: id, transport, from, message, revision } = JSON.parse(line);
  const connection = connections[id] ??= { asked: {}, outputs: {} };
  const keep = from === 'client' ? clientMessage : serverMessage;
  keep(connection, transport, message, revision);
}
for (const [name, row] of rows)
  await step(name, () => ({ ...row, problems: [...new Set(row.problems)] }));
done();
