// The key that follows from the two codes, and the digits that follow from the key. The key exists only
// inside the browser's cryptography: it can sign, and can never be read out again.

import { secretOf } from './codes.js';

/** How long six digits hold, in seconds (RFC 6238). */
export const STEP_SECONDS = 30;

const utf8 = new TextEncoder();

/** The key for an app code and a user code of 15 characters each: HKDF-SHA-256 into HMAC-SHA-1. */
export async function agree(appCode, userCode) {
  const material = utf8.encode(secretOf(appCode) + secretOf(userCode));
  const base = await crypto.subtle.importKey('raw', material, 'HKDF', false, ['deriveKey']);
  material.fill(0);
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: utf8.encode('sekisho otp v1'), info: utf8.encode('totp key') },
    base,
    { name: 'HMAC', hash: 'SHA-1', length: 160 },
    false,
    ['sign'],
  );
}

/** The step (half-minute since 1970) in which a time in Unix seconds lies. */
export function stepAt(unixSeconds) {
  return Math.floor(unixSeconds / STEP_SECONDS);
}

/** The six digits that hold in a step (RFC 4226 section 5.3 over the step's number). */
export async function digitsAt(key, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const digest = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer));
  const offset = digest.getUint8(digest.byteLength - 1) & 0x0f;
  const truncated = digest.getUint32(offset) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, '0');
}
