//! Watching for the command that would make a connection another account's (UNAUTHENTICATE: RFC 8437, and RFC 5804, section 2.14.1).
//!
//! Bytes are copied after the login, so nothing knows where a literal ends: a server that refuses one reads its bytes as commands. So every line counts that
//! could be this command, wherever it stands. A mail with such a line (a word, then `UNAUTHENTICATE`) can't be stored through such an upstream; no other harm is done.
//! Compression would hide the command, so asking for it ends the connection too; the gateway does not offer it there.

use memchr::memchr2;

/// The longest word that is looked for, and one byte more.
const WORD: usize = 15;

/// Watches what a client sends.
#[derive(Debug, Clone, Default)]
pub struct Relogin {
    /// How many words of the line are complete.
    words: usize,
    word: Vec<u8>,
}

impl Relogin {
    /// Looks at what comes next; `false` if it must not be passed on, and the connection has to end.
    #[must_use]
    pub fn passes(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            match byte {
                b'\r' | b'\n' | b' ' | b'\t' | 0 => {
                    if self.is_wanted() {
                        return false;
                    }
                    if matches!(byte, b'\r' | b'\n') {
                        self.words = 0;
                    } else if !self.word.is_empty() {
                        self.words += 1;
                    }
                    self.word.clear();
                    rest = behind;
                }
                _ if self.words > 1 => {
                    // The rest of the line is of no interest.
                    let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    rest = &rest[end..];
                }
                _ => {
                    if self.word.len() < WORD {
                        self.word.push(byte);
                    }
                    rest = behind;
                }
            }
        }
        true
    }

    /// Whether the word that ends here is the command: behind a tag in IMAP, alone in ManageSieve.
    fn is_wanted(&self) -> bool {
        let is = |wanted: &[u8]| self.word.eq_ignore_ascii_case(wanted);
        self.words <= 1 && (is(b"UNAUTHENTICATE") || self.words == 1 && is(b"COMPRESS"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether all of it passes, in pieces of `step` bytes.
    fn passes(bytes: &[u8], step: usize) -> bool {
        let mut watch = Relogin::default();
        bytes.chunks(step).all(|piece| watch.passes(piece))
    }

    #[test]
    fn no_way_of_writing_the_command_gets_through() {
        for bytes in [
            &b"a UNAUTHENTICATE\r\n"[..],
            b"a unauthenticate\r\n",
            b"a  UnAuthenticate \r\n",
            b" a\tUNAUTHENTICATE\n",
            b"a NOOP\r\nb UNAUTHENTICATE\r\n",
            b"a APPEND x {100}\r\nb UNAUTHENTICATE\r\n",
            b"a NOOP\rb UNAUTHENTICATE\r",
            b"a COMPRESS DEFLATE\r\n",
            b"UNAUTHENTICATE\r\n",
        ] {
            for step in [1, 2, 7, 1000] {
                assert!(!passes(bytes, step), "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn everything_else_passes() {
        for bytes in [
            &b"a SELECT UNAUTHENTICATE\r\n"[..],
            b"a APPEND x {20}\r\nTo UNAUTHENTICATED or\r\n",
            b"how to say a UNAUTHENTICATE\r\n",
            b"a UNAUTHENTICATE",
        ] {
            assert!(passes(bytes, 1), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_makes_no_difference(
            text in "[ab \r\n]{0,12}(UNAUTHENTICATE|COMPRESS|x)[ \r\n]{0,2}[a ]{0,5}",
            step in 1usize..9,
        ) {
            prop_assert_eq!(passes(text.as_bytes(), step), passes(text.as_bytes(), usize::MAX));
        }
    }
}
