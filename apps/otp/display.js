// Shows codes and copies them.

import { groupsOf } from './codes.js';
import { text } from './strings.js';

const COPIED_FOR_MS = 2000;

/** Shows a code in groups, with marks on characters that no code contains. */
export function showCode(place, symbols) {
  const parts = groupsOf(symbols).flatMap((symbolsOfGroup, at) => {
    const group = document.createElement('span');
    group.className = 'group';
    group.append(...symbolsOfGroup.map(markIfImpossible));
    return at === 0 ? [group] : [hyphen(), group];
  });
  place.replaceChildren(...parts);
}

/** Copies an element's text and says so on the button. If the browser refuses, selects the text instead. */
export async function copyText(source, button) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = text('copied');
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = text('selected');
  }
  setTimeout(() => { button.textContent = text('copy'); }, COPIED_FOR_MS);
}

function markIfImpossible({ shown, possible }) {
  if (possible) return shown;
  const marked = document.createElement('mark');
  marked.textContent = shown;
  return marked;
}

function hyphen() {
  const hyphen = document.createElement('span');
  hyphen.className = 'hyphen';
  hyphen.textContent = '-';
  return hyphen;
}
