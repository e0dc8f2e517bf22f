//! The key that both sides share.

use core::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::code::{AppCode, UserCode};
use crate::symbols::SECRET_SYMBOLS;
use crate::totp::{DIGITS, OtpCode, Step};

/// Bytes of a key: the output length of HMAC-SHA-1, which RFC 4226 section 4 (R6) recommends.
const KEY_BYTES: usize = 20;

/// The secret that an OTP app and the server share.
///
/// Equality is decided in constant time, `Debug` shows nothing of the key, and the memory is wiped when
/// the value is dropped.
#[derive(Clone)]
pub struct OtpKey(Zeroizing<[u8; KEY_BYTES]>);

impl OtpKey {
    /// The key that follows from the two codes: HKDF-SHA-256 (RFC 5869 section 2) over the 140 bits that they carry.
    /// The OTP app computes the same, whichever of the two was entered first.
    pub fn agree(app: &AppCode, user: &UserCode) -> Self {
        let mut material = Zeroizing::new([0; 2 * SECRET_SYMBOLS]);
        let (from_app, from_user) = material.split_at_mut(SECRET_SYMBOLS);
        from_app.copy_from_slice(app.symbols().secret().as_slice());
        from_user.copy_from_slice(user.symbols().secret().as_slice());

        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(Some(b"sekisho otp v1"), material.as_slice())
            .expand(b"totp key", key.as_mut_slice())
            .expect("20 bytes are fewer than HKDF can give");
        Self(key)
    }

    /// Restores a stored key.
    ///
    /// # Errors
    ///
    /// [`KeyLengthError`] unless there are exactly 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyLengthError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != key.len() {
            return Err(KeyLengthError { found: bytes.len() });
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// The 20 bytes of the key, to be encrypted and stored. This gives the secret away.
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The key in base32 (RFC 4648 section 6; 32 characters need no padding), as an `otpauth:` link or a
    /// person carries it to a standard authenticator. This gives the secret away.
    pub fn to_base32(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::with_capacity(KEY_BYTES * 8 / 5);
        for chunk in self.0.chunks(5) {
            let bits = chunk
                .iter()
                .fold(0, |bits: u64, &byte| bits << 8 | u64::from(byte));
            for shift in (0..8).rev().map(|place| place * 5) {
                text.push(char::from(ALPHABET[(bits >> shift & 0x1f) as usize]));
            }
        }
        text
    }

    /// The code that is valid in a step (RFC 6238 section 4.2: the HOTP value of the step's number).
    pub fn code(&self, step: Step) -> OtpCode {
        OtpCode::from_value(self.truncated(step.0) % 10u32.pow(DIGITS))
    }

    /// The step that a code belongs to, if that is the present one, the one before or the one after
    /// (RFC 6238 section 5.2). The caller accepts a step only if it is later than every one accepted before.
    ///
    /// Takes the same time wherever the code matches, or if it does not match. If two of the steps have the same code,
    /// the later one is returned: accepting it rules out the earlier one as well.
    pub fn find(&self, code: &OtpCode, now_unix: i64) -> Option<Step> {
        self.find_wide(code, now_unix, 1)
    }

    /// Like [`find`](OtpKey::find), but searches `radius` steps of 30 seconds on either side. Use it to recognise a
    /// phone whose clock is wrong, never to accept a code: the chance of a lucky guess grows with the radius.
    pub fn find_wide(&self, code: &OtpCode, now_unix: i64, radius: u64) -> Option<Step> {
        let now = Step::at(now_unix).0;
        let mut found = Choice::from(0);
        let mut step = 0;
        for candidate in now.saturating_sub(radius)..=now.saturating_add(radius) {
            let hit = self.code(Step(candidate)).ct_eq(code);
            step.conditional_assign(&candidate, hit);
            found |= hit;
        }
        bool::from(found).then_some(Step(step))
    }

    /// HMAC-SHA-1 of the counter and its dynamic truncation to 31 bits (RFC 4226 section 5.3).
    fn truncated(&self, counter: u64) -> u32 {
        let mut hmac = Hmac::<Sha1>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes a key of any length");
        hmac.update(&counter.to_be_bytes());
        let digest = hmac.finalize().into_bytes();
        let offset = usize::from(digest[digest.len() - 1] & 0x0f);
        digest[offset..offset + 4]
            .iter()
            .fold(0, |value, &byte| value << 8 | u32::from(byte))
            & 0x7fff_ffff
    }
}

impl PartialEq for OtpKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for OtpKey {}

impl fmt::Debug for OtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpKey(..)")
    }
}

/// The error for stored bytes that are no OTP key, because there are not 20 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an OTP key has {KEY_BYTES} bytes, not {found}")]
pub struct KeyLengthError {
    /// How many bytes there were.
    pub found: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc_key() -> OtpKey {
        OtpKey::from_bytes(b"12345678901234567890").expect("20 bytes")
    }

    #[test]
    fn hotp_gives_the_values_of_rfc_4226_appendix_d() {
        let truncated = [
            1284755224, 1094287082, 137359152, 1726969429, 1640338314, 868254676, 1918287922,
            82162583, 673399871, 645520489,
        ];
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (counter, (truncated, code)) in (0..).zip(truncated.into_iter().zip(codes)) {
            assert_eq!(rfc_key().truncated(counter), truncated);
            assert_eq!(rfc_key().code(Step(counter)).expose(), code);
        }
    }

    #[test]
    fn totp_gives_the_sha_1_values_of_rfc_6238_appendix_b() {
        let eight_digits = [
            (59, 94287082),
            (1111111109, 7081804),
            (1111111111, 14050471),
            (1234567890, 89005924),
            (2000000000, 69279037),
            (20000000000, 65353130),
        ];
        for (unix_seconds, expected) in eight_digits {
            let step = Step::at(unix_seconds);
            assert_eq!(rfc_key().truncated(step.0) % 100_000_000, expected);
        }
    }

    #[test]
    fn a_code_is_found_in_its_step_and_the_steps_beside_it() {
        let key = rfc_key();
        let step = Step::at(1_111_111_109);
        let code = key.code(step);
        let at_distance = |steps: i64| 1_111_111_109 + 30 * steps;
        for distance in -1..=1 {
            assert_eq!(key.find(&code, at_distance(distance)), Some(step));
        }
        for distance in [-3, -2, 2, 3] {
            assert_eq!(key.find(&code, at_distance(distance)), None);
        }
    }

    #[test]
    fn a_phone_whose_clock_is_ten_minutes_off_is_recognised() {
        let key = rfc_key();
        let code = key.code(Step::at(1_111_111_109));
        assert_eq!(
            key.find_wide(&code, 1_111_111_109 - 600, 40),
            Some(Step::at(1_111_111_109))
        );
    }

    #[test]
    fn the_beginning_of_time_has_no_step_before_it() {
        let key = rfc_key();
        assert_eq!(key.find(&key.code(Step(0)), 0), Some(Step(0)));
        assert_eq!(key.find(&key.code(Step(1)), -86_400), Some(Step(1)));
    }

    #[test]
    fn base32_is_what_rfc_4648_says() {
        assert_eq!(rfc_key().to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_stored_key_comes_back_whole_or_not_at_all() {
        let key = rfc_key();
        assert_eq!(OtpKey::from_bytes(key.expose_bytes()), Ok(key));
        assert_eq!(
            OtpKey::from_bytes(&[0; 21]),
            Err(KeyLengthError { found: 21 })
        );
    }

    #[test]
    fn debug_keeps_the_key_to_itself() {
        assert_eq!(format!("{:?}", rfc_key()), "OtpKey(..)");
    }
}
