// The operator's page in a real browser. Use:
//   dashboard.mjs SCENARIO URL TOKEN-FILE [MORE...]
// URL is the server's, without a path. What agents do meanwhile is done here
// too, as tool calls over HTTP. The README's picture is made by
//   dashboard.mjs picture URL TOKEN-FILE docs/img/dashboard.png 60
// against a new server that serves tests/data/workflows: agents work for that
// many seconds before it is taken.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import axe from 'axe-core';
import { alsoTell, step, done } from './steps.mjs';

const [scenario, url, tokenFile, ...more] = process.argv.slice(2);
const token = readFileSync(tokenFile, 'utf8').trim();
const PATIENCE = 60000; // ms, of one wait: a loaded machine's
const SLOW = Number(process.env.SLOW_ANSWERS ?? 0); // ms, to look for races

// --- an agent -------------------------------------------------------------------

let calls = 0;
async function tool(name, args) {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2025-11-25' },
    signal: AbortSignal.timeout(PATIENCE),
    body: JSON.stringify({ jsonrpc: '2.0', id: ++calls, method: 'tools/call', params: { name, arguments: args } }),
  });
  const { result, error } = await response.json();
  assert.equal(error, undefined, JSON.stringify(error));
  return result.structuredContent;
}

const EVIDENCE = [
  { changes: ['faster search', 'a fix for dates'], risk: 'The search index is rebuilt at the first start.' },
  { artefact: 'app-2.4.0.tar.gz', tests_run: 412, tests_failed: 0 },
  { summary: 'Faster search and a fix for dates.', rollback: 'Deploy 2.3.9; the index is kept.', looked_at: true },
  { share_percent: 10 },
  { incidents: 0 },
];

const start = async (target, workflow = 'release_v1') =>
  (await tool('start_workflow', { workflow_type: workflow, target })).session_id;
const complete = (id, phase, evidence = EVIDENCE[phase]) =>
  tool('complete_phase', { session_id: id, phase, evidence });

async function walk(target, phases) {
  const id = await start(target);
  for (let i = 0; i < phases; i++) await complete(id, i);
  return id;
}

// To the gate that asks a person.
async function walkToReview(target, summary = EVIDENCE[2].summary) {
  const id = await walk(target, 2);
  await complete(id, 2, { ...EVIDENCE[2], summary });
  return id;
}

// --- a browser -------------------------------------------------------------------

const trouble = []; // what no page of ours may do
alsoTell('page', () => trouble);

const launch = (...args) => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', ...args],
  timeout: PATIENCE,
});

// `ready`: what the page shows when it is there. What it shows comes by several
// requests, in any order: a look that does not wait is only at what came with
// something that was waited for.
async function openPage(options = {}, ready = '#live[data-kind=good]') {
  const browser = await launch('--disable-lcd-text');
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  await context.route('**', async (route) => {
    const to = new URL(route.request().url());
    if (SLOW && to.pathname.startsWith('/api/')) await new Promise((resolve) => { setTimeout(resolve, SLOW * Math.random()); });
    if (to.origin === url) return route.continue().catch((e) => { if (!SLOW) throw e; });
    trouble.push(`asks outside for ${route.request().url()}`);
    return route.abort();
  });
  const page = await context.newPage();
  const expected = /status of 40[13]/; // a wrong token is told by the browser too
  page.on('console', (m) => {
    if (['error', 'warning'].includes(m.type()) && !expected.test(m.text())) trouble.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (e) => trouble.push(`script: ${e.message}`));
  page.on('dialog', (d) => { trouble.push(`dialog: ${d.message()}`); d.dismiss(); });
  await page.goto(`${url}/`);
  await page.locator(ready).waitFor();
  return { browser, context, page };
}

const quiet = () => assert.deepEqual(trouble, []);
const rows = (page) => page.locator('#sessions-list [role=option]');
const row = (page, target) => rows(page).filter({ hasText: target });

async function signIn(page, given = token, who = 'Ada Lovelace') {
  const dialog = page.locator('#sign-in');
  await dialog.waitFor();
  await dialog.getByLabel('Your name').fill(who);
  await dialog.getByLabel('Operator token').fill(given);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
}

// Serious and critical findings of axe-core. Its script is given to the
// browser, not to the page: the page's policy runs nothing but its own.
async function findings(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join('; ')}`);
}

// What a screen reader is given, in its order: {role, name, value, ...} of
// every node that is not ignored, as Chromium computed it.
async function tree(context, page) {
  const session = await context.newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes.filter((n) => !n.ignored && n.role?.value).map((n) => ({
    role: n.role.value,
    name: n.name?.value ?? '',
    ...Object.fromEntries((n.properties ?? []).map((p) => [p.name, p.value.value])),
  }));
}
const ofRole = (nodes, role) => nodes.filter((n) => n.role === role);
const named = (nodes, role, name) => {
  const found = ofRole(nodes, role).find((n) => (name instanceof RegExp ? name.test(n.name) : n.name === name));
  assert.ok(found, `no ${role} "${name}" among ${JSON.stringify(ofRole(nodes, role).map((n) => n.name))}`);
  return found;
};
const ACTED_ON = ['button', 'link', 'textbox', 'searchbox', 'radio', 'checkbox', 'listbox', 'combobox', 'DisclosureTriangle'];
const checkNames = (nodes) => assert.deepEqual(nodes.filter((n) => ACTED_ON.includes(n.role) && !n.name.trim()), []);

// Another site on this machine, as a page that somebody was led to.
async function otherSite(html) {
  const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(html));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, address: `http://127.0.0.1:${server.address().port}` };
}

// --- scenarios ---------------------------------------------------------------------

const scenarios = {
  async loads() {
    await walk('api-gateway', 1);
    const { browser, page } = await openPage();
    await step('the page lists the session', async () => {
      await row(page, 'api-gateway').waitFor();
      await page.locator('#health-text', { hasText: /healthy|degraded/ }).waitFor();
    });
    await step('charts and caches are drawn', async () => {
      assert.equal(await page.locator('.chart').count(), 6);
      await page.locator('#caches tbody tr').first().waitFor();
      await page.locator('.chart path.line[d^=M]').first().waitFor({ state: 'attached' });
    });
    await step('its timeline tells the gate', async () => {
      await row(page, 'api-gateway').click();
      await page.getByText('Gate of phase 0 passed').waitFor();
      await page.getByText('Session started').waitFor();
    });
    await step('it is quiet and asks nobody else', quiet);
    await browser.close();
  },

  // Of three sessions an hour old, done-c is completed and put away.
  async archived() {
    const { browser, page } = await openPage();
    await row(page, 'left-a').waitFor();
    await step('what was put away is not in the list', async () => {
      await row(page, 'left-b').waitFor();
      assert.equal(await row(page, 'done-c').count(), 0);
    });
    await step('it is there for who asks, and nothing else', async () => {
      await page.locator('#chips label').filter({ hasText: 'Archived' }).click();
      await row(page, 'done-c').waitFor();
      assert.equal(await row(page, 'left-a').count(), 0);
    });
    await step('the others are where they were', async () => {
      await page.locator('#chips label').filter({ hasText: 'All' }).click();
      await row(page, 'left-a').waitFor();
      assert.equal(await row(page, 'done-c').count(), 0);
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  async live() {
    const id = await start('checkout-service');
    const { browser, page } = await openPage();
    await row(page, 'checkout-service').filter({ hasText: '0/5' }).waitFor();
    await step('another client completes a phase and the list shows it', async () => {
      await complete(id, 0);
      await row(page, 'checkout-service').filter({ hasText: '1/5' }).waitFor();
    });
    await row(page, 'checkout-service').click();
    await step('a refused gate appears in the open timeline with its reasons', async () => {
      await complete(id, 1, { ...EVIDENCE[1], tests_failed: 3 });
      await page.getByText('Gate of phase 1 refused').waitFor();
      await page.locator('.verdict .error').filter({ hasText: 'tests_failed' }).waitFor();
    });
    await step('a claim appears', async () => {
      await tool('claim_task', { session_id: id, phase: 1, task_number: 1, agent: 'builder-7' });
      await page.locator('#session-held').getByText('builder-7').waitFor();
    });
    await step('a new session appears by itself', async () => {
      await start('mobile-app');
      await row(page, 'mobile-app').waitFor();
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  async approval() {
    const id = await walkToReview('payments-api');
    const { browser, context, page } = await openPage();
    const card = page.locator('#waiting-list .ask');
    await card.filter({ hasText: 'payments-api' }).waitFor();
    await step('a wrong token is refused and not kept', async () => {
      await card.getByLabel(/^Comment/).fill('Looks right.');
      await card.getByRole('button', { name: 'Approve' }).click();
      await signIn(page, `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`);
      await page.getByText('This is not the operator token.').waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.length), 0);
      assert.equal((await complete(id, 2)).passed, false);
    });
    await step('a click approves and the phase opens', async () => {
      await signIn(page);
      await page.getByText('Nothing waits for a decision.').waitFor();
      const opened = await complete(id, 2);
      assert.equal(opened.passed, true);
      await row(page, 'payments-api').filter({ hasText: '3/5' }).waitFor();
    });
    await step('the timeline names who and how', async () => {
      await row(page, 'payments-api').click();
      await page.getByText('Phase 2 approved').waitFor();
      await page.getByText('Ada Lovelace by dashboard').waitFor();
      await page.getByText('Looks right.', { exact: true }).first().waitFor();
    });
    const other = await walkToReview('ledger');
    await step('a rejection needs a comment, which reaches the agent', async () => {
      await page.goto(`${url}/#/`);
      await card.filter({ hasText: 'ledger' }).getByRole('button', { name: 'Reject' }).click();
      await page.getByText('Say what is missing').waitFor();
      await card.filter({ hasText: 'ledger' }).getByLabel(/^Comment/).fill('Name the way back.');
      await card.filter({ hasText: 'ledger' }).getByRole('button', { name: 'Reject' }).click();
      await page.getByText('Nothing waits for a decision.').waitFor();
      assert.match(JSON.stringify(await complete(other, 2)), /Name the way back/);
    });
    await step('the token is in no address, cookie, title or text', async () => {
      assert.deepEqual(await context.cookies(), []);
      const seen = await page.evaluate(() => [location.href, document.title, document.documentElement.outerHTML, JSON.stringify(localStorage), name].join());
      assert.ok(!seen.includes(token));
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  async hostile() {
    const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    const target = '" onfocus="alert(4)" autofocus="'; // a target holds no < or >
    const id = await start(target);
    await complete(id, 0, { changes: [evil], risk: `${evil} \u202e and backwards`, [evil]: evil });
    await complete(id, 0);
    await complete(id, 1);
    await tool('claim_task', { session_id: id, phase: 2, task_number: 1, agent: evil.slice(0, 60) });
    await complete(id, 2, { ...EVIDENCE[2], summary: evil, rollback: 'javascript:alert(3) \u202efi gnitirw' });
    const { browser, page } = await openPage();
    await step('what an agent wrote is text', async () => {
      await row(page, target).waitFor();
      const card = page.locator('#waiting-list .ask');
      await card.getByText(evil, { exact: true }).first().waitFor();
      await card.getByText('alert(3) \\u202efi').first().waitFor(); // spelled, not obeyed
      await card.getByLabel(/^Comment/).fill(evil);
      await card.getByRole('button', { name: 'Approve' }).click();
      await signIn(page, token, evil.slice(0, 50));
      await page.getByText('Nothing waits for a decision.').waitFor();
      await row(page, target).click();
      await page.getByText('Phase 2 approved').waitFor();
      await page.locator('.note').filter({ hasText: evil }).first().waitFor();
      for (const more of await page.locator('.timeline summary').all()) await more.click();
    });
    await step('no element came of it, and nothing ran', async () => {
      assert.equal(await page.locator('img, body script:not([type=module]), iframe, object').count(), 0);
      quiet();
    });
    await step('the page refuses what is not its own', async () => {
      const ran = await page.evaluate(() => {
        const s = document.createElement('script');
        try { s.textContent = 'globalThis.ran = 1'; document.body.append(s); } catch { /* trusted types */ }
        return globalThis.ran ?? 0;
      });
      assert.equal(ran, 0);
      assert.equal(await page.evaluate(() => fetch('http://localhost:1/').then(() => 'sent', () => 'refused')), 'refused');
      trouble.length = 0; // what the two attempts were told
    });
    await browser.close();
  },

  async keyboard() {
    await walkToReview('billing');
    await walk('frontend', 1);
    const { browser, page } = await openPage();
    await row(page, 'billing').waitFor();
    const focused = () => page.evaluate(() => document.activeElement.id);
    await step('a slash finds the filter, an arrow the list, Enter a session', async () => {
      await page.keyboard.press('/');
      assert.equal(await focused(), 'search');
      await page.keyboard.type('billing');
      await row(page, 'frontend').waitFor({ state: 'detached' });
      await page.keyboard.press('ArrowDown');
      assert.equal(await focused(), 'sessions-list');
      await page.keyboard.press('Enter');
      await page.locator('#session-title:focus').waitFor();
      await page.locator('#session-ask .ask').waitFor();
    });
    await step('by Tab alone to the decision, which is made by keys', async () => {
      for (let i = 0; i < 30 && !(await focused()).endsWith('-comment'); i++) await page.keyboard.press('Tab');
      await page.keyboard.type('Go.');
      await page.keyboard.press('Tab');
      assert.match(await focused(), /-approve$/);
      await page.keyboard.press('Enter');
      await page.locator('#sign-in').waitFor();
      await page.keyboard.type('Grace Hopper');
      await page.keyboard.press('Tab');
      await page.keyboard.type(token);
      await page.keyboard.press('Enter');
      await page.getByText('Phase 2 approved').waitFor();
    });
    await step('every stop of Tab can be seen', async () => {
      for (let i = 0; i < 25; i++) {
        await page.keyboard.press('Tab');
        const seen = await page.evaluate(() => {
          const node = document.activeElement;
          if (node === document.body) return 'body';
          const box = (node.type === 'radio' ? node.parentElement : node).getBoundingClientRect();
          return box.width > 4 && box.height > 4 ? 'seen' : node.outerHTML;
        });
        assert.match(seen, /^(seen|body)$/);
      }
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  async access() {
    const id = await walkToReview('billing');
    await complete(await start('search-service'), 0, { changes: 'none' });
    for (const colorScheme of ['light', 'dark']) {
      const { browser, page } = await openPage({ colorScheme });
      await page.locator('#waiting-list .ask').waitFor();
      await page.locator('#caches tbody tr').first().waitFor();
      await step(`axe finds nothing serious: overview, ${colorScheme}`, async () => assert.deepEqual(await findings(page), []));
      await row(page, 'search-service').click();
      await page.getByText('Gate of phase 0 refused').waitFor();
      await step(`a session, ${colorScheme}`, async () => assert.deepEqual(await findings(page), []));
      await page.goto(`${url}/#/session/${id}`);
      await page.locator('#session-ask .ask').waitFor();
      await page.locator('#operator').click();
      await page.locator('#sign-in').waitFor();
      await step(`the sign-in, ${colorScheme}`, async () => assert.deepEqual(await findings(page), []));
      await page.keyboard.press('Escape');
      await page.setViewportSize({ width: 390, height: 844 });
      await step(`narrow, ${colorScheme}`, async () => {
        assert.deepEqual(await findings(page), []);
        await page.locator('#operator').evaluate((node) => { node.textContent = 'Signed in: Wolfeschlegelsteinhausen'; });
        await page.locator('#health-text').evaluate((node) => { node.textContent = 'healthy, 12 to note'; });
        for (const width of [390, 320]) { // 320: what 1280 are at 400 %
          await page.setViewportSize({ width, height: 844 });
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `it scrolls sideways at ${width}`);
        }
      });
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await step(`the theme button overrules ${colorScheme}`, async () => {
        const before = await ground();
        const other = colorScheme === 'dark' ? 'light' : 'dark';
        while (await page.evaluate(() => document.documentElement.dataset.theme) !== other) await page.locator('#theme').click();
        assert.notEqual(await ground(), before);
        await page.reload();
        await page.locator('#live[data-kind=good]').waitFor();
        assert.notEqual(await ground(), before);
      });
      await browser.close();
    }
    await step('it is quiet', quiet);
  },

  async listens() {
    await walkToReview('billing');
    const id = await walk('search-service', 1);
    const { browser, context, page } = await openPage();
    await page.locator('#caches tbody tr').first().waitFor();
    await page.locator('.chart path.line[d^=M]').first().waitFor({ state: 'attached' });
    await page.locator('#waiting-list .ask').waitFor();
    await row(page, 'billing').filter({ hasText: 'waiting for you' }).waitFor();
    await row(page, 'search-service').waitFor();
    let nodes = await tree(context, page);
    await step('the page has its places and headings', async () => {
      for (const role of ['banner', 'main']) assert.equal(ofRole(nodes, role).length, 1, role);
      for (const name of ['Waiting for you 1', 'Server', 'Sessions 2']) named(nodes, 'heading', name);
      for (const name of ['Waiting for you 1', 'Server']) named(nodes, 'region', name);
      const levels = ofRole(nodes, 'heading').map((n) => n.level);
      assert.equal(levels.filter((n) => n === 1).length, 1);
      levels.reduce((before, n) => { assert.ok(n <= before + 1, `h${n} after h${before}`); return n; }, 0);
    });
    await step('the list says what each session is, and how many there are', async () => {
      const listbox = named(nodes, 'listbox', /^Sessions/);
      assert.equal(listbox.focusable, true);
      const billing = named(nodes, 'option', /billing/);
      assert.match(billing.name, /waiting for you/);
      assert.match(billing.name, /2\/5/);
      assert.match(named(nodes, 'option', /search-service/).name, /active/);
    });
    await step('everything that can be acted on has a name, and fields say what for', async () => {
      checkNames(nodes);
      named(nodes, 'searchbox', 'Filter sessions by target, workflow or id');
      named(nodes, 'textbox', 'Comment on phase 2 of billing');
      for (const name of ['Approve', 'Reject', 'Sign in']) named(nodes, 'button', name);
      assert.equal(named(nodes, 'radio', /^All/).checked, 'true');
    });
    await step('charts say their numbers, the table its rows and columns', async () => {
      const charts = ofRole(nodes, 'image').filter((n) => / over the last /.test(n.name));
      assert.equal(charts.length, 6);
      for (const chart of charts) assert.match(chart.name, /: [\d–]/);
      named(nodes, 'columnheader', 'hit rate');
      named(nodes, 'rowheader', 'sessions');
    });
    await step('what comes by itself is read out', async () => {
      assert.equal(ofRole(nodes, 'status').length, 2, 'two live regions');
      for (const region of ofRole(nodes, 'status')) assert.equal(region.live, 'polite');
      await walkToReview('payments-api');
      await page.locator('#told', { hasText: 'payments-api waits for your decision on phase 2' }).waitFor({ state: 'attached' });
    });
    await step('the arrows say which row they are at', async () => {
      await page.locator('#sessions-list').focus();
      await page.keyboard.press('Home');
      const at = await page.locator('#sessions-list').getAttribute('aria-activedescendant');
      assert.equal(await page.locator(`#${at}`).getAttribute('role'), 'option');
    });
    await step('a session has its phases, and says where it is', async () => {
      await page.goto(`${url}/#/session/${id}`);
      await page.getByText('Session started').waitFor();
      nodes = await tree(context, page);
      checkNames(nodes);
      named(nodes, 'heading', 'search-service');
      named(nodes, 'list', 'Phases');
      assert.match(await page.locator('.phases [aria-current=step]').textContent(), /current/);
      assert.equal(await page.evaluate(() => document.activeElement.id), 'session-title');
    });
    await step('the dialog keeps the focus, and gives it back', async () => {
      await page.locator('#operator').click();
      nodes = await tree(context, page);
      assert.equal(named(nodes, 'dialog', 'Operator').modal, true);
      named(nodes, 'textbox', 'Your name');
      named(nodes, 'textbox', 'Operator token');
      checkNames(nodes);
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press('Tab');
        assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog')), 'Tab leaves the dialog');
      }
      await page.keyboard.press('Escape');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'operator');
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  // What a page of somebody else can do to an operator who is signed in here.
  async attacked() {
    const id = await walkToReview('payments-api');
    const { browser, context, page } = await openPage();
    await page.locator('#operator').click();
    await signIn(page);
    await page.locator('#operator', { hasText: 'Signed in' }).waitFor();
    const decision = JSON.stringify({ session_id: id, phase: 2, event_id: 4, decision: 'approve', person: 'Mallory', comment: '' });
    const { server, address } = await otherSite(`<!doctype html><title>other</title>
      <form id=f method=post enctype=text/plain action="${url}/api/approvals" target=hole>
      <input name='${decision.slice(0, -1)},"x":"' value='"}'></form>
      <iframe name=hole></iframe><iframe id=framed src="${url}/"></iframe>`);
    await context.unroute('**');
    const visit = async () => {
      const other = await context.newPage();
      await other.goto(address);
      return other;
    };
    const other = await visit();
    await step('it cannot send a decision, by fetch or by a form', async () => {
      for (const type of ['application/json', 'text/plain']) {
        for (const mode of ['cors', 'no-cors']) {
          const seen = await other.evaluate(([to, body, contentType, how]) =>
            fetch(to, { method: 'POST', mode: how, credentials: 'include', headers: { 'Content-Type': contentType }, body })
              .then((r) => r.status, () => 'refused'), [`${url}/api/approvals`, decision, type, mode]);
          assert.ok([0, 'refused'].includes(seen), `${type} ${mode}: ${seen}`);
        }
      }
      const answered = context.waitForEvent('response', (r) => r.url() === `${url}/api/approvals` && r.request().method() === 'POST');
      await other.evaluate(() => document.getElementById('f').submit());
      assert.equal((await answered).status(), 403);
      assert.equal((await complete(id, 2)).passed, false);
    });
    await step('it cannot read, or listen', async () => {
      for (const path of ['/api/sessions', '/api/approvals', '/api/status'])
        assert.equal(await other.evaluate((to) => fetch(to).then((r) => r.status, () => 'refused'), `${url}${path}`), 'refused', path);
      assert.equal(await other.evaluate((to) => new Promise((resolve) => {
        const events = new EventSource(to);
        events.onopen = () => resolve('open');
        events.onerror = () => resolve('refused');
      }), `${url}/api/events`), 'refused');
    });
    await step('it cannot show the page in a frame', async () => {
      const frame = other.frames().find((f) => f.parentFrame() && f.name() !== 'hole');
      assert.ok(!frame.url().startsWith(url), `framed: ${frame.url()}`);
    });
    await step('a name that somebody points here is not answered', async () => {
      const rebound = await launch('--host-resolver-rules=MAP evil.example 127.0.0.1');
      const there = await rebound.newPage();
      there.setDefaultTimeout(PATIENCE);
      const answer = await there.goto(`http://evil.example:${new URL(url).port}/`);
      assert.equal(answer.status(), 403);
      assert.equal(await there.evaluate(() => fetch('/api/sessions').then((r) => r.status, () => 'refused')), 403);
      await rebound.close();
    });
    await step('the decision is still the operator\'s', async () => {
      await page.locator('#waiting-list .ask').filter({ hasText: 'payments-api' }).waitFor();
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByText('Nothing waits for a decision.').waitFor();
    });
    server.close();
    await browser.close();
  },

  async many() {
    const sessions = Number(more[0]);
    const { browser, page } = await openPage();
    await page.locator('#sessions-count').filter({ hasText: sessions.toLocaleString('en').replace(',', '\u202f') }).waitFor();
    await step('all of them are listed soon', async () => {
      const began = Date.now();
      await page.reload();
      await rows(page).first().waitFor();
      const first_ms = Date.now() - began;
      await page.waitForFunction((n) => document.getElementById('sessions-count').textContent.replace(/\D/g, '') === String(n), sessions);
      return { first_ms, all_ms: Date.now() - began };
    });
    await step('few of them are elements', async () => {
      assert.ok(await rows(page).count() < 60);
      assert.equal(await rows(page).first().getAttribute('aria-setsize'), String(sessions));
    });
    await step('the last is one key away', async () => {
      await page.locator('#sessions-list').focus();
      await page.keyboard.press('End');
      await page.locator(`[aria-posinset="${sessions}"].at`).waitFor();
    });
    await step('the filter keeps up with typing', async () => {
      const took = await page.evaluate(() => {
        const field = document.getElementById('search');
        const began = performance.now();
        for (const text of ['s', 'service', 'service 77', 'service 777']) {
          field.value = text;
          field.dispatchEvent(new Event('input'));
        }
        return (performance.now() - began) / 4;
      });
      await row(page, 'service 777').first().waitFor();
      return { filter_ms: took };
    });
    await step('it is quiet', quiet);
    await browser.close();
  },

  async picture() {
    const [file, seconds] = more;
    const targets = ['docs-site', 'web/storefront', 'inventory-sync', 'auth-gateway', 'notifications', 'reporting', 'mobile-app', 'search-service', 'ledger'];
    const until = Date.now() + 1000 * seconds;
    await walk('image-proxy', 2);
    for (const [i, target] of targets.entries()) {
      const id = await walk(target, i % 3);
      if (i % 4 === 3) await tool('manage_session', { session_id: id, action: 'pause', reason: 'waits for the vendor' });
      if (i % 3 === 1) await complete(id, 1, { ...EVIDENCE[1], tests_failed: 3 });
    }
    for (let i = 0; Date.now() < until; i++) {
      const id = await start(targets[i % targets.length]);
      await Promise.all(Array.from({ length: 12 }, () => tool('get_phase', { session_id: id })));
      await Promise.all(Array.from({ length: 1 + (i % 5) }, () => tool('list_workflows', {})));
      await new Promise((resolve) => { setTimeout(resolve, 80 + 60 * Math.sin(i / 20)); });
    }
    await walkToReview('payments-api');
    const { browser, page } = await openPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
    await page.locator('#waiting-list .ask').waitFor();
    await page.locator('.chart path.line[d^=M]').first().waitFor({ state: 'attached' });
    await step('the picture is taken', async () => { await page.screenshot({ path: file }); });
    await browser.close();
  },

  async locked() {
    const { browser, page } = await openPage({}, '#live[data-kind=warn]');
    await step('without a token nothing is shown', async () => {
      await page.getByText('This server shows nothing without a token.').waitFor();
      assert.equal(await rows(page).count(), 0);
    });
    await step('axe finds nothing serious where nothing has come yet', async () => assert.deepEqual(await findings(page), []));
    await step('with it, everything', async () => {
      await signIn(page);
      await page.locator('#live[data-kind=good]').waitFor();
      await page.locator('#caches tbody tr').first().waitFor();
    });
    await browser.close();
  },
};

await scenarios[scenario]();
done();
