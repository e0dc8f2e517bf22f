// What the device keeps: the registered accounts with their keys, and the one registration that is being
// made, so that the person can go and look at the webmail, and the phone can discard this page meanwhile.
// The two codes are kept only as long as that registration waits.

const ADDING = 'adding';

let opening;

/** Whether this browser, in this window, can keep a key that can't be read out. Private windows often can't. */
export async function canKeepKeys() {
  try {
    const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
    await change(['probe'], (transaction) => transaction.objectStore('probe').put(key, 'key'));
    const kept = await read('probe', (store) => store.get('key'));
    await change(['probe'], (transaction) => transaction.objectStore('probe').clear());
    return kept instanceof CryptoKey;
  } catch {
    return false;
  }
}

/** The registered accounts in the person's order, which begins as that of their registration: `{ id, name, key }`. */
export async function accounts() {
  const all = await read('accounts', (store) => store.getAll());
  return all.filter((account) => !account.removed).sort((one, other) => placeOf(one) - placeOf(other));
}

/** The registration that is being made, `{ appCode, userTyped, name }`, or undefined. */
export function adding() {
  return read(ADDING, (store) => store.get(ADDING));
}

/** Begins a registration with a new app code, unless one has begun already (here or in another tab). */
export function beginAdding(appCode) {
  return change([ADDING], (transaction) => {
    const store = transaction.objectStore(ADDING);
    store.get(ADDING).onsuccess = ({ target }) => {
      if (!target.result) store.put({ appCode, userTyped: '', name: '' }, ADDING);
    };
  });
}

/** Remembers what was typed so far. A registration that has ended meanwhile stays ended. */
export function keepTyped(typed) {
  return change([ADDING], (transaction) => {
    const store = transaction.objectStore(ADDING);
    store.get(ADDING).onsuccess = ({ target }) => {
      if (target.result) store.put({ ...target.result, ...typed }, ADDING);
    };
  });
}

/** Forgets the registration and its codes. */
export function cancelAdding() {
  return change([ADDING], (transaction) => transaction.objectStore(ADDING).clear());
}

/**
 * Ends the registration: keeps the key and forgets the codes, both or neither. Gives the new account's id,
 * or undefined if the registration with this app code had ended already.
 */
export async function finishAdding(appCode, name, key) {
  let added;
  await change([ADDING, 'accounts'], (transaction) => {
    const waiting = transaction.objectStore(ADDING);
    waiting.get(ADDING).onsuccess = ({ target }) => {
      if (target.result?.appCode !== appCode) return;
      waiting.clear();
      added = transaction.objectStore('accounts').add({ name, key });
    };
  });
  return added?.result;
}

/** Gives an account another name. */
export function rename(id, name) {
  return amend(id, { name });
}

/** Lets an account change places with the one before it (-1) or behind it (1). */
export async function move(id, direction) {
  const order = await accounts();
  const at = order.findIndex((account) => account.id === id);
  const [one, other] = [order[at], order[at + direction]];
  if (!one || !other) return;
  await change(['accounts'], (transaction) => {
    const store = transaction.objectStore('accounts');
    store.put({ ...one, place: placeOf(other) });
    store.put({ ...other, place: placeOf(one) });
  });
}

/** Removes an account; until `forgetRemoved` it can be brought back. */
export function remove(id) {
  return amend(id, { removed: true });
}

/** Brings a removed account back. */
export function bringBack(id) {
  return amend(id, { removed: undefined });
}

/** Forgets removed accounts and their keys for good. */
export async function forgetRemoved() {
  const removed = (await read('accounts', (store) => store.getAll())).filter((account) => account.removed);
  await change(['accounts'], (transaction) => {
    for (const { id } of removed) transaction.objectStore('accounts').delete(id);
  });
}

/** Ids are given in order, so that an account which was never moved stands where it was registered. */
function placeOf(account) {
  return account.place ?? account.id;
}

function amend(id, fields) {
  return change(['accounts'], (transaction) => {
    const store = transaction.objectStore('accounts');
    store.get(id).onsuccess = ({ target }) => {
      if (target.result) store.put({ ...target.result, ...fields });
    };
  });
}

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('sekisho-otp', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('accounts', { keyPath: 'id', autoIncrement: true });
      request.result.createObjectStore(ADDING);
      request.result.createObjectStore('probe');
    };
    request.onsuccess = () => {
      // A newer version of the app in another tab must not wait for this one.
      request.result.onversionchange = () => {
        opening = undefined;
        request.result.close();
      };
      request.result.onclose = () => { opening = undefined; };
      resolve(request.result);
    };
    request.onerror = () => {
      opening = undefined;
      reject(request.error);
    };
  });
  return opening;
}

async function read(storeName, ask) {
  const request = ask((await open()).transaction(storeName).objectStore(storeName));
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Strict: once the webmail has been told the app's digits, a flat battery must not take the key away.
async function change(storeNames, act) {
  const transaction = (await open()).transaction(storeNames, 'readwrite', { durability: 'strict' });
  act(transaction);
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
