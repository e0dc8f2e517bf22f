//! Six-digit codes, and the 30-second steps in which they are valid.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{random, typed};

/// How long a step lasts, in seconds (RFC 6238 section 5.2).
pub const STEP_SECONDS: u64 = 30;

/// Digits of a code.
pub const DIGITS: u32 = 6;

/// A time step of RFC 6238 section 4.2: the number of 30-second intervals since 1970. Every number is a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u64);

impl Step {
    /// The step that contains a time, given in Unix seconds. Times before 1970 belong to step 0.
    pub fn at(unix_seconds: i64) -> Self {
        Self(u64::try_from(unix_seconds).unwrap_or(0) / STEP_SECONDS)
    }

    /// When the step ends and the next one begins, in Unix seconds.
    pub fn end(self) -> i64 {
        let end = self.0.saturating_add(1).saturating_mul(STEP_SECONDS);
        i64::try_from(end).unwrap_or(i64::MAX)
    }
}

/// A one-time password: six digits, shown by an OTP app or sent by mail.
///
/// Equality is decided in constant time, `Debug` shows nothing of the digits, and the memory is wiped
/// when the value is dropped.
#[derive(Clone)]
pub struct OtpCode(Zeroizing<String>);

impl OtpCode {
    /// Makes a random code for a mailed OTP; each of the million codes is equally likely.
    ///
    /// # Panics
    ///
    /// Panics if the operating system provides no random numbers.
    pub fn generate() -> Self {
        let codes = 10u32.pow(DIGITS);
        let whole_rounds = u32::MAX - u32::MAX % codes;
        loop {
            let mut bytes = Zeroizing::new([0; 4]);
            random::fill(bytes.as_mut_slice());
            let number = u32::from_ne_bytes(*bytes);
            if number < whole_rounds {
                return Self::from_value(number % codes);
            }
        }
    }

    /// Reads a code as people type it: full-width digits, spaces and hyphens are fine.
    ///
    /// # Errors
    ///
    /// An [`OtpCodeError`] that says what the person should look at.
    pub fn parse(typed: &str) -> Result<Self, OtpCodeError> {
        let mut digits = Zeroizing::new(String::with_capacity(DIGITS as usize));
        let mut found = 0;
        let mut impossible = None;
        for character in typed::characters(typed) {
            found += 1;
            if !character.is_ascii_digit() {
                impossible.get_or_insert(OtpCodeError::Character {
                    at: found,
                    found: character,
                });
            }
            if found <= DIGITS as usize {
                digits.push(character);
            }
        }
        // The length is checked first: fifteen letters and digits are an app code or a user code, not six digits with a
        // slip.
        if found != DIGITS as usize {
            return Err(OtpCodeError::Length { found });
        }
        impossible.map_or(Ok(Self(digits)), Err)
    }

    /// The six digits. This gives the secret away.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_value(value: u32) -> Self {
        Self(Zeroizing::new(format!("{value:06}")))
    }
}

impl ConstantTimeEq for OtpCode {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_bytes().ct_eq(other.0.as_bytes())
    }
}

impl PartialEq for OtpCode {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for OtpCode {}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(..)")
    }
}

/// Why a typed text is not a one-time password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtpCodeError {
    /// Too few or too many digits.
    #[error("a one-time password has {DIGITS} digits, not {found}")]
    Length {
        /// How many there were, not counting separators. In a very long text only the beginning is counted.
        found: usize,
    },
    /// Something that is not a digit.
    #[error("character {at} of a one-time password can't be {found:?}")]
    Character {
        /// Which character it was, counted from 1, not counting separators.
        at: usize,
        /// The character, in its half-width form.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_step_lasts_half_a_minute() {
        assert_eq!(Step::at(59), Step(1));
        assert_eq!(Step::at(60), Step(2));
        assert_eq!(Step(1).end(), 60);
        assert_eq!(Step::at(-1), Step(0));
        assert_eq!(Step(u64::MAX).end(), i64::MAX);
    }

    #[test]
    fn digits_are_read_as_people_type_them() {
        for typed in [
            "012345",
            " 012 345\n",
            "012-345",
            "０１２３４５",
            "０１２　３４５",
            "012ー345",
        ] {
            let code = OtpCode::parse(typed);
            assert_eq!(code.as_ref().map(OtpCode::expose), Ok("012345"), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |text: &str| OtpCode::parse(text).err();
        assert_eq!(refused(""), Some(OtpCodeError::Length { found: 0 }));
        assert_eq!(refused("12345"), Some(OtpCodeError::Length { found: 5 }));
        assert_eq!(refused("1234567"), Some(OtpCodeError::Length { found: 7 }));
        assert_eq!(
            refused("12 O456"),
            Some(OtpCodeError::Character { at: 3, found: 'O' })
        );
    }

    #[test]
    fn debug_keeps_the_digits_to_itself() {
        assert_eq!(format!("{:?}", OtpCode::generate()), "OtpCode(..)");
    }

    #[test]
    fn generated_codes_keep_their_leading_zeros_and_are_parsed_back() {
        for _ in 0..1_000 {
            let code = OtpCode::generate();
            assert_eq!(OtpCode::parse(code.expose()), Ok(code));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _outcome = OtpCode::parse(&text);
        }
    }
}
