//! SASL messages in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_imap::Secret;

/// Decodes a message; `None` if it is not base64.
pub(crate) fn decode(text: &[u8]) -> Option<Secret> {
    STANDARD.decode(text).ok().map(Secret::new)
}
