// The dialogs that rename and move an account and, after a question, delete it.

import * as store from './store.js';
import { text } from './strings.js';

const element = (id) => document.getElementById(id);

export class Editing {
  #account;
  #onChanged;
  #onRemoved;

  constructor({ onChanged, onRemoved }) {
    this.#onChanged = onChanged;
    this.#onRemoved = onRemoved;
    element('edit-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
    element('edit-close').addEventListener('click', () => element('editing').close());
    element('move-up').addEventListener('click', () => this.#move(-1));
    element('move-down').addEventListener('click', () => this.#move(1));
    element('delete').addEventListener('click', () => this.#askToDelete());
    element('delete-back').addEventListener('click', () => element('deleting').close());
    element('delete-confirm').addEventListener('click', () => this.#delete());
  }

  /** Opens the dialog for an account, `{ id, name }`. */
  async open(account) {
    this.#account = account;
    element('edit-name').value = account.name;
    await this.#showPlace();
    element('editing').showModal();
  }

  async #move(direction) {
    await store.move(this.#account.id, direction);
    await this.#onChanged();
    await this.#showPlace();
  }

  /** Disables the button that would move the account beyond an end; hides both if it is the only account. */
  async #showPlace() {
    const order = await store.accounts();
    const at = order.findIndex((account) => account.id === this.#account.id);
    element('moving').hidden = order.length < 2;
    element('move-up').disabled = at <= 0;
    element('move-down').disabled = at >= order.length - 1;
  }

  async #save() {
    const name = element('edit-name').value.trim();
    if (name) await store.rename(this.#account.id, name);
    element('editing').close();
    await this.#onChanged();
  }

  #askToDelete() {
    element('editing').close();
    element('deleting-heading').textContent = text('removeHeading', this.#account.name);
    element('deleting').showModal();
  }

  async #delete() {
    await store.remove(this.#account.id);
    element('deleting').close();
    await this.#onRemoved(this.#account);
  }
}
