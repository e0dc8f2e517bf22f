// The site's time, so that OTPs are right on a device whose clock is wrong. The difference is measured whenever the
// site can be reached, and remembered for when it can't.

const REMEMBERED = 'clock';
/** A smaller difference may come from the network's delay, and counts as none. */
const SLIGHT_MS = 1500;
/** After this time a remembered difference is forgotten, because the clock may have been corrected. */
const GOOD_FOR_MS = 7 * 24 * 3600 * 1000;
const PATIENCE_MS = 5000;

let ahead = remembered();

/** The site's time, in Unix seconds. */
export function nowSeconds() {
  return (Date.now() + ahead) / 1000;
}

/** How far the device's clock is ahead of the site's, in whole minutes; negative if it is behind. */
export function minutesOff() {
  return 0 - Math.round(ahead / 60_000);
}

/** Measures the difference. If the site can't be reached, the last difference stays. */
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
    // Offline: the last difference is the best estimate.
  }
}

function remember() {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ ahead, at: Date.now() }));
  } catch {
    // Storage is not available: the difference lasts for this visit only.
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
