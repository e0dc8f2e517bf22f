// The registration that is under way: the app code goes to the webmail, the user code comes from it. Everything is
// stored as it is typed, so that it is still here after the person has looked at the webmail.

import { agree } from './agree.js';
import { SYMBOLS, generate, grouped, read } from './codes.js';
import { copyText, showCode } from './display.js';
import { canScan, scan } from './scanning.js';
import * as store from './store.js';
import { text } from './strings.js';

const element = (id) => document.getElementById(id);

export class AddingForm {
  #appCode;
  #onRegistered;
  #onCancelled;

  constructor({ onRegistered, onCancelled }) {
    this.#onRegistered = onRegistered;
    this.#onCancelled = onCancelled;
    element('user-code').addEventListener('input', () => {
      this.#judge();
      this.#keepTyped();
    });
    element('user-code').addEventListener('change', () => this.#judge({ finished: true }));
    element('name').addEventListener('input', () => this.#keepTyped());
    element('scan').addEventListener('click', () => this.#scan());
    canScan().then((can) => { element('scan').hidden = !can; });
    element('copy').addEventListener('click', () => copyText(element('app-code'), element('copy')));
    element('cancel').addEventListener('click', () => this.#cancel());
    element('adding').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#register();
    });
  }

  /** Begins a registration or continues the stored one. `userCode` is given if a link brought one. */
  async begin(userCode) {
    await store.beginAdding(generate());
    if (!userCode) return;
    element('user-code').value = userCode;
    await store.keepTyped({ userTyped: userCode });
  }

  /** Shows the stored registration, or hides the form if there is none. */
  show(waiting) {
    element('adding').hidden = waiting === undefined;
    element('register-problem').hidden = true;
    this.#appCode = waiting?.appCode;
    showCode(element('app-code'), waiting ? read(waiting.appCode).symbols : []);
    fill(element('user-code'), waiting?.userTyped);
    fill(element('name'), waiting?.name);
    this.#judge();
  }

  /** Focuses the heading rather than a field: a phone's keyboard would cover the app code. */
  reveal() {
    element('adding-heading').focus();
  }

  /** Says whether the user code is right or what is wrong with it; returns the code if it is right. */
  #judge({ finished = false } = {}) {
    const field = element('user-code');
    const reading = read(field.value);
    const problem = reading.code && reading.code === this.#appCode ? 'own' : reading.problem;
    const unfinished = problem === 'empty' || problem === 'short';
    const verdict = unfinished && problem === 'empty' && !finished ? '' : sentence(problem, reading);
    const wrong = problem !== undefined && (finished || !unfinished) && verdict !== '';

    const place = element('user-code-problem');
    if (place.textContent !== verdict) place.textContent = verdict;
    place.className = `verdict ${wrong ? 'wrong' : problem ? '' : 'right'}`;
    field.setAttribute('aria-invalid', String(wrong));
    showCode(element('user-code-read'), reading.symbols);
    element('user-code-read').hidden = reading.symbols.length === 0;
    return problem ? undefined : reading.code;
  }

  async #scan() {
    const code = await scan();
    if (!code) return;
    element('user-code').value = grouped(code);
    this.#judge({ finished: true });
    await this.#keepTyped();
    element('register').focus();
  }

  #keepTyped() {
    return store.keepTyped({ userTyped: element('user-code').value, name: element('name').value });
  }

  async #register() {
    const appCode = this.#appCode;
    const userCode = this.#judge({ finished: true });
    if (!userCode) {
      element('user-code').focus();
      return;
    }
    let id;
    try {
      const name = element('name').value.trim();
      id = await store.finishAdding(appCode, name, await agree(appCode, userCode));
    } catch {
      element('register-problem').textContent = text('registerFailed');
      element('register-problem').hidden = false;
      return;
    }
    await this.#onRegistered(id);
  }

  async #cancel() {
    await store.cancelAdding();
    await this.#onCancelled();
    element('add').focus();
  }
}

function sentence(problem, reading) {
  const found = reading.symbols.length;
  switch (problem) {
    case undefined: return text('userCodeRight');
    case 'own': return text('userCodeIsAppCode');
    case 'empty': return text('userCodeEmpty');
    case 'short': return text('userCodeShort', SYMBOLS - found);
    case 'long': return text('userCodeLong', found);
    case 'character': return text('userCodeCharacter', reading.at, reading.found);
    default: return text('userCodeCheck');
  }
}

// The stored text may be older than what the person is typing, so a focused field keeps its text; but when the
// registration has ended, the field is emptied.
function fill(field, stored) {
  if (stored === undefined || document.activeElement !== field) field.value = stored ?? '';
}
