//! Mailbox names: UTF-8 in memory, modified UTF-7 in the protocol (RFC 3501, section 5.1.3).

use std::fmt;

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The base64 of modified UTF-7: `,` instead of `/`, no padding, no surplus bits at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The name of a mailbox. `INBOX` becomes upper case in any spelling (RFC 3501, section 5.1); other names stay as they
/// are. A name may contain any character but NUL, but its wire form is always printable ASCII, so that no name can end
/// its argument in a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(String);

/// Why bytes are not a mailbox name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A shift sequence (`&...-`) that doesn't decode.
    #[error("broken modified UTF-7")]
    Utf7,
    /// Bytes above 127 that are not UTF-8.
    #[error("neither modified UTF-7 nor UTF-8")]
    Utf8,
    /// A NUL.
    #[error("NUL in a mailbox name")]
    Nul,
}

impl MailboxName {
    /// The mailbox that every account has.
    #[must_use]
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// Makes a name from UTF-8, as pages and the configuration write it.
    ///
    /// # Errors
    /// [`NameError::Nul`] if it contains a NUL.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.contains('\0') {
            return Err(NameError::Nul);
        }
        if name.eq_ignore_ascii_case("INBOX") {
            return Ok(Self::inbox());
        }
        Ok(Self(name.to_owned()))
    }

    /// Reads a name in modified UTF-7. A name with bytes above 127 is read as plain UTF-8, which many programs send
    /// without having enabled it.
    ///
    /// # Errors
    /// Says what is wrong with the encoding.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, NameError> {
        if bytes.is_ascii() {
            Self::new(&decode_utf7(bytes)?)
        } else {
            Self::new(std::str::from_utf8(bytes).map_err(|_| NameError::Utf8)?)
        }
    }

    /// Reads a name in plain UTF-8, as a client sends it that enabled UTF-8 (RFC 6855, section 3; RFC 9051, section
    /// 5.1).
    ///
    /// # Errors
    /// [`NameError::Utf8`] or [`NameError::Nul`].
    pub fn from_utf8(bytes: &[u8]) -> Result<Self, NameError> {
        Self::new(std::str::from_utf8(bytes).map_err(|_| NameError::Utf8)?)
    }

    /// The name in modified UTF-7: printable ASCII.
    #[must_use]
    pub fn to_wire(&self) -> String {
        encode_utf7(&self.0)
    }

    /// The name in UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the INBOX.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The special use of a folder (RFC 6154, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// All messages.
    All,
    /// Archived messages.
    Archive,
    /// Drafts.
    Drafts,
    /// Messages marked as important by `\Flagged`.
    Flagged,
    /// Spam.
    Junk,
    /// Sent messages.
    Sent,
    /// Deleted messages.
    Trash,
}

impl SpecialUse {
    /// Every special use.
    pub const EVERY: [Self; 7] = [
        Self::All,
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// Reads the attribute without its backslash, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::EVERY
            .into_iter()
            .find(|known| known.as_str()[1..].eq_ignore_ascii_case(word))
    }

    /// The attribute with its backslash.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}

/// Decodes modified UTF-7, like [`MailboxName::from_wire`], but makes no name of it: LIST patterns are written in it,
/// too.
///
/// # Errors
/// [`NameError::Utf7`] or, for bytes above 127, [`NameError::Utf8`].
pub fn decode_utf7(bytes: &[u8]) -> Result<String, NameError> {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(shift) = rest.iter().position(|&b| b == b'&') {
        text.push_str(ascii(&rest[..shift])?);
        rest = &rest[shift + 1..];
        let end = rest
            .iter()
            .position(|&b| b == b'-')
            .ok_or(NameError::Utf7)?;
        if end == 0 {
            text.push('&');
        } else {
            let utf16 = BASE64.decode(&rest[..end]).map_err(|_| NameError::Utf7)?;
            if utf16.is_empty() || utf16.len() % 2 != 0 {
                return Err(NameError::Utf7);
            }
            let units = utf16
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            for character in char::decode_utf16(units) {
                text.push(character.map_err(|_| NameError::Utf7)?);
            }
        }
        rest = &rest[end + 1..];
    }
    text.push_str(ascii(rest)?);
    Ok(text)
}

/// Encodes text in modified UTF-7.
#[must_use]
pub fn encode_utf7(text: &str) -> String {
    let mut wire = String::with_capacity(text.len());
    let mut utf16 = Vec::new();
    for character in text.chars() {
        if matches!(character, ' '..='~') {
            unshift(&mut wire, &mut utf16);
            wire.push(character);
            if character == '&' {
                wire.push('-');
            }
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                utf16.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    unshift(&mut wire, &mut utf16);
    wire
}

fn unshift(wire: &mut String, utf16: &mut Vec<u8>) {
    if !utf16.is_empty() {
        wire.push('&');
        BASE64.encode_string(&utf16, wire);
        wire.push('-');
        utf16.clear();
    }
}

fn ascii(bytes: &[u8]) -> Result<&str, NameError> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(NameError::Utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_decode() {
        let name = MailboxName::from_wire(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap();
        assert_eq!(name.as_str(), "~peter/mail/台北/日本語");
        assert_eq!(name.to_wire(), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(MailboxName::from_wire(b"R&-D").unwrap().as_str(), "R&D");
        assert_eq!(
            MailboxName::from_wire(b"iNbOx").unwrap(),
            MailboxName::inbox()
        );
    }

    #[test]
    fn a_name_with_a_line_break_and_quotes_stays_in_its_place() {
        let name = MailboxName::new("a\"b\r\nx LOGOUT").unwrap();
        assert_eq!(name.to_wire(), "a\"b&AA0ACg-x LOGOUT");
    }

    #[test]
    fn broken_names_are_refused() {
        for (wire, error) in [
            (&b"R&D"[..], NameError::Utf7),
            (b"&2AA-", NameError::Utf7),
            (b"&AGEA-", NameError::Utf7),
            (b"&AAA-", NameError::Nul),
            (b"\xff", NameError::Utf8),
        ] {
            assert_eq!(MailboxName::from_wire(wire), Err(error), "{wire:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back_from_the_wire(text in "[^\0]*") {
            let name = MailboxName::new(&text).unwrap();
            let wire = name.to_wire();
            prop_assert!(wire.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(MailboxName::from_wire(wire.as_bytes()).unwrap(), name);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = MailboxName::from_wire(&bytes);
        }
    }
}
