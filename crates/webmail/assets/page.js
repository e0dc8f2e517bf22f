// Small comforts on every page. Nothing depends on them.

// Copy buttons are offered only where they can work.
for (const button of document.querySelectorAll('button[data-copy]')) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 2000);
  });
}

// <time data-until> counts down by the server's clock, in the words of its own data-* templates.
const skew = Date.parse(document.documentElement.dataset.now) - Date.now();

const show = (element) => {
  const seconds = Math.max(0, Math.round((Date.parse(element.dateTime) - Date.now() - (skew || 0)) / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const form = h ? element.dataset.hours : m ? element.dataset.minutes : element.dataset.seconds;
  element.textContent = form.replace('%h', h).replace('%m', m).replace('%s', s);
};

const counters = document.querySelectorAll('time[data-until]');
if (counters.length) {
  const tick = () => counters.forEach(show);
  tick();
  setInterval(tick, 1000);
}
