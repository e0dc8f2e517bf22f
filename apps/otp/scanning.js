// Reads the user code from the QR code on the webmail's page, with the device's camera, where the browser can.

import { read } from './codes.js';
import { text } from './strings.js';

const element = (id) => document.getElementById(id);
const EVERY_MS = 150;

/** Whether this browser can read QR codes from a camera. */
export async function canScan() {
  if (!('BarcodeDetector' in globalThis) || !navigator.mediaDevices?.getUserMedia) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes('qr_code');
}

/** Shows the camera's picture until it contains a user code; returns the code, or undefined if the person closes it. */
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
    // The picture may come late or never. Nothing waits for it: the detector finds nothing until then.
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

/** The user code in a link from the webmail, or in the text itself. */
export function userCodeIn(scanned) {
  const fragment = scanned.split('#')[1] ?? '';
  return read(new URLSearchParams(fragment).get('u') ?? scanned).code;
}
