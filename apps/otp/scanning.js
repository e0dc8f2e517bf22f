// The user code by the device's camera, in browsers that read QR codes: from the webmail on another screen.

import { read } from './codes.js';
import { text } from './strings.js';

const element = (id) => document.getElementById(id);
const EVERY_MS = 150;

/** Whether this browser can. */
export async function canScan() {
  if (!('BarcodeDetector' in globalThis) || !navigator.mediaDevices?.getUserMedia) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes('qr_code');
}

/** Shows what the camera sees until it finds a user code, which it gives, or until the person has enough of it: undefined. */
export async function scan() {
  const [dialog, video] = [element('scanning'), element('scanning-view')];
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch {
    element('scanning-problem').textContent = text('noCamera');
  }
  element('scanning-problem').hidden = Boolean(stream);
  video.hidden = !stream;
  video.srcObject = stream ?? null;
  dialog.showModal();
  try {
    // It may take a while to show something, or never do; the detector says nothing of what it can't see.
    if (stream) video.play().catch(() => {});
    return await look(dialog, video, stream && new BarcodeDetector({ formats: ['qr_code'] }));
  } finally {
    dialog.close();
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }
}

async function look(dialog, video, detector) {
  while (dialog.open) {
    const found = detector ? await detector.detect(video).catch(() => []) : [];
    const code = found.map((barcode) => userCodeIn(barcode.rawValue)).find(Boolean);
    if (code) return code;
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
  }
  return undefined;
}

/** The user code of a link from the webmail, or a bare one. */
export function userCodeIn(scanned) {
  const fragment = scanned.split('#')[1] ?? '';
  return read(new URLSearchParams(fragment).get('u') ?? scanned).code;
}
