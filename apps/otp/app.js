// Starts the app and connects its parts: the registration (adding.js), the accounts with their OTPs (accounts.js),
// the dialogs that rename, move and delete an account (editing.js), and the clock (clock.js).

import { AccountList } from './accounts.js';
import { AddingForm } from './adding.js';
import { compare, minutesOff } from './clock.js';
import { read } from './codes.js';
import { copyText, showCode } from './display.js';
import { Editing } from './editing.js';
import * as store from './store.js';
import { currentLanguage, otherLanguage, switchLanguage, text, writeTexts } from './strings.js';

const element = (id) => document.getElementById(id);

const list = new AccountList({ onEdit: (account) => editing.open(account) });
const adding = new AddingForm({ onRegistered, onCancelled: refresh });
const editing = new Editing({ onChanged: refresh, onRemoved });

// `standalone` exists only in Safari on iOS. False means a tab, and the installed app can't see a tab's storage.
let leadsThroughInstallation = navigator.standalone === false;
let installPrompt;
let working = false;
let removed;

await start();

async function start() {
  writeLanguage();
  element('lang').addEventListener('click', () => {
    switchLanguage();
    writeLanguage();
    if (working) refresh();
  });
  working = await canWork();
  if (working) {
    element('add').addEventListener('click', add);
    element('undo').addEventListener('click', undo);
    // Accounts that were removed in an earlier visit can't be brought back any more.
    await store.forgetRemoved();
    element('install-skip').addEventListener('click', stayInTab);
    const installCopy = element('install-copy');
    installCopy.addEventListener('click', () => copyText(element('install-user-code'), installCopy));
    window.addEventListener('hashchange', takeLink);
    document.addEventListener('visibilitychange', () => document.hidden || comeBack());
    window.addEventListener('online', compareClocks);
    await takeLink();
    await refresh();
    compareClocks();
  }
  element('main').hidden = false;
  offerInstallation();
  workOffline();
}

async function canWork() {
  const obstacle = !globalThis.crypto?.subtle ? 'insecure' : (await store.canKeepKeys()) ? undefined : 'noKeys';
  if (!obstacle) return true;
  const notice = element('notice');
  notice.dataset.text = obstacle;
  notice.textContent = text(obstacle);
  notice.hidden = false;
  element('add').disabled = true;
  return false;
}

async function add() {
  hideDone();
  await adding.begin();
  await refresh();
  adding.reveal();
}

/** Takes the user code from the fragment of a link from the webmail. Servers never see fragments. */
async function takeLink() {
  const userCode = new URLSearchParams(location.hash.slice(1)).get('u');
  if (!userCode || (await mustInstallFirst())) return;
  await adding.begin(userCode);
  history.replaceState(null, '', location.pathname);
  await refresh();
  adding.reveal();
}

async function refresh() {
  const [accounts, waiting, installFirst] = await Promise.all([store.accounts(), store.adding(), mustInstallFirst()]);
  list.show(accounts);
  adding.show(waiting);
  element('empty').hidden = accounts.length > 0 || waiting !== undefined || installFirst;
  element('add').hidden = waiting !== undefined || installFirst;
  showInstallFirst(installFirst);
  await warnIfKeysMayBeCleared(accounts);
}

async function onRegistered(id) {
  await refresh();
  const account = list.focus(id);
  if (account) showDone(text('registered', account.name));
  // Asked only once there is a key to lose. Some browsers ask the person, which can take a while.
  navigator.storage?.persist?.().then(refresh);
}

async function onRemoved(account) {
  await refresh();
  removed = account;
  showDone(text('removed', account.name), { canUndo: true });
  element('undo').focus();
}

async function undo() {
  await store.bringBack(removed.id);
  await refresh();
  showDone(text('broughtBack', removed.name));
  list.focus(removed.id);
}

function comeBack() {
  compareClocks();
  return refresh();
}

/** Asks the site for its time, and warns the person if the device's clock is wrong. OTPs use the site's time anyway. */
async function compareClocks() {
  await compare();
  showClock();
}

function showClock() {
  const minutes = minutesOff();
  element('clock-off').hidden = minutes === 0;
  element('clock-off').textContent = minutes > 0 ? text('clockFast', minutes) : text('clockSlow', -minutes);
}

async function mustInstallFirst() {
  if (!leadsThroughInstallation) return false;
  const [accounts, waiting] = await Promise.all([store.accounts(), store.adding()]);
  return accounts.length === 0 && waiting === undefined;
}

function showInstallFirst(installFirst) {
  element('install-first').hidden = !installFirst;
  const linked = read(new URLSearchParams(location.hash.slice(1)).get('u') ?? '');
  element('install-code').hidden = !linked.code;
  showCode(element('install-user-code'), linked.symbols);
}

async function stayInTab() {
  leadsThroughInstallation = false;
  await takeLink();
  await refresh();
}

async function warnIfKeysMayBeCleared(accounts) {
  const safe = accounts.length === 0 || (await navigator.storage?.persisted?.());
  element('may-be-cleared').hidden = Boolean(safe);
}

function writeLanguage() {
  document.documentElement.lang = currentLanguage();
  document.title = text('title');
  writeTexts(document);
  list.rewrite();
  showClock();
  hideDone();
  const switcher = element('lang');
  switcher.textContent = text('otherLanguage');
  switcher.lang = otherLanguage();
}

function showDone(sentence, { canUndo = false } = {}) {
  element('done-what').textContent = sentence;
  element('undo').hidden = !canUndo;
  element('done').hidden = false;
}

function hideDone() {
  element('done').hidden = true;
}

function offerInstallation() {
  const button = element('install');
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    installPrompt = event;
    button.hidden = false;
  });
  window.addEventListener('appinstalled', () => { button.hidden = true; });
  button.addEventListener('click', async () => {
    button.hidden = true;
    await installPrompt?.prompt();
  });
}

function workOffline() {
  if (!('serviceWorker' in navigator)) return;
  // Trusted Types demand a policy for a worker's URL; ours is a constant.
  const policy = globalThis.trustedTypes?.createPolicy('offline', { createScriptURL: () => 'sw.js' });
  const address = policy?.createScriptURL('') ?? 'sw.js';
  // Some private windows refuse the worker; then the app works while there is a network.
  navigator.serviceWorker.register(address, { updateViaCache: 'none' }).catch(() => {});
}
