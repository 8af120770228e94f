// What the scripts say: one line of JSON per step; the last is {"done": n} or
// {"failed": where, "why": in one line, ...} with the client's own error, also
// when it was thrown between steps, or nothing is left that could end one.

let count = 0, at = 'the start', ended = false;
const seen = {}; // what else was met: name -> function that tells it

const say = value => process.stdout.write(JSON.stringify(value) + '\n');

const bare = text => String(text).replace(/\x1b\[[0-9;]*m/g, '');
const line = text => bare(text).replace(/\s+/g, ' ').trim().slice(0, 400);

function fail(where, e) {
  if (ended) return;
  ended = true;
  const { code, data, actual, expected } = e ?? {};
  const cause = e?.cause ? ` (${e.cause.message ?? e.cause})` : '';
  const also = Object.fromEntries(
    Object.entries(seen).map(([name, tell]) => [name, tell()]));
  say({ failed: where, why: line((e?.message ?? e) + cause), error: e?.name,
        message: bare(e?.message ?? e), code, data, actual, expected, ...also,
        at: e?.stack?.split('\n').slice(1, 5) });
  process.exit(1);
}

process.on('uncaughtException', e => fail(`after ${at}`, e));
process.on('exit', status => {
  if (!ended) fail(`after ${at}`, `the script ends with ${status} here`);
});

// Told with a failure: `tell()` returns what was met until then.
export const alsoTell = (name, tell) => { seen[name] = tell; };

export async function step(name, run) {
  try {
    const told = await run();
    count++;
    at = name;
    say({ step: name, ...told });
    return told;
  } catch (e) {
    fail(name, e);
  }
}

export function done() {
  ended = true;
  say({ done: count });
}
