//! Watches for the command with which a client could log in again as another account on the same connection
//! (UNAUTHENTICATE: RFC 8437, and RFC 5804, section 2.14.1).
//!
//! Bytes are copied after the login, so it is not known where a literal ends: a server that refuses a literal reads its
//! bytes as commands. That is why any line that could be this command counts, wherever it stands. So a message that
//! contains such a line (a word, then `UNAUTHENTICATE`) can't be stored through such an upstream; there is no other
//! drawback. Compression would hide the command, so a request for it ends the connection, too; the gateway does not
//! offer it there.

use memchr::memchr2;

/// One byte more than the longest word that is searched for.
const WORD: usize = 15;

/// Watches the bytes that a client sends.
#[derive(Debug, Clone, Default)]
pub struct Relogin {
    /// The number of complete words in the current line.
    words: usize,
    word: Vec<u8>,
}

impl Relogin {
    /// Checks the client's next bytes. If it returns `false`, they must not be passed on, and the connection must end.
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
                    // The rest of the line doesn't matter.
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

    /// Whether the word that ends here is a forbidden command: after a tag in IMAP, or the first word in ManageSieve.
    fn is_wanted(&self) -> bool {
        let is = |wanted: &[u8]| self.word.eq_ignore_ascii_case(wanted);
        self.words <= 1 && (is(b"UNAUTHENTICATE") || self.words == 1 && is(b"COMPRESS"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether all of the text is passed on, in pieces of `step` bytes.
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
