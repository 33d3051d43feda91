// Looks at our own pages in a real browser: screenshots, accessibility rules, what the console complains about.
//
//   GALLERY=/tmp/gallery cargo test --lib gallery      writes every page
//   DOORWARD_NODE_MODULES=folder node tests/browser/pages.mjs /tmp/gallery [OUT] [only=REGEX] [light]
//   DOORWARD_NODE_MODULES=folder node tests/browser/pages.mjs https://localhost:8443/.doorward/login [OUT]
//
// DOORWARD_NODE_MODULES is the folder node_modules with what the package.json beside this file names (tests/run makes it). Ends with
// 1 if anything is wrong.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.env.DOORWARD_NODE_MODULES ?? join(import.meta.dirname, 'node_modules')), 'x'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const [target, ...rest] = process.argv.slice(2);
const only = new RegExp(rest.find((word) => word.startsWith('only='))?.slice(5) ?? '');
const schemes = rest.includes('light') ? ['light'] : ['light', 'dark'];
const out = rest.find((word) => !word.startsWith('only=') && word !== 'light');
if (!target) throw new Error('usage: pages.mjs FOLDER_OR_URL [OUT] [only=REGEX]');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// The rules are checked on the phone; the desktop is for the eye.
const SCREENS = [['phone', 360, 740], ...(out ? [['desktop', 1280, 800]] : [])];

/** Serves a gallery with the headers that the pages really carry. */
async function serve(folder) {
  const index = JSON.parse(readFileSync(join(folder, 'index.json')));
  const server = createServer((request, response) => {
    const path = request.url.split('?')[0];
    if (path === '/.doorward/login/status') {
      const { code, state } = server.said;
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify({ state, text: `${state} (polled)` }));
      return;
    }
    const entry = index[path];
    if (!entry) return void response.writeHead(404).end();
    response.writeHead(entry.status, entry.headers).end(readFileSync(join(folder, entry.file)));
  });
  // What the status page answers.
  server.said = { code: 200, state: 'sent' };
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://localhost:${server.address().port}`;
  const names = Object.keys(index).filter((name) => !name.startsWith('/.doorward/') && only.test(name));
  return { server, base, urls: names.map((name) => base + name) };
}

/** One page on one screen: the accessibility rules, a narrow window, how much it loads. */
async function look(page, url, name, problems) {
  const requests = [];
  const note = (request) => requests.push(request.url());
  page.on('request', note);
  // The script would post this page's form at once, and there would be nothing to look at.
  if (/cross-site-form/.test(name)) await page.route(/page\.\w+\.js$/, (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await page.goto(url);
  page.off('request', note);
  if (out) await page.screenshot({ path: join(out, name + '.png'), fullPage: true });
  if (/login/.test(name) && requests.length > 4) problems.push(`${name}: ${requests.length} requests`);
  if (!name.includes('.phone.')) return;

  const { violations } = await new AxeBuilder({ page }).withTags(RULES).setLegacyMode().analyze();
  for (const { id, impact, nodes } of violations) problems.push(`${name}: ${id} (${impact}) ${nodes.map((node) => node.html).join(' ')}`);
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > 320) problems.push(`${name}: scrolls sideways at 320 px (${wide})`);
  const small = await page.evaluate(() => [...document.querySelectorAll('a:not([hidden]), button, summary, input:not([type=hidden], [hidden])')]
    .filter((one) => one.getBoundingClientRect().height < 43.5).map((one) => one.outerHTML));
  for (const one of small) problems.push(`${name}: lower than 44 px: ${one}`);
}

/** What the script of the passcode page does, with the clock in our hand. */
async function script(browser, base, server, problems) {
  const page = await browser.newPage();
  const expect = async (what, wanted, read) => {
    const found = await page.evaluate(read);
    if (found !== wanted) problems.push(`script: ${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  };
  await page.clock.install();
  await page.goto(base + '/passcode-sending.en');
  await expect('asking again is not possible yet', true, () => document.getElementById('resend').disabled);
  await expect('the wait moves in steps', 'Possible in 25 seconds', () => document.querySelector('.when').textContent);
  await expect('the script asks by itself', true, () => document.getElementById('check').hidden);
  const polled = async (said, during) => {
    server.said = said;
    const answer = page.waitForResponse((response) => response.url().includes('login/status'), { timeout: 10000 }).catch(() => null);
    await page.clock.runFor(during);
    if (!await answer) problems.push(`script: nothing is asked where ${JSON.stringify(said)} would be answered`);
  };
  // A failure of ours does not end the asking.
  await polled({ code: 503, state: 'unknown' }, 3000);
  await polled({ code: 200, state: 'sent' }, 3000);
  await page.waitForSelector('#progress.sent');
  await expect('what was polled is shown', 'sent (polled)', () => document.getElementById('progress').textContent);
  await expect('the wait counts down', 'Possible in 20 seconds', () => document.querySelector('.when').textContent);
  await page.clock.runFor(21000);
  await expect('asking again is possible', false, () => document.getElementById('resend').disabled);
  await expect('the wait is not shown any more', 0, () => document.querySelectorAll('.when').length);
  const again = page.waitForEvent('framenavigated', { timeout: 10000 }).catch(() => null);
  await page.clock.runFor(300000);
  if (!await again) problems.push('script: the page does not turn into that of an expired code');
  await page.close();
}

/** The button that shows what is typed as a password. */
async function show(browser, base, problems) {
  for (const [name, label, hide, ids] of [
    ['login.en', 'Show password', 'Hide password', ['password']],
    ['password-expired.de', 'Passwort anzeigen', 'Passwort verbergen', ['new-password', 'new-password-again']],
  ]) {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(8000);
    const expect = async (what, wanted, read) => {
      const found = JSON.stringify(await page.evaluate(read, ids));
      if (found !== JSON.stringify(wanted)) problems.push(`${name}: ${what}: ${found} instead of ${JSON.stringify(wanted)}`);
    };
    const types = (list) => list.map((id) => document.getElementById(id).type);
    const all = (type) => ids.map(() => type);
    await page.goto(`${base}/${name}`);
    const field = page.locator(`#${ids[0]}`);
    for (const id of ids) await page.fill(`#${id}`, 'wonderland');
    await field.focus();
    await field.evaluate((one) => one.setSelectionRange(2, 5));
    await page.getByRole('button', { name: label, exact: true }).click();
    await expect('the passwords are shown', all('text'), types);
    const caret = () => [document.activeElement.id, document.activeElement.selectionStart, document.activeElement.selectionEnd];
    await expect('focus and caret stay', [ids[0], 2, 5], caret);
    await page.getByRole('button', { name: hide, exact: true }).click();
    await expect('the passwords are hidden', all('password'), types);
    await expect('focus and caret stay again', [ids[0], 2, 5], caret);
    // By the keyboard: the button comes after its field, and keeps the focus.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await expect('the key shows them', all('text'), types);
    await expect('the focus is on the button', hide, () => document.activeElement.textContent);
    const sent = await page.evaluate((list) => new Promise((done) => {
      const { form } = document.getElementById(list[0]);
      form.noValidate = true;
      // After the listeners of the page.
      form.addEventListener('submit', (event) => { event.preventDefault(); done(list.map((id) => document.getElementById(id).type)); });
      form.requestSubmit();
    }), ids);
    if (sent.some((type) => type !== 'password')) problems.push(`${name}: a password is sent as ${sent}`);
    await expect('the button can show them once more', label, () => document.querySelector('.show').textContent);
    await context.close();
    const without = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await without.goto(`${base}/${name}`);
    if (await without.locator('.show').isVisible()) problems.push(`${name}: a button that does nothing is shown without JavaScript`);
    await without.context().close();
  }
}

if (out) mkdirSync(out, { recursive: true });
const { server, base, urls } = /^https?:/.test(target) ? { urls: [target] } : await serve(target);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
const problems = [];
for (const colorScheme of schemes) {
  for (const [screen, width, height] of SCREENS) {
    const context = await browser.newContext({ colorScheme, ignoreHTTPSErrors: true, reducedMotion: 'reduce' });
    for (const url of urls) {
      const name = `${new URL(url).pathname.slice(1).replaceAll('/', '_')}.${screen}.${colorScheme}`;
      const page = await context.newPage();
      await page.setViewportSize({ width, height });
      page.on('pageerror', (error) => problems.push(`${name}: ${error}`));
      page.on('console', (message) => {
        // A page with an error status is itself such a resource.
        if (['error', 'warning'].includes(message.type()) && !/the server responded with a status/.test(message.text())) problems.push(`${name}: console: ${message.text()}`);
      });
      await look(page, url, name, problems);
      await page.close();
    }
    await context.close();
  }
}
if (base) {
  await script(browser, base, server, problems);
  await show(browser, base, problems);
}
await browser.close();
server?.close();
for (const problem of problems) console.log(problem);
console.log(`${urls.length} pages, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
