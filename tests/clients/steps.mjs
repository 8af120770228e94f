// What the scripts say: one line of JSON per step; the last is {"done": n} or
// {"failed": step, ...} with the client's own error.
let count = 0;

const say = value => process.stdout.write(JSON.stringify(value) + '\n');

export async function step(name, run) {
  try {
    const told = await run();
    count++;
    say({ step: name, ...told });
    return told;
  } catch (e) {
    const { code, data, actual, expected } = e;
    say({ failed: name, error: e.name, message: e.message, code, data,
          actual, expected, at: e.stack?.split('\n').slice(1, 5) });
    process.exit(1);
  }
}

export const done = () => say({ done: count });
