// Derives the key from the two codes, and OTPs from the key. The key is a non-extractable key of the browser's
// Web Cryptography API: it can sign, and nobody can read it.

import { secretOf } from './codes.js';

/** How long an OTP is valid, in seconds (RFC 6238 section 5.2). */
export const STEP_SECONDS = 30;

const utf8 = new TextEncoder();

/** The key for an app code and a user code, 15 characters each: HKDF-SHA-256 gives a key for HMAC-SHA-1. */
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

/** The number of the time step (30 s, counted from 1970) that contains a Unix time in seconds. */
export function stepAt(unixSeconds) {
  return Math.floor(unixSeconds / STEP_SECONDS);
}

/** The OTP of a time step, six digits (RFC 4226 section 5.3). */
export async function digitsAt(key, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const digest = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer));
  const offset = digest.getUint8(digest.byteLength - 1) & 0x0f;
  const truncated = digest.getUint32(offset) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, '0');
}
