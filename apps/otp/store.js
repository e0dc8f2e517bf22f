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

/** The registered accounts, oldest first: `{ id, name, key }`. */
export function accounts() {
  return read('accounts', (store) => store.getAll());
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
  return change(['accounts'], (transaction) => {
    const store = transaction.objectStore('accounts');
    store.get(id).onsuccess = ({ target }) => {
      if (target.result) store.put({ ...target.result, name });
    };
  });
}

/** Removes an account and its key for good. */
export function remove(id) {
  return change(['accounts'], (transaction) => transaction.objectStore('accounts').delete(id));
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
