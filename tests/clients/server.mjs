// The official server package with one tool and a fixed answer, for
// benchmarks: server.mjs --http | --stdio [the answer, as JSON]. Its first
// line is the port it listens on, or 0.
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createServer } from 'node:http';

const answer = JSON.parse(process.argv[3] ?? '{"session_id":"a"}');
const schema = {
  '~standard': {
    version: 1, vendor: 'bench', validate: value => ({ value }),
    jsonSchema: { input: () => ({ type: 'object' }), output: () => ({ type: 'object' }) }
  }
};
function make() {
  const server = new McpServer({ name: 'bench', version: '1' });
  server.registerTool('get_phase', { description: 'a fixed answer', inputSchema: schema },
    () => ({ content: [{ type: 'text', text: JSON.stringify(answer) }], structuredContent: answer }));
  return server;
}

function body(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on('data', part => parts.push(part));
    request.on('end', () => resolve(Buffer.concat(parts)));
    request.on('error', reject);
  });
}

if (process.argv[2] === '--stdio') {
  process.stdout.write('0\n');
  serveStdio(make);
} else {
  const handler = createMcpHandler(make, { responseMode: 'json' });
  const http = createServer(async (request, response) => {
    const url = `http://${request.headers.host}${request.url}`;
    const reply = await handler.fetch(new Request(url, {
      method: request.method, headers: request.headers, body: await body(request)
    }));
    response.writeHead(reply.status, Object.fromEntries(reply.headers));
    response.end(Buffer.from(await reply.arrayBuffer()));
  });
  http.listen(0, '127.0.0.1', () => console.log(http.address().port));
  process.stdin.on('end', () => process.exit(0)).resume();
}
