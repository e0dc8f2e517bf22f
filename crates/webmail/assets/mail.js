// Small helpers for the mail pages. Everything works without them.

// A checkbox that selects all messages of a list.
const all = document.querySelector('[data-all]');
if (all) {
  const boxes = [...document.querySelectorAll('input[name=uid][type=checkbox]')];
  all.closest('label').hidden = false;
  all.addEventListener('change', () => boxes.forEach((box) => { box.checked = all.checked; }));
  for (const box of boxes) {
    box.addEventListener('change', () => {
      const chosen = boxes.filter((b) => b.checked).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    });
  }
}

// A single key presses the element with that data-key, unless somebody is typing.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (target) {
    event.preventDefault();
    target.click();
  }
});

// A draft saves itself while it is written, and the browser asks before it is left unsaved.
const form = document.querySelector('form[data-autosave]');
if (form) {
  const said = form.querySelector('[data-said]');
  const file = form.querySelector('input[type=file]');
  const EVERY = 20000;
  let changed = 0;
  let saved = 0;
  let leaving = false;
  let under_way = null;

  form.addEventListener('input', () => { changed += 1; });

  file.addEventListener('change', () => {
    const total = [...file.files].reduce((sum, f) => sum + f.size, 0);
    const too_large = total > Number(form.dataset.most);
    file.setCustomValidity(too_large ? form.dataset.tooLarge : '');
    if (too_large) file.reportValidity();
  });

  const save = async () => {
    if (changed === saved || leaving || under_way) return;
    const upto = changed;
    const fields = new FormData(form);
    fields.delete('file');
    under_way = new AbortController();
    try {
      const { signal } = under_way;
      const answer = await fetch(form.dataset.autosave, { method: 'POST', body: fields, redirect: 'manual', signal });
      if (answer.type === 'opaqueredirect') {
        said.textContent = form.dataset.owed;
      } else if (answer.ok) {
        const now = await answer.json();
        form.elements.draft.value = now.draft ?? '';
        form.elements.id.value = now.id;
        said.textContent = now.said;
        saved = upto;
      } else {
        said.textContent = form.dataset.failed;
      }
    } catch {
      if (!leaving) said.textContent = form.dataset.failed;
    } finally {
      under_way = null;
    }
  };

  setInterval(save, EVERY);
  document.addEventListener('visibilitychange', () => { if (document.hidden) save(); });
  form.addEventListener('submit', () => {
    leaving = true;
    under_way?.abort();
  });
  addEventListener('beforeunload', (event) => {
    if (changed !== saved && !leaving) event.preventDefault();
  });
  addEventListener('pageshow', () => { leaving = false; });
}
