// The dialogs that rename an account and, after asking once more, delete it.

import * as store from './store.js';
import { text } from './strings.js';

const element = (id) => document.getElementById(id);

export class Editing {
  #account;
  #onRenamed;
  #onRemoved;

  constructor({ onRenamed, onRemoved }) {
    this.#onRenamed = onRenamed;
    this.#onRemoved = onRemoved;
    element('edit-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
    element('edit-close').addEventListener('click', () => element('editing').close());
    element('delete').addEventListener('click', () => this.#askToDelete());
    element('delete-back').addEventListener('click', () => element('deleting').close());
    element('delete-confirm').addEventListener('click', () => this.#delete());
  }

  /** Opens the dialog for an account, `{ id, name }`. */
  open(account) {
    this.#account = account;
    element('edit-name').value = account.name;
    element('editing').showModal();
  }

  async #save() {
    const name = element('edit-name').value.trim();
    if (name) await store.rename(this.#account.id, name);
    element('editing').close();
    await this.#onRenamed();
  }

  #askToDelete() {
    element('editing').close();
    element('deleting-heading').textContent = text('removeHeading', this.#account.name);
    element('deleting').showModal();
  }

  async #delete() {
    await store.remove(this.#account.id);
    element('deleting').close();
    await this.#onRemoved(this.#account.name);
  }
}
