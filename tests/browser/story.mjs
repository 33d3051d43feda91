// Somebody signs in: the whole story in a real browser, on phone and desktop, in two languages, light and dark, with and without
// JavaScript, and by the keyboard alone.
//
//   DOORWARD_NODE_MODULES=folder node tests/browser/story.mjs PORT CERTIFICATE SHOTS [pictures]      started by tests/doorward/story.rs
//
// What it cannot do itself it asks for in a line `? QUESTION` and reads the answer from standard input:
//   ? mail         the next mail that was delivered, as JSON { subject, text }
//   ? advance S    moves the server's clock so many seconds on
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { X509Certificate, createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.env.DOORWARD_NODE_MODULES, 'x'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const [port, certificate, shots, pictures] = process.argv.slice(2);
mkdirSync(shots, { recursive: true });
const site = (host) => `https://${host}.example.test:${port}`;
const DEEP = '/reports/2026?q=a%20b&page=1&to=%2Fx';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.example.test 127.0.0.1',
  // Vouched for, not overlooked: a browser keeps nothing of a site whose certificate was only overlooked.
  `--ignore-certificate-errors-spki-list=${publicKeyHash(readFileSync(certificate))}`];

const WORDS = {
  en: {
    login: 'Sign in to intranet', passcode: 'Enter your code', refused: 'We could not sign you in.', wrong: 'That code is not right.',
    left: 'You have 2 tries left.', sent: 'We sent an e-mail to', ask: 'Sign out?', done: 'You are signed out', check: 'Check again',
    down: 'absent is not answering', early: 'It is too early for a new code.', earlier: 'That code is from an older message.', mail: 'Your code for',
  },
  de: {
    login: 'Anmelden bei intranet', passcode: 'Code eingeben', refused: 'Die Anmeldung ist nicht gelungen.', wrong: 'Dieser Code ist falsch.',
    left: 'Sie haben noch 2 Versuche.', sent: 'Wir haben eine E-Mail an', ask: 'Abmelden?', done: 'Sie sind abgemeldet', check: 'Erneut prüfen',
    down: 'absent antwortet nicht', early: '', earlier: '', mail: 'Ihr Code für',
  },
};

function publicKeyHash(pem) {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(question) {
  console.log(`? ${question}`);
  return (await answers.next()).value;
}

const problems = [];
let passed = 0;

/** One browser of one person. */
class Person {
  static async come(browser, name, { width, height, locale, scheme, javaScript = true }) {
    const person = new Person();
    Object.assign(person, { name, javaScript, words: WORDS[locale.slice(0, 2)], language: locale.slice(0, 2), count: 0 });
    person.context = await browser.newContext({
      viewport: { width, height }, locale, colorScheme: scheme, javaScriptEnabled: javaScript, reducedMotion: 'reduce',
    });
    person.page = await person.context.newPage();
    person.page.setDefaultTimeout(8000);
    person.page.on('pageerror', (error) => problems.push(`${name}: ${error}`));
    person.page.on('console', (message) => {
      // A page with an error status is itself such a resource.
      const expected = /the server responded with a status/.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !expected) problems.push(`${name}: console: ${message.text()}`);
    });
    return person;
  }

  expect(what, found, wanted) {
    passed += 1;
    const fits = wanted instanceof RegExp ? wanted.test(found) : found === wanted;
    if (!fits) problems.push(`${this.name}: ${what}: ${JSON.stringify(found)} instead of ${wanted instanceof RegExp ? wanted : JSON.stringify(wanted)}`);
  }

  /** A page of ours as it should be: its heading, a picture of it, the accessibility rules, no sideways scrolling. */
  async sees(what, heading) {
    // Not an expectation only: what follows makes no sense on another page.
    await this.page.locator('h1', { hasText: heading }).waitFor();
    this.count += 1;
    if (pictures) await this.page.screenshot({ path: join(shots, `${this.name}.${String(this.count).padStart(2, '0')}-${what}.png`), fullPage: true });
    if (!this.javaScript) return;
    this.expect(`language of ${what}`, await this.page.locator('html').getAttribute('lang'), this.language);
    // The legacy mode opens no page of its own for the result; there are no frames that would need it.
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(RULES).setLegacyMode().analyze();
    for (const { id, impact, nodes } of violations) problems.push(`${this.name}: ${what}: axe ${id} (${impact}) ${nodes.map((node) => node.html).join(' ')}`);
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    this.expect(`sideways scrolling of ${what}`, over <= 0, true);
  }

  async focused() {
    return this.page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  }

  async password(password, name = 'alice') {
    await this.page.fill('#username', name);
    await this.page.fill('#password', password);
    const from = performance.now();
    await this.page.click('button[type=submit]');
    return from;
  }

  /** The code from the mail as it is written there, like `482 913`. */
  async mail() {
    const { subject, text } = JSON.parse(await ask('mail'));
    const code = /^\d{3} \d{3}$/m.exec(text)?.[0];
    this.expect('the mail has a code', !!code, true);
    this.expect('the language of the mail', text.startsWith(this.words.mail), true);
    this.expect('the subject names the login', /\b[A-Z]\d\b/.test(subject), true);
    this.expect('the subject keeps the code to itself', /\d{3} ?\d{3}/.test(subject), false);
    this.expect('the last line is bound to the host', text.trimEnd().split('\n').at(-1), new RegExp(`^@[a-z]+\\.example\\.test #${code.replace(' ', '')}$`));
    return code;
  }

  async code(code) {
    await this.page.fill('#passcode', code);
    await this.page.click('#answer button');
  }

  /** Without a script the page says how far it is whenever it is asked. */
  async untilSent() {
    for (let round = 0; round < 20; round += 1) {
      if ((await this.page.locator('#progress').textContent()).startsWith(this.words.sent)) return;
      if (this.javaScript) await this.page.waitForTimeout(250);
      else await this.page.getByRole('link', { name: this.words.check }).click();
    }
    problems.push(`${this.name}: the page does not come to say that the code was sent`);
  }

  async showsWhatCameThrough(host, target, said) {
    await this.page.waitForURL(site(host) + target);
    const text = await this.page.locator('pre').textContent();
    for (const line of [`http_x_forwarded_user=alice`, 'http_x_forwarded_email=alice@example.test', `request_uri=${target}`,
      'http_x_forwarded_for=127.0.0.1', 'http_x_forwarded_proto=https', `http_x_forwarded_host=${host}.example.test:${port}`, 'http_cookie=(none)', ...said]) {
      this.expect(`the application received ${line}`, text.split('\n').includes(line), true);
    }
    this.expect('the application received the groups', text, /^http_x_forwarded_groups=.*gate/m);
  }

  async signOut() {
    await this.page.goto(`${site('app')}/.doorward/logout`);
    await this.sees('logout', this.words.ask);
    await this.page.click('button');
    await this.sees('signed-out', this.words.done);
  }
}

/** Every page on the way, wrong turns included. */
async function whole(browser, name, look) {
  const person = await Person.come(browser, name, look);
  const { page, words } = person;
  await page.goto(site('app') + DEEP);
  await person.sees('login', words.login);
  person.expect('the focus on the login page', await person.focused(), 'username');

  await person.password('wrong');
  await person.page.locator('#problem', { hasText: words.refused }).waitFor();
  await person.sees('wrong-password', words.login);
  person.expect('the name is still there', await page.inputValue('#username'), 'alice');
  person.expect('the password is not', await page.inputValue('#password'), '');
  person.expect('the focus after a wrong password', await person.focused(), 'password');

  const from = await person.password('wonderland');
  await page.waitForSelector('#passcode');
  console.log(`${name}: ${Math.round(performance.now() - from)} ms from the right password to the passcode page`);
  await person.sees('passcode', words.passcode);
  person.expect('the focus on the passcode page', await person.focused(), 'passcode');
  await person.untilSent();
  await person.sees('sent', words.passcode);
  const code = await person.mail();

  await person.code(code.replace(/\d$/, (digit) => (Number(digit) + 1) % 10));
  await page.locator('#problem', { hasText: words.wrong }).waitFor();
  person.expect('the tries that are left', await page.locator('#problem').textContent(), new RegExp(words.left));
  await person.sees('wrong-code', words.passcode);
  await person.code(code);
  await person.showsWhatCameThrough('app', DEEP, [`scheme=http`]);

  // What was done does not come back: neither the form nor the code.
  await page.goBack();
  await page.locator('h1').waitFor();
  person.expect('going back asks for nothing again', await page.locator('#password').count(), 0);

  await page.goto(site('app') + '/');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await person.sees('logout', words.ask);
  await page.click('button');
  await person.sees('signed-out', words.done);
  await page.goto(site('app') + DEEP);
  await page.locator('h1', { hasText: words.login }).waitFor();
  await person.context.close();
}

/** An application over https, and one that is not there. */
async function others(browser, name, look) {
  const person = await Person.come(browser, name, look);
  const { page, words } = person;
  await page.goto(site('secure') + '/x');
  await person.password('wonderland');
  await page.waitForSelector('#passcode');
  await person.code(await person.mail());
  await person.showsWhatCameThrough('secure', '/x', ['scheme=https']);
  const socket = await page.evaluate(() => new Promise((done) => {
    const socket = new WebSocket(`wss://${location.host}/socket`);
    socket.onopen = () => socket.send('through two proxies');
    socket.onmessage = (event) => { done(event.data); socket.close(); };
    socket.onerror = () => done('failed');
  }));
  person.expect('a WebSocket of the page', socket, 'through two proxies');

  await page.goto(site('gone') + '/');
  await person.password('wonderland');
  await page.waitForSelector('#passcode');
  await person.code((await person.mail()).replace(' ', ''));
  await person.sees('upstream-down', words.down);
  person.expect('its trace id', await page.locator('code').textContent(), /^[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}$/);
  await person.context.close();
}

/** Without JavaScript: the same, and the waits by hand. */
async function withoutScript(browser, name, look) {
  const person = await Person.come(browser, name, { ...look, javaScript: false });
  const { page, words } = person;
  await page.goto(site('app') + DEEP);
  await person.sees('login', words.login);
  await person.password('wrong');
  await page.locator('#problem', { hasText: words.refused }).waitFor();
  await person.password('wonderland');
  await person.sees('passcode', words.passcode);
  await person.untilSent();
  await person.sees('sent', words.passcode);
  const first = await person.mail();

  await page.click('details summary');
  await page.click('#resend');
  await page.locator('#problem', { hasText: words.early }).waitFor();
  await person.sees('too-early', words.passcode);
  await ask('advance 31');
  await page.getByRole('link', { name: words.check }).click();
  await page.locator('#problem').waitFor({ state: 'detached' });
  await person.sees('may-ask-again', words.passcode);
  await page.click('details summary');
  await page.click('#resend');
  await page.waitForSelector('#progress');
  await person.untilSent();
  await person.sees('sent-again', words.passcode);
  const second = await person.mail();
  person.expect('the codes differ', first === second, false);
  await person.code(first);
  await page.locator('#problem', { hasText: words.earlier }).waitFor();
  await person.sees('earlier-code', words.passcode);
  await person.code(second);
  await person.showsWhatCameThrough('app', DEEP, []);
  await person.signOut();
  await person.context.close();
}

/** Tab and Enter, nothing else. */
async function byKeyboard(browser, name, look) {
  const person = await Person.come(browser, name, look);
  const { page, words } = person;
  const { keyboard } = page;
  // The browser puts it there a moment after the page is there.
  const focused = (id) => page.waitForFunction((id) => document.activeElement?.id === id, id);
  const outlined = () => page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none');
  await page.goto(site('app') + DEEP);
  await focused('username');
  await keyboard.type('alice');
  person.expect('the focus can be seen', await outlined(), true);
  await keyboard.press('Tab');
  await keyboard.type('wonderland');
  await keyboard.press('Enter');
  await page.waitForSelector('#passcode');
  await focused('passcode');
  person.expect('the focus can be seen', await outlined(), true);
  await keyboard.type(await person.mail());
  await keyboard.press('Tab');
  person.expect('behind the field stands its button', await page.evaluate(() => document.activeElement.type), 'submit');
  person.expect('the focus can be seen', await outlined(), true);
  await keyboard.press('Enter');
  await person.showsWhatCameThrough('app', DEEP, []);
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await page.locator('h1', { hasText: words.ask }).waitFor();
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await page.locator('h1', { hasText: words.done }).waitFor();
  await person.context.close();
}

/** What the login page costs somebody who comes for the first time. */
async function cost(browser) {
  const person = await Person.come(browser, 'cost', { width: 1280, height: 800, locale: 'en-GB', scheme: 'light' });
  const wire = await person.context.newCDPSession(person.page);
  const requests = new Map();
  let group = 'unknown';
  wire.on('Network.responseReceived', ({ requestId, response }) => {
    group = response.securityDetails?.keyExchangeGroup ?? group;
    if (!response.fromDiskCache) requests.set(requestId, { url: response.url, bytes: 0 });
  });
  wire.on('Network.requestServedFromCache', ({ requestId }) => requests.delete(requestId));
  wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (requests.has(requestId)) requests.get(requestId).bytes = encodedDataLength; });
  await wire.send('Network.enable');
  await person.page.goto(`${site('app')}/.doorward/login`, { waitUntil: 'networkidle' });
  let bytes = 0;
  for (const request of requests.values()) {
    bytes += request.bytes;
    console.log(`  ${request.bytes} bytes with headers: ${new URL(request.url).pathname}`);
  }
  console.log(`login page: ${requests.size} requests, ${bytes} bytes with headers`);
  person.expect('the key exchange', group, 'X25519MLKEM768');
  person.expect('the requests of the login page', requests.size > 0 && requests.size <= 4, true);
  person.expect('the bytes of the login page', bytes > 1000 && bytes < 20000, true);
  await person.context.close();
}

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 800 };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
const parts = [
  () => cost(browser),
  () => whole(browser, 'phone-en-light', { ...PHONE, locale: 'en-GB', scheme: 'light' }),
  () => whole(browser, 'desktop-de-dark', { ...DESKTOP, locale: 'de-DE', scheme: 'dark' }),
  () => whole(browser, 'phone-de-dark', { ...PHONE, locale: 'de-AT', scheme: 'dark' }),
  () => whole(browser, 'desktop-en-light', { ...DESKTOP, locale: 'en-US', scheme: 'light' }),
  () => others(browser, 'others-de-light', { ...PHONE, locale: 'de-DE', scheme: 'light' }),
  () => others(browser, 'others-en-dark', { ...DESKTOP, locale: 'en-GB', scheme: 'dark' }),
  () => withoutScript(browser, 'no-script', { ...PHONE, locale: 'en-GB', scheme: 'light' }),
  () => byKeyboard(browser, 'keyboard', { ...DESKTOP, locale: 'en-GB', scheme: 'light' }),
];
const chosen = process.env.PART ? [parts[Number(process.env.PART)]] : parts;
for (const part of chosen) {
  const from = performance.now();
  try {
    await part();
    console.log(`${part.toString().match(/'.*?'/)?.[0] ?? 'cost'}: ${((performance.now() - from) / 1000).toFixed(1)} s`);
  } catch (error) {
    problems.push(String(error.stack ?? error));
    for (const page of browser.contexts().flatMap((context) => context.pages())) {
      problems.push(`it stood at ${page.url()}: ${(await page.locator('body').innerText().catch(() => '?')).slice(0, 600)}`);
      const failed = join(shots, 'failed.png');
      await page.screenshot({ path: failed }).catch(() => {});
      problems.push(`what could be seen: ${failed}`);
      await page.context().close();
    }
    break;
  }
}
await browser.close();
for (const problem of problems) console.log(problem);
console.log(`story: ${passed} expectations, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
