// Tests the app's modules with the same vectors as crates/otp.
// Run: node --test apps/otp/

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { agree, digitsAt, stepAt } from './agree.js';
import { SYMBOLS, generate, grouped, read } from './codes.js';
import { userCodeIn } from './scanning.js';
import { LANGUAGES } from './strings.js';

const file = (name) => readFileSync(new URL(name, import.meta.url));
const agreement = JSON.parse(file('code-agreement.json'));
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

test('both sides agree on the key and on its codes', async () => {
  for (const vector of agreement.vectors) {
    const key = await agree(read(vector.app_code).code, read(vector.user_code).code);
    assert.equal(key.extractable, false);

    const expected = await crypto.subtle.importKey(
      'raw', Buffer.from(vector.key_hex, 'hex'), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'],
    );
    const message = Buffer.from('any');
    const [signed, wanted] = [key, expected].map((by) => crypto.subtle.sign('HMAC', by, message));
    assert.deepEqual(await signed, await wanted);

    for (const { unix_time, code } of vector.totp) assert.equal(await digitsAt(key, stepAt(unix_time)), code);
  }
});

test('the digits are those of RFC 4226 appendix D and RFC 6238 appendix B', async () => {
  const key = await crypto.subtle.importKey(
    'raw', Buffer.from('12345678901234567890'), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'],
  );
  const hotp = ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'];
  for (const [counter, code] of hotp.entries()) assert.equal(await digitsAt(key, counter), code);
  const totp = [[59, '287082'], [1111111109, '081804'], [1234567890, '005924'], [20000000000, '353130']];
  for (const [time, code] of totp) assert.equal(await digitsAt(key, stepAt(time)), code);
});

test('a code typed carelessly is the same code', () => {
  const { code } = read(agreement.typed_alike.code);
  const more = ['８ＤＥ７Ｒ－ＤＮＢ４Ｋ－Ｍ２４０Ｙ', '８ｄｅ７ｒーｄｎｂ４ｋーｍ２４ｏｙ', '8DE7R‐DNB4K−M240Y\n'];
  for (const typed of [...agreement.typed_alike.also, ...more]) assert.equal(read(typed).code, code, typed);
  assert.equal(grouped(code), agreement.typed_alike.code);
});

test('what is not a code is refused, and what is wrong is said', () => {
  for (const refused of agreement.refused) assert.equal(read(refused).code, undefined, refused);
  assert.equal(read('').problem, 'empty');
  assert.equal(read('8DE7R-DNB4K-M240').problem, 'short');
  assert.equal(read('8DE7R-DNB4K-M240Y0').problem, 'long');
  assert.equal(read('8DE7R-DNB4K-M2400').problem, 'check');
  const { problem, at, found } = read('8DE7R-DＵB4K-M240Y');
  assert.deepEqual({ problem, at, found }, { problem: 'character', at: 7, found: 'U' });
});

test('a generated code is a code, and no two are the same', () => {
  const codes = new Set(Array.from({ length: 200 }, generate));
  assert.equal(codes.size, 200);
  for (const code of codes) assert.equal(read(grouped(code)).code, code);
});

test('every single wrong character and every swap of two is caught', () => {
  for (let round = 0; round < 20; round++) {
    const code = [...generate()];
    for (let at = 0; at < SYMBOLS; at++) {
      for (const symbol of ALPHABET) {
        if (symbol !== code[at]) assert.equal(read(code.with(at, symbol).join('')).problem, 'check');
      }
      for (let other = 0; other < at; other++) {
        const swapped = code.with(at, code[other]).with(other, code[at]).join('');
        if (code[at] !== code[other]) assert.equal(read(swapped).problem, 'check');
      }
    }
  }
});

test('a device whose clock is wrong is corrected by the site, also later without a network', async (t) => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
  };
  const site = Date.parse('2026-11-20T03:00:00Z');
  t.mock.timers.enable({ apis: ['Date'], now: site - 7 * 60_000 });
  t.mock.method(globalThis, 'fetch', async () => Response.json({ now: site }));
  const clock = await import('./clock.js');
  await clock.compare();
  assert.equal(clock.nowSeconds(), site / 1000);
  assert.equal(clock.minutesOff(), -7);

  t.mock.method(globalThis, 'fetch', async () => { throw new TypeError('offline'); });
  await clock.compare();
  assert.equal(clock.nowSeconds(), site / 1000);
  const nextVisit = await import('./clock.js?again');
  assert.equal(nextVisit.nowSeconds(), site / 1000);
  t.mock.timers.setTime(site + 8 * 24 * 3600 * 1000);
  const longAfter = await import('./clock.js?later');
  assert.equal(longAfter.minutesOff(), 0, 'what was measured long ago may be mended');

  t.mock.method(globalThis, 'fetch', async () => Response.json({ now: 'nonsense' }));
  await longAfter.compare();
  assert.equal(longAfter.minutesOff(), 0);
  delete globalThis.localStorage;
});

test('a user code is read from the link in a QR code, and from a bare one', () => {
  const { app_code: code } = agreement.vectors[0];
  const plain = code.replaceAll('-', '');
  assert.equal(userCodeIn(`https://otp.kit.example/#u=${code}`), plain);
  assert.equal(userCodeIn(code), plain);
  for (const other of ['https://evil.example/', 'otpauth://totp/x?secret=AAAA', '']) {
    assert.equal(userCodeIn(other), undefined);
  }
});

test('both languages say everything, with the labels that people know', () => {
  assert.deepEqual(Object.keys(LANGUAGES.ja).sort(), Object.keys(LANGUAGES.en).sort());
  for (const [name, sentence] of Object.entries(LANGUAGES.ja)) {
    assert.equal(typeof sentence, typeof LANGUAGES.en[name], name);
  }
  const labels = {
    add: ['追加', 'Add'],
    register: ['登録', 'Register'],
    viewCode: ['VIEW CODE', 'VIEW CODE'],
    appCode: ['アプリコード', 'App code'],
    userCode: ['ユーザコード', 'User code'],
    cancel: ['キャンセル', 'Cancel'],
  };
  for (const [name, [ja, en]] of Object.entries(labels)) {
    assert.deepEqual([LANGUAGES.ja[name], LANGUAGES.en[name]], [ja, en]);
  }
});

test('the page and the modules ask only for sentences that exist, and for all of them', () => {
  const names = ['index.html', 'accounts.js', 'adding.js', 'app.js', 'display.js', 'editing.js', 'scanning.js'];
  const sources = names.map((name) => String(file(name))).join('\n');
  const asked = [...sources.matchAll(/(?:data-text="|data-example="|text\(')(\w+)/gu)].map(([, name]) => name);
  const known = Object.keys(LANGUAGES.en);
  for (const name of asked) assert.ok(known.includes(name), name);
  for (const name of known) assert.ok(new RegExp(`['"]${name}['"]`, 'u').test(sources), `${name} is never said`);
});

test('the page holds nothing that a strict content security policy would refuse', () => {
  const page = String(file('index.html'));
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=/iu);
  for (const name of shipped().filter((name) => name.endsWith('.js'))) {
    assert.doesNotMatch(String(file(name)), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/u, name);
  }
});

test('a first visit asks for everything at once', () => {
  const page = String(file('index.html'));
  const modules = shipped().filter((name) => name.endsWith('.js') && !['app.js', 'sw.js'].includes(name));
  const preloaded = [...page.matchAll(/rel="modulepreload" href="([^"]+)"/gu)].map(([, name]) => name);
  assert.deepEqual(preloaded.toSorted(), modules.toSorted());
});

test('the worker keeps every file of this version, and the README lists them', () => {
  const worker = String(file('sw.js'));
  const kept = [...worker.matchAll(/^ {2}'([^']+)',$/gmu)].map(([, name]) => (name === './' ? 'index.html' : name));
  assert.deepEqual(kept.toSorted(), shipped().filter((name) => name !== 'sw.js').toSorted());
  const readme = String(file('README.md'));
  for (const name of shipped()) assert.ok(readme.includes(`\`${name}\``), `README.md misses ${name}`);

  const digest = createHash('sha256');
  for (const name of kept) digest.update(name).update(file(name));
  const version = digest.digest('hex').slice(0, 12);
  assert.ok(worker.includes(`VERSION = '${version}'`), `set VERSION in sw.js to '${version}'`);
});

/** The files that the server serves: all except those for developers. */
function shipped() {
  const ours = new Set(['README.md', 'code-agreement.json', 'package.json', 'test.mjs', 'tools']);
  return readdirSync(new URL('.', import.meta.url)).filter((name) => !ours.has(name) && !name.startsWith('.'));
}
