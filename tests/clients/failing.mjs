// Fails in the way it is told to: a step, then failing.mjs HOW. What the
// others say when they fail is tested with it.
import { alsoTell, step, done } from './steps.mjs';

const ways = {
  'in a step': () => step('the second', async () => { throw new TypeError('\x1b[31mno\n  good\x1b[0m'); }),
  'between steps': async () => { throw new Error('no answer', { cause: new Error('ECONNREFUSED') }); },
  'later': () => new Promise(() => { setTimeout(() => { throw new Error('a late one'); }); }),
  'never ending': () => new Promise(() => {}),
  'leaving early': () => process.exit(0),
  'without a word': () => process.kill(process.pid, 'SIGKILL'),
};

alsoTell('page', () => ['console: red']);
await step('the first', async () => {});
await ways[process.argv[2]]();
done();
