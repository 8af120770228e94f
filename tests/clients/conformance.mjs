// Runs the official conformance suite against a URL; each scenario is a step:
// how many checks passed, and those that failed, with the suite's words.
//
// conformance.mjs PACKAGE URL SUITE-OPTIONS...
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { done, step } from './steps.mjs';

const [name, url, ...options] = process.argv.slice(2);
const modules = new URL('../../', pathToFileURL(process.execPath));
const suite = new URL(`${name}/dist/index.js`, modules);
const out = mkdtempSync(join(process.env.HOME ?? tmpdir(), 'conformance-'));

const run = spawnSync(process.execPath,
  [fileURLToPath(suite), 'server', '--url', url, '-o', out, ...options],
  { encoding: 'utf8', maxBuffer: 1 << 26 });

// out/server-SCENARIO-2026-01-31T12-00-00-000Z/checks.json
for (const folder of readdirSync(out).sort()) {
  const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
  const file = join(out, folder, 'checks.json');
  const checks = JSON.parse(readFileSync(file, 'utf8'));
  await step(scenario, () => ({
    passed: checks.filter(c => c.status === 'SUCCESS').length,
    failed: checks.filter(c => c.status === 'FAILURE')
      .map(c => ({ id: c.id, message: c.errorMessage ?? c.description }))
  }));
}

await step('the run', () => {
  const told = run.stdout + run.stderr;
  const total = told.match(/Total: (\d+) passed, (\d+) failed/);
  if (!total) throw new Error(`the suite ended with ${run.status}:\n${told}`);
  return { exit: run.status, passed: +total[1], failed: +total[2] };
});
done();
