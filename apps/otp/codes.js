// The app code and the user code: 15 characters of Crockford's base32; the last one is a check character.
// crates/otp implements the same in Rust, and code-agreement.json has test vectors for both.

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LOOK_ALIKES = { O: '0', I: '1', L: '1' };

/** The number of characters in a code, with the check character. */
export const SYMBOLS = 15;
const SECRET_SYMBOLS = SYMBOLS - 1;
const GROUP = 5;

/** The most characters that are read; longer than any code, and short enough for a pasted page. */
const READ_AT_MOST = 200;

// Spaces, and what keyboards produce instead of a hyphen: with a Japanese input method the hyphen key types the long
// vowel mark. Pasted text may contain invisible spaces.
const SEPARATORS = /[\p{White_Space}\-\u2010-\u2015\u2212\u30FC\u200B\uFEFF]/gu;

/** A new code from 70 random bits, as 15 characters without hyphens. */
export function generate() {
  const values = Array.from(crypto.getRandomValues(new Uint8Array(SECRET_SYMBOLS)), (byte) => byte & 31);
  return [...values, checkValue(values)].map((value) => ALPHABET[value]).join('');
}

/** A code as people see it: three groups of five characters, joined by hyphens. */
export function grouped(code) {
  return code.replace(/(.{5})(?=.)/gu, '$1-');
}

/** The characters of a code without the check character; they are the key material. */
export function secretOf(code) {
  return code.slice(0, SECRET_SYMBOLS);
}

/**
 * Reads a code as people type it: with lower case, full-width letters, spaces, missing or other hyphens, and O, I, L
 * for the digits that they resemble.
 *
 * Returns `symbols` (each character as `{ shown, possible }`, to be shown to the person) and either `code` (15
 * characters) or `problem`: 'empty', 'short', 'long', 'character' (with `at`, counted from 1, and `found`) or 'check'.
 */
export function read(typed) {
  const symbols = Array.from(
    typed.slice(0, READ_AT_MOST).normalize('NFKC').replace(SEPARATORS, ''),
    (character) => {
      const upper = character.replace(/[a-z]/, (letter) => letter.toUpperCase());
      const shown = LOOK_ALIKES[upper] ?? upper;
      return { shown, possible: ALPHABET.includes(shown) };
    },
  );
  const impossible = symbols.findIndex((symbol) => !symbol.possible);
  if (impossible >= 0) {
    return { symbols, problem: 'character', at: impossible + 1, found: symbols[impossible].shown };
  }
  if (symbols.length === 0) return { symbols, problem: 'empty' };
  if (symbols.length < SYMBOLS) return { symbols, problem: 'short' };
  if (symbols.length > SYMBOLS) return { symbols, problem: 'long' };
  const values = symbols.map((symbol) => ALPHABET.indexOf(symbol.shown));
  if (values.at(-1) !== checkValue(values.slice(0, -1))) return { symbols, problem: 'check' };
  return { symbols, code: symbols.map((symbol) => symbol.shown).join('') };
}

/** The characters of `read`, in the groups in which they are shown. */
export function groupsOf(symbols) {
  const groups = [];
  for (let at = 0; at < symbols.length; at += GROUP) groups.push(symbols.slice(at, at + GROUP));
  return groups;
}

/** c1·a + c2·a² + … + c14·a¹⁴ in GF(32) with x⁵ + x² + 1 and a = 2, by Horner's rule. */
function checkValue(values) {
  return values.reduceRight((sum, value) => timesA(sum ^ value), 0);
}

function timesA(value) {
  const doubled = value << 1;
  return doubled & 0b100000 ? doubled ^ 0b100101 : doubled;
}
