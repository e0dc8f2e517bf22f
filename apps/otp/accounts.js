// The registered accounts. A button that is held down shows an account's OTP.

import { STEP_SECONDS, digitsAt, stepAt } from './agree.js';
import { nowSeconds } from './clock.js';
import { copyText } from './display.js';
import { text, writeTexts } from './strings.js';

const FEW_SECONDS = 5;

export class AccountList {
  #cards = new Map();
  #onEdit;

  constructor({ onEdit }) {
    this.#onEdit = onEdit;
  }

  /** Shows these accounts. The card of an account that is shown already keeps its state. */
  show(accounts) {
    const place = document.getElementById('account-list');
    const ids = new Set(accounts.map((account) => account.id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.discard();
      this.#cards.delete(id);
    }
    accounts.forEach((account, at) => {
      const card = this.#cards.get(account.id) ?? new AccountCard(account, this.#onEdit);
      this.#cards.set(account.id, card);
      if (place.children[at] !== card.root) place.insertBefore(card.root, place.children[at] ?? null);
      card.name = account.name || text('unnamed', account.id);
    });
  }

  /** Writes the cards' texts in the current language. */
  rewrite() {
    for (const card of this.#cards.values()) card.rewrite();
  }

  /** Scrolls to an account and focuses it; returns its card, if it is shown. */
  focus(id) {
    const card = this.#cards.get(id);
    card?.root.scrollIntoView({ block: 'center' });
    card?.part('view-code').focus({ preventScroll: true });
    return card;
  }
}

class AccountCard {
  #account;
  #name = '';
  #held = false;
  #toggled = false;
  #timer;
  #step;

  constructor(account, onEdit) {
    this.#account = account;
    const template = document.getElementById('account-card');
    this.root = template.content.cloneNode(true).firstElementChild;
    writeTexts(this.root);
    this.part('edit-account').addEventListener('click', () => onEdit({ id: account.id, name: this.name }));
    this.part('toggle-code').addEventListener('click', () => {
      this.#toggled = !this.#toggled;
      this.#update();
    });
    this.part('copy-digits').addEventListener('click', () => copyText(this.part('digits'), this.part('copy-digits')));
    whileHeld(this.part('view-code'), (held) => {
      this.#held = held;
      this.#update();
    });
  }

  part(className) {
    return this.root.getElementsByClassName(className)[0];
  }

  get name() {
    return this.#name;
  }

  set name(name) {
    this.#name = name;
    this.part('account-name').textContent = name;
    this.part('edit-account').setAttribute('aria-label', text('edit', name));
    this.part('view-code').setAttribute('aria-label', `${text('viewCode')} ${text('viewCodeHint')}. ${name}`);
    this.part('toggle-code').setAttribute('aria-label', `${text('toggleCode')}: ${name}`);
    this.part('copy-digits').setAttribute('aria-label', `${text('copy')}: ${name}`);
  }

  rewrite() {
    writeTexts(this.root);
    this.name = this.#name;
  }

  discard() {
    clearTimeout(this.#timer);
    this.root.remove();
  }

  get #showing() {
    return this.#held || this.#toggled;
  }

  #update() {
    this.part('toggle-code').setAttribute('aria-pressed', String(this.#toggled));
    this.part('copy-digits').hidden = !this.#toggled;
    this.part('view-code').classList.toggle('held', this.#held);
    clearTimeout(this.#timer);
    if (this.#showing) this.#tick();
    else this.#hide();
  }

  /** Shows the current OTP and how many seconds it is valid, and runs again when the next second begins. */
  async #tick() {
    const now = nowSeconds();
    const step = stepAt(now);
    const secondsLeft = Math.ceil((step + 1) * STEP_SECONDS - now);
    this.#timer = setTimeout(() => this.#tick(), 1000 - ((now * 1000) % 1000));
    if (step !== this.#step) {
      const digits = await digitsAt(this.#account.key, step);
      if (!this.#showing) return;
      this.#step = step;
      this.#showDigits(digits, secondsLeft);
    }
    const seconds = this.part('seconds');
    seconds.textContent = text('secondsLeft', secondsLeft);
    seconds.style.setProperty('--left', secondsLeft / STEP_SECONDS);
    seconds.classList.toggle('few', secondsLeft <= FEW_SECONDS);
    seconds.hidden = false;
  }

  #showDigits(digits, secondsLeft) {
    const halves = [digits.slice(0, 3), digits.slice(3)].map((half) => {
      const span = document.createElement('span');
      span.textContent = half;
      return span;
    });
    this.part('digits').replaceChildren(...halves);
    // While the button is held, the person has no hand to press the copy button with.
    this.part('copy-digits').hidden = !this.#toggled;
    // Digit by digit, because screen readers would read one large number.
    announce(text('announced', [...digits].join(' '), secondsLeft));
  }

  #hide() {
    this.#step = undefined;
    this.part('digits').replaceChildren();
    this.part('seconds').hidden = true;
    this.part('copy-digits').hidden = true;
    announce('');
  }
}

function announce(sentence) {
  document.getElementById('announce').textContent = sentence;
}

/** Reports when a button starts and stops being held, by a pointer or with Space or Enter. */
function whileHeld(button, report) {
  let held = false;
  const hold = (now) => {
    if (held !== now) report((held = now));
  };
  const isHoldKey = (event) => event.key === ' ' || event.key === 'Enter';

  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    // A finger that slides off the button is still down.
    button.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) {
    button.addEventListener(end, () => hold(false));
  }
  button.addEventListener('keydown', (event) => {
    if (!isHoldKey(event)) return;
    event.preventDefault();
    hold(true);
  });
  button.addEventListener('keyup', (event) => {
    if (isHoldKey(event)) hold(false);
  });
  // A long press would open a context menu over the OTP.
  button.addEventListener('contextmenu', (event) => event.preventDefault());
  document.addEventListener('visibilitychange', () => document.hidden && hold(false));
}
