// Small helpers for every page. Nothing depends on them.

// Copy buttons appear where the browser can copy. A click on the code itself copies it, too.
for (const button of document.querySelectorAll('button[data-copy]')) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.textContent;
  const copy = async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; }, 2000);
  };
  button.addEventListener('click', copy);
  const code = button.closest('.code-line')?.querySelector('.code');
  code?.classList.add('tappable');
  code?.addEventListener('click', copy);
}

// Print buttons appear because this script runs.
for (const button of document.querySelectorAll('button[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}

// <time data-until> counts down by the server's clock, with the texts of its own data-* attributes.
const skew = Date.parse(document.documentElement.dataset.now) - Date.now();

const show = (element) => {
  const seconds = Math.max(0, Math.round((Date.parse(element.dateTime) - Date.now() - (skew || 0)) / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const form = h ? element.dataset.hours : m ? element.dataset.minutes : element.dataset.seconds;
  element.textContent = form.replace('%h', h).replace('%m', m).replace('%s', s);
};

// A notice with data-from appears at that time.
for (const notice of document.querySelectorAll('[data-from]')) {
  const due = Date.parse(notice.dataset.from) - Date.now() - (skew || 0);
  if (due > 0 && due < 2 ** 31) setTimeout(() => { notice.hidden = false; }, due);
}

// A button with data-not-before is disabled until that time.
for (const button of document.querySelectorAll('button[data-not-before]')) {
  const wait = Date.parse(button.dataset.notBefore) - Date.now() - (skew || 0);
  if (wait <= 0) continue;
  button.disabled = true;
  setTimeout(() => { button.disabled = false; }, wait);
}

const counters = document.querySelectorAll('time[data-until]');
if (counters.length) {
  const tick = () => counters.forEach(show);
  tick();
  setInterval(tick, 1000);
}
