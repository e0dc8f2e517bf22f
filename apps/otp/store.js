// The device's storage: the registered accounts with their keys, and the one registration that is under way. The
// registration is stored so that the person can look at the webmail, and the phone can discard this page meanwhile.
// The two codes are stored only while the registration is under way.

const ADDING = 'adding';

let opening;

/** Whether this window can store a non-extractable key. Private windows often can't. */
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

/** The registered accounts, `{ id, name, key }`, in the person's order; at first that is the order of registration. */
export async function accounts() {
  const all = await read('accounts', (store) => store.getAll());
  return all.filter((account) => !account.removed).sort((one, other) => placeOf(one) - placeOf(other));
}

/** The registration that is under way, `{ appCode, userTyped, name }`, or undefined. */
export function adding() {
  return read(ADDING, (store) => store.get(ADDING));
}

/** Begins a registration with this app code, unless one is under way here or in another tab. */
export function beginAdding(appCode) {
  return change([ADDING], (transaction) => {
    const store = transaction.objectStore(ADDING);
    store.get(ADDING).onsuccess = ({ target }) => {
      if (!target.result) store.put({ appCode, userTyped: '', name: '' }, ADDING);
    };
  });
}

/** Stores what was typed so far. Does nothing if the registration has ended meanwhile. */
export function keepTyped(typed) {
  return change([ADDING], (transaction) => {
    const store = transaction.objectStore(ADDING);
    store.get(ADDING).onsuccess = ({ target }) => {
      if (target.result) store.put({ ...target.result, ...typed }, ADDING);
    };
  });
}

/** Ends the registration and deletes its codes. */
export function cancelAdding() {
  return change([ADDING], (transaction) => transaction.objectStore(ADDING).clear());
}

/**
 * Completes the registration in one transaction: stores the key and deletes the codes. Returns the new account's id,
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

/** Renames an account. */
export function rename(id, name) {
  return amend(id, { name });
}

/** Exchanges the places of an account and the one before it (-1) or after it (1). */
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

/** Marks an account as removed; `bringBack` undoes it until `forgetRemoved` runs. */
export function remove(id) {
  return amend(id, { removed: true });
}

/** Undoes the removal of an account. */
export function bringBack(id) {
  return amend(id, { removed: undefined });
}

/** Deletes removed accounts and their keys. */
export async function forgetRemoved() {
  const removed = (await read('accounts', (store) => store.getAll())).filter((account) => account.removed);
  await change(['accounts'], (transaction) => {
    for (const { id } of removed) transaction.objectStore('accounts').delete(id);
  });
}

/** An account's place in the order: the one that it was moved to, or its id, since ids grow with each registration. */
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
      // Lets a newer version of the app in another tab upgrade the database.
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

// Strict durability: when the webmail has accepted the app's OTP, a power loss must not destroy the key.
async function change(storeNames, act) {
  const transaction = (await open()).transaction(storeNames, 'readwrite', { durability: 'strict' });
  act(transaction);
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
