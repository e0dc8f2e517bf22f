//! Codes of one use that people keep on paper: ten characters of Crockford base32, 50 bits.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::random::NoRandomness;
use crate::symbols::{folded, random_symbols};

/// How many characters a code has.
const LENGTH: usize = 10;

/// A code of one use: of the help desk for the next registration, or a recovery code.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// Draws a new code.
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, NoRandomness> {
        random_symbols::<LENGTH>().map(Self)
    }

    /// Reads a code as people type it: in any case, with blanks, without its hyphen, in full-width forms, O for 0, I
    /// and L for 1.
    ///
    /// # Errors
    /// How many characters it has, where that is not ten.
    pub fn parse(typed: &str) -> Result<Self, usize> {
        let folded = folded(typed);
        match folded.chars().count() {
            LENGTH => Ok(Self(folded)),
            other => Err(other),
        }
    }

    /// The code in two groups, to read out or print.
    #[must_use]
    pub fn grouped(&self) -> String {
        let half = self.0.char_indices().nth(LENGTH / 2);
        let (left, right) = self.0.split_at(half.map_or(self.0.len(), |(at, _)| at));
        format!("{left}-{right}")
    }

    /// The ten characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = OneTimeCode::parse("7K2MQ-0W1RT").map(|c| c.grouped());
        assert_eq!(code.as_deref(), Ok("7K2MQ-0W1RT"));
        for typed in [
            "7k2mq0w1rt",
            " 7K2MQ OWLRT ",
            "７Ｋ２ＭＱ－０Ｗ１ＲＴ",
            "7k2mqowirt",
            "７Ｋ２ＭＱー０Ｗ１ＲＴ",
        ] {
            assert_eq!(
                OneTimeCode::parse(typed).map(|c| c.grouped()),
                code,
                "{typed}"
            );
        }
        assert_eq!(OneTimeCode::parse("7K2MQ").map(drop), Err(5));
        assert_eq!(OneTimeCode::parse("").map(drop), Err(0));
        assert_eq!(
            OneTimeCode::parse("会議会議会議会議会議").map(|c| c.grouped()),
            Ok("会議会議会-議会議会議".into())
        );
    }
}
