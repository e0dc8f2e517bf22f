// The time by the site's clock: a phone whose own is wrong shows the right digits all the same. The difference is taken
// whenever the site can be asked, and remembered for when it can't.

const REMEMBERED = 'clock';
/** A difference that is this small may be the network's. */
const SLIGHT_MS = 1500;
/** One that was taken longer ago than this may be mended meanwhile. */
const GOOD_FOR_MS = 7 * 24 * 3600 * 1000;
const PATIENCE_MS = 5000;

let ahead = remembered();

/** The time by the site's clock, in Unix seconds. */
export function nowSeconds() {
  return (Date.now() + ahead) / 1000;
}

/** By how many minutes the device's clock is off, rounded: positive when it is fast. */
export function minutesOff() {
  return 0 - Math.round(ahead / 60_000);
}

/** Asks the site for its time. Without a network everything stays as it was. */
export async function compare() {
  const sent = Date.now();
  try {
    const answer = await fetch('now', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
    const { now } = await answer.json();
    const came = Date.now();
    if (!Number.isFinite(now) || came - sent > PATIENCE_MS) return;
    const difference = now - (sent + came) / 2;
    ahead = Math.abs(difference) < SLIGHT_MS ? 0 : difference;
    remember();
  } catch {
    // Offline: the last difference is the best that is known.
  }
}

function remember() {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ ahead, at: Date.now() }));
  } catch {
    // Then it holds for this visit alone.
  }
}

function remembered() {
  try {
    const { ahead, at } = JSON.parse(localStorage.getItem(REMEMBERED));
    return Number.isFinite(ahead) && Math.abs(Date.now() - at) < GOOD_FOR_MS ? ahead : 0;
  } catch {
    return 0;
  }
}
